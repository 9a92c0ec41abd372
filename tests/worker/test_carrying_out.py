"""What commands ask of the ledger's only writer is carried out, once, and told."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0tray.core import events
from mem0tray.core.item import Item
from mem0tray.files import orders, receipts
from mem0tray.files.orders import DISCARD, FORGET, SEND
from mem0tray.worker.carrying_out import end_merge_orders, process, read_and_publish
from tests.ledger.samples import HERE, NOW, fresh, letter
from tests.worker.queue.scene import QueueScene, opened

WAITS, DEAD = fresh("a"), letter("b")
BOTH = [(each.id, each.digest) for each in (WAITS, DEAD)]


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[QueueScene]:
    """Have a waiting entry and a dead letter."""
    with opened(tmp_path, monkeypatch) as made:
        made.context.inbox.add_fresh(WAITS, NOW, ask=False)
        made.context.inbox.add_dead(DEAD, DEAD.raw, NOW, ask=False, gen=None)
        yield made


def texts(ground: QueueScene) -> int:
    """How many texts the ledger holds."""
    with ground.context.ledger.locked() as db:
        return int(db.execute("SELECT count(*) FROM texts").fetchone()[0])


def states(ground: QueueScene, *items: Item) -> list[str]:
    """What became of these."""
    return [ground.column("state", each) for each in items]


def test_without_requests_nothing_is_done(ground: QueueScene) -> None:
    """The folder need not be there."""
    assert process(ground.context) == 0


def test_a_deletion_is_carried_out_once_and_told(ground: QueueScene) -> None:
    """With how many of each kind, and where they can be restored from."""
    orders.give(ground.context.paths, DISCARD, BOTH, receipts.DELETE, "backup.json")
    assert process(ground.context) == 1
    assert states(ground, WAITS, DEAD) == ["discarded", "discarded"]
    assert [ground.column("reason", each) for each in (WAITS, DEAD)] == ["deleted"] * 2
    assert ground.told == [events.UserAction(receipts.DELETE, 1, 1, "backup.json")]
    assert list(ground.context.paths.orders.iterdir()) == []
    assert texts(ground) == 2
    assert process(ground.context) == 0


def test_what_only_a_former_server_has_can_be_deleted(ground: QueueScene) -> None:
    """It stood in the queue file to be brought over, and goes before it is taken in."""
    there, here = fresh("c"), fresh("d")
    for item, server in ((there, "http://former"), (here, HERE)):
        key = ground.context.inbox.add_fresh(item, NOW, ask=False)
        ground.context.outbox.record_delivery(key, server, NOW)
    ground.context.server = HERE
    both = [(each.id, each.digest) for each in (there, here)]
    orders.give(ground.context.paths, DISCARD, both, receipts.DELETE, "backup.json")
    process(ground.context)
    assert states(ground, there, here) == ["discarded", "delivered"]
    assert ground.told == [
        events.UserAction(receipts.DELETE, 0, 1, "backup.json"),
        events.DeliveredAfterDeletion(here.project, here.id, edited=False),
    ]


def test_an_edit_sets_the_old_text_aside(ground: QueueScene) -> None:
    """That is another reason than a deletion."""
    orders.give(ground.context.paths, DISCARD, BOTH[:1], receipts.EDIT)
    process(ground.context)
    assert ground.column("reason", WAITS) == "edited"
    assert ground.told == [events.UserAction(receipts.EDIT, 0, 1)]


def test_what_is_delivered_by_now_stays_so(ground: QueueScene) -> None:
    """And it is told that the deletion came too late, and never that it was deleted."""
    ground.context.outbox.record_delivery(ground.known(WAITS).key, HERE, NOW)
    orders.give(ground.context.paths, DISCARD, BOTH[:1])
    assert process(ground.context) == 1
    assert states(ground, WAITS) == ["delivered"]
    assert ground.told == [events.DeliveredAfterDeletion("p", "a")]


def test_an_edit_of_what_is_delivered_by_now_is_told_as_that(ground: QueueScene) -> None:
    """The server has the old text."""
    ground.context.outbox.record_delivery(ground.known(WAITS).key, HERE, NOW)
    orders.give(ground.context.paths, DISCARD, BOTH[:1], receipts.EDIT)
    process(ground.context)
    assert ground.told == [events.DeliveredAfterDeletion("p", "a", edited=True)]


def test_to_forget_what_is_delivered_is_never_too_late(ground: QueueScene) -> None:
    """It is the text here that goes."""
    ground.context.outbox.record_delivery(ground.known(WAITS).key, HERE, NOW)
    orders.give(ground.context.paths, FORGET, BOTH[:1])
    process(ground.context)
    assert ground.told == []


def test_an_order_to_merge_stands_until_the_file_is_merged(ground: QueueScene) -> None:
    """Whoever left it waits for that; one that came later stands for the next time."""
    paths = ground.context.paths
    first = orders.ask_to_merge(paths)
    other = orders.give(paths, SEND, BOTH[:1])
    names = ground.context.unheard.names()
    later = orders.ask_to_merge(paths)
    assert process(ground.context) == 1
    assert (first.exists(), other is not None and other.exists()) == (True, False)
    end_merge_orders(ground.context, names)
    assert list(paths.orders.iterdir()) == [later]


def test_an_order_is_counted_before_it_leaves_the_folder(
    ground: QueueScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender sees it there, or that it was carried out."""
    paths, unheard = ground.context.paths, ground.context.unheard
    there: list[int] = []
    monkeypatch.setattr(
        unheard, "note_carried_out", lambda: there.append(len(list(paths.orders.iterdir())))
    )
    orders.give(paths, DISCARD, BOTH[:1])
    orders.ask_to_merge(paths)
    process(ground.context)
    end_merge_orders(ground.context, unheard.names())
    assert there == [2, 1]


def test_a_command_that_cannot_read_a_file_tells_of_it_and_goes_on(ground: QueueScene) -> None:
    """The others are read, and the next worker reads this one."""
    paths = ground.context.paths
    paths.queue.unlink(missing_ok=True)
    paths.queue.mkdir()
    order = orders.give(paths, DISCARD, BOTH[1:])
    ground.context.ledger.rebuilt = ""  # an ordinary opening
    read_and_publish(ground.context)
    failed = [each for each in ground.told if isinstance(each, events.PartFailed)]
    assert [(each.part, each.delay) for each in failed] == [("queue file", math.inf)] * 2
    assert order is not None
    assert not order.exists()
    assert states(ground, DEAD) == ["discarded"]


def test_a_text_that_is_to_be_forgotten_leaves_the_ledger(ground: QueueScene) -> None:
    """The others stay."""
    orders.give(ground.context.paths, FORGET, BOTH[:1])
    assert process(ground.context) == 1
    assert (texts(ground), ground.column("reason", WAITS)) == (1, "forgotten")
    assert ground.told == [events.UserAction(receipts.FORGET, 0, 1)]
    for file in ground.context.paths.data_dir.glob("ledger.sqlite3*"):
        assert b"text of a" not in file.read_bytes()


def test_what_is_held_is_sent(ground: QueueScene) -> None:
    """That alone is told; what was not held needs no telling."""
    ground.context.taken_by_others.hold(ground.known(WAITS).key, NOW)
    ground.context.inbox.add_fresh(fresh("c"), NOW, ask=False)
    orders.give(ground.context.paths, SEND, [WAITS.name, fresh("c").name])
    assert process(ground.context) == 1
    assert ground.column("held", WAITS) is None
    assert states(ground, WAITS, DEAD) == ["pending", "dead"]
    assert ground.told == [events.UserAction(receipts.RETRY, fresh=1)]
    ground.told.clear()
    orders.give(ground.context.paths, SEND, BOTH[:1])
    process(ground.context)
    assert ground.told == []


def test_a_second_start_wants_the_status_shown(ground: QueueScene) -> None:
    """By whoever has an icon."""
    orders.ask_to_show(ground.context.paths)
    assert process(ground.context) == 1
    assert ground.told == [events.StatusWanted()]


def test_requests_are_carried_out_in_their_order(ground: QueueScene) -> None:
    """An unknown memory is passed over."""
    orders.give(ground.context.paths, DISCARD, [("x", b"0" * 32), BOTH[0]], receipts.DELETE)
    orders.give(ground.context.paths, FORGET, BOTH[:1])
    assert process(ground.context) == 2
    assert ground.told == [events.UserAction(receipts.DELETE, 0, 1)]
    assert ground.column("reason", WAITS) == "forgotten"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"verb": "discard", "items": [{"id": "a", "digest": "xyz"}]}']
)
def test_a_request_that_makes_no_sense_is_removed(ground: QueueScene, text: str) -> None:
    """It keeps no other one waiting."""
    orders.give(ground.context.paths, DISCARD, BOTH[:1])
    (ground.context.paths.orders / "0.json").write_text(text, encoding="utf-8")
    assert process(ground.context) == 1
    assert states(ground, WAITS) == ["discarded"]
    assert list(ground.context.paths.orders.iterdir()) == []


def test_a_dead_letter_that_is_to_be_sent_is_due(ground: QueueScene) -> None:
    """As by a 0 in the file, its count kept; told as what it was, and the server is looked at."""
    kicked: list[bool] = []
    orders.give(ground.context.paths, SEND, BOTH)
    assert process(ground.context, lambda: kicked.append(True)) == 1
    assert (ground.column("due", DEAD), ground.column("last_attempt", DEAD)) == (0, 0)
    assert ground.column("retry_count", DEAD) == DEAD.retry_count
    assert states(ground, WAITS, DEAD) == ["pending", "dead"]
    assert ground.told == [events.UserAction(receipts.RETRY, 1)]
    orders.give(ground.context.paths, SEND, BOTH[:1])
    assert process(ground.context, lambda: kicked.append(True)) == 1
    assert (kicked, len(ground.told)) == ([True], 1)


def test_a_note_says_what_was_restored(ground: QueueScene) -> None:
    """At what time; it is no order, and is read once."""
    orders.note_restored(ground.context.paths, BOTH[1:])
    (note,) = ground.context.paths.orders.iterdir()
    (ground.context.paths.orders / "restored-0.json").write_text("{", encoding="utf-8")
    assert note.name.startswith("restored-")
    assert process(ground.context) == 0
    assert ground.column("revived", DEAD) is not None
    assert ground.column("revived", WAITS) is None
    assert list(ground.context.paths.orders.iterdir()) == []


def test_what_somebody_else_has_removed_meanwhile_is_no_trouble(
    ground: QueueScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who clears the folder gets what he asked for, and the rest goes on."""
    orders.give(ground.context.paths, DISCARD, BOTH, receipts.DELETE)
    orders.note_restored(ground.context.paths, BOTH[1:])
    for name in ("waiting", "notes"):
        found = list(getattr(orders, name)(ground.context.paths.orders))
        assert len(found) == 1
        monkeypatch.setattr(orders, name, lambda _, found=found: found)
    for path in ground.context.paths.orders.iterdir():
        path.unlink()
    assert process(ground.context) == 1
    assert states(ground, WAITS, DEAD) == ["discarded", "discarded"]


@pytest.mark.parametrize("verb", [DISCARD, FORGET, SEND])
def test_an_order_is_on_the_disk_before_it_is_removed(
    ground: QueueScene, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """A power cut must not undo what the user was told is done."""
    context = ground.context
    there: list[tuple[int, bool]] = []
    before = context.ledger.meta("durable")  # each durable transaction changes it

    def note() -> None:
        is_durable = context.ledger.meta("durable") != before
        there.append((len(list(context.paths.orders.iterdir())), is_durable))

    orders.give(context.paths, verb, BOTH, receipts.DELETE)
    monkeypatch.setattr(context.unheard, "note_carried_out", note)
    process(context)
    assert there == [(1, True)]
