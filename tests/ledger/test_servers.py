"""What the reader knows of servers: former ones, the dialect."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0tray.core import item as items
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.names import DIALECT
from mem0tray.ledger.outbox import Outbox
from mem0tray.ledger.reader import Reader
from tests.ledger.samples import ELSEWHERE, HERE, NOW, fresh, known, letter, put

THIRD = "http://third.test"


@pytest.fixture
def former(inbox: Inbox, outbox: Outbox, tmp_path: Path) -> Iterator[Reader]:
    """Deliver: to one server, to the other, to both; and again a wait, a deletion, a text anew."""
    entries = [fresh(name, timestamp=7) for name in ("there", "here", "both", "again", "deleted")]
    keys = dict(zip((each.id for each in entries), put(inbox, *entries), strict=True))
    for name, servers in {
        "there": (ELSEWHERE,),
        "here": (HERE,),
        "both": (ELSEWHERE, HERE),
        "again": (ELSEWHERE, THIRD),
        "deleted": (ELSEWHERE,),
    }.items():
        for at, server in enumerate(servers):
            outbox.record_delivery(keys[name], server, NOW + at)
    again, deleted = entries[3:]
    inbox.revive(known(inbox, again), again, NOW, dead=False, gen=None)
    inbox.revive(known(inbox, deleted), deleted, NOW, dead=False, gen=None)
    inbox.discard([keys["deleted"]], NOW, "deleted")
    list(put(inbox, fresh("there", content="another text"), letter("dead")))
    with Reader(tmp_path / "ledger.sqlite3") as reader:
        yield reader


def test_only_what_is_delivered_counts_as_elsewhere(former: Reader) -> None:
    assert former.only_elsewhere(HERE) == {ELSEWHERE: 1}
    assert former.only_elsewhere(ELSEWHERE) == {HERE: 1}
    assert former.only_elsewhere(THIRD) == {ELSEWHERE: 2, HERE: 2}
    assert former.servers() == [ELSEWHERE, HERE, THIRD]


def test_the_memory_of_setup_does_not_count_as_elsewhere(
    inbox: Inbox, outbox: Outbox, former: Reader
) -> None:
    project, text = items.TRIAL
    before = former.only_elsewhere(HERE)
    (key,) = put(inbox, fresh("trial", project_id=project, content=text))
    outbox.record_delivery(key, ELSEWHERE, NOW)
    assert former.only_elsewhere(HERE) == before


def test_every_memory_is_traced_on_both_servers(former: Reader) -> None:
    traced = list(former.traced(ELSEWHERE, HERE))
    assert [(each.id, each.state, each.there, each.here) for each in traced] == [
        ("there", items.DELIVERED, True, False),
        ("here", items.DELIVERED, False, True),
        ("both", items.DELIVERED, True, True),
        ("again", items.FRESH, True, False),
        ("deleted", items.DISCARDED, True, False),
        ("there", items.FRESH, False, False),
        ("dead", items.DEAD, False, False),
    ]
    first, *_, further, _ = traced
    assert (first.key, first.project, first.timestamp) == ("there", "p", 7.0)
    assert further.key == f"there-{further.digest.hex()[:8]}"


def test_the_deliveries_of_a_memory_are_told_in_their_order(former: Reader, inbox: Inbox) -> None:
    key = known(inbox, fresh("both")).key
    assert former.servers_of(key) == [(ELSEWHERE, NOW), (HERE, NOW + 1)]


@pytest.mark.parametrize(
    ("servers", "counted"),
    [
        (((ELSEWHERE,), (ELSEWHERE,)), {ELSEWHERE: 1}),
        (((ELSEWHERE,), (THIRD,)), {ELSEWHERE: 1}), (((ELSEWHERE,), (HERE,)), {}),
        (((ELSEWHERE, HERE), (ELSEWHERE,)), {}), (((ELSEWHERE,), ()), {}),
    ],
)  # fmt: skip
def test_a_memory_that_was_sent_again_counts_once(
    inbox: Inbox,
    outbox: Outbox,
    tmp_path: Path,
    servers: tuple[tuple[str, ...], ...],
    counted: dict[str, int],
) -> None:
    entries = [fresh("a", content="t"), fresh(items.id_again("a"), content="t")]
    for key, its in zip(put(inbox, *entries), servers, strict=True):
        for at, server in enumerate(its):
            outbox.record_delivery(key, server, NOW + at)
    with Reader(tmp_path / "ledger.sqlite3") as reader:
        assert reader.only_elsewhere(HERE) == counted


A, B = "http://a.test:8000/mem0", "http://b.test"


def test_a_dialect_is_known_of_the_last_address_alone(ledger: Ledger) -> None:
    with Reader(ledger.path) as reader:
        assert reader.dialect_of(A) == ""
        ledger.set_meta(DIALECT, f"oss {A}")
        assert (reader.dialect_of(A), reader.dialect_of(B)) == ("oss", "")
