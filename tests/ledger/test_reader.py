"""What commands ask of the ledger, without being in the worker's way."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from mem0tray.core import item as items
from mem0tray.core.item import Kind
from mem0tray.core.reasons import Reason
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.foreign_claims import ForeignClaims
from mem0tray.ledger.generations import Generations
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.names import DIALECT
from mem0tray.ledger.outbox import Outbox
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.rows import Matching, ProjectCounts, kept
from tests.ledger.samples import ELSEWHERE, HERE, NOW, fresh, known, letter, put
from tests.support import needs

A, B, C = letter("a"), letter("b"), letter("c")
THIRD = "http://third.test"


def test_deliveries_are_counted_by_their_time(inbox: Inbox, outbox: Outbox, reader: Reader) -> None:
    for at in (NOW - 0.5, NOW, NOW + 59, NOW + 60):
        outbox.record_delivery(inbox.add_fresh(fresh(f"at {at}"), at, ask=False), HERE, at)
    assert reader.deliveries(NOW, 60.0) == {NOW: 2, NOW + 60: 1}


def test_what_a_server_has_is_known_by_id_text_and_server(
    inbox: Inbox, outbox: Outbox, reader: Reader
) -> None:
    outbox.record_delivery(put(inbox, A, B)[0], HERE, NOW)
    assert reader.has("a", A.digest, HERE)
    for other in (("b", A.digest, HERE), ("a", B.digest, HERE), ("a", A.digest, ELSEWHERE)):
        assert not reader.has(*other)


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (Matching(since=NOW - 60), "bc"),
        (Matching(before=NOW - 60), "ad"),
        (Matching(since=NOW - 7200, before=NOW - 60), "a"),
        (Matching(text="one", before=NOW), "a"),
        (Matching(text="\0"), ""),
        (Matching(text="\x1f"), "d"),
        (Matching(text="0\01"), ""),
        (Matching(text="%"), "b"),
        (Matching(errors=["500", "502"]), "b"),
        (Matching(project="q"), "d"),
    ],
)
def test_the_age_is_that_of_the_memory_and_a_text_is_taken_as_it_is(
    inbox: Inbox, reader: Reader, wanted: Matching, ids: str
) -> None:
    memories = [
        letter("a", timestamp=NOW - 7200, content="one"),
        letter("b", timestamp=1, content="100 %", last_error="500"),  # that says nothing
        letter("c", timestamp=NOW + 60, content="a\0b"),
        letter("d", timestamp=NOW - 9000, content="a\x1fb", project_id="q"),
    ]
    keys = dict(zip(put(inbox, *memories), "abcd", strict=True))
    assert "".join(keys[key] for key in sorted(reader.matching(wanted))) == ids


def test_the_most_frequent_errors_are_listed_with_an_example(
    ledger: Ledger, inbox: Inbox, reader: Reader
) -> None:
    for key, said in zip(put(inbox, *map(letter, "abcdef")), "XYZZYZ", strict=True):
        ledger.write("UPDATE items SET last_error = ? WHERE key = ?", said, key)
    found = [(said, count, items.parse(raw)) for said, count, (_, raw) in reader.failures(2)]
    assert found == [("Z", 3, letter("c")), ("Y", 2, letter("b"))]


@pytest.mark.parametrize(
    ("order", "names"), [("due", "cba"), ("newest", "bac"), ("oldest", "cab"), ("tries", "acb")]
)
def test_dead_letters_are_sorted(inbox: Inbox, reader: Reader, order: str, names: str) -> None:
    letters = (
        letter(name, retry_count=tries, last_attempt=NOW - ago, moved_to_dlq_at=moved)
        for name, tries, moved, ago in (("a", 3, 20, 0), ("b", 1, 30, 0), ("c", 2, 10, 200))
    )
    keys = dict(zip(put(inbox, *letters), "abc", strict=True))
    assert "".join(keys[key] for key in reader.matching(Matching(), order)) == names


@pytest.mark.parametrize(
    ("kind", "said", "at", "became"),
    [
        (Kind.ITEM_FAILURE, "500", 0, "failed"),
        (Kind.ITEM_FAILURE, "500", -1, None),  # before
        (Kind.ASKED_IN_VAIN, "500", 1, None),
        (Kind.ITEM_FAILURE, "422", 1, "failed"),
        (Kind.OUTAGE, "502", 1, None),
        (Kind.OUTAGE, "500", 1, "failed"),  # others showed that it was the memory's fault
    ],
)
def test_the_outcome_of_a_retry_is_the_last_attempt_since_then(
    ledger: Ledger, reader: Reader, kind: Kind, said: str, at: float, became: str
) -> None:
    inbox, outbox = Inbox(ledger), Outbox(ledger)
    key, gone, delivered, other = put(inbox, A, B, C, letter("d"))
    ledger.write("UPDATE items SET last_error = '500'")
    outbox.record_attempt(other, NOW + 1, Kind.ITEM_FAILURE, 500, "500", 0.1)  # nobody asks
    outbox.record_attempt(key, NOW - 2, Kind.ITEM_FAILURE, 500, "500", 0.1)
    outbox.record_attempt(key, NOW + at, kind, 500, said, 0.1)
    inbox.discard([gone], NOW, items.DELETED)
    outbox.record_delivery(delivered, HERE, NOW)
    found = reader.outcomes([key, gone, delivered], NOW)
    assert found == {gone: "deleted", delivered: "delivered"} | ({key: became} if became else {})


def test_an_outcome_is_unknown_since_it_last_became_so_unless_that_very_item_is_denied(
    inbox: Inbox, outbox: Outbox, reader: Reader
) -> None:
    first, second = put(inbox, A, B, ask=True)
    (third,) = put(inbox, C)
    outbox.claim(first, NOW, HERE)
    outbox.mark_absent(outbox.claim(second, NOW, HERE), HERE)
    outbox.mark_unknown(third, HERE, NOW + 1, timed_out=False)
    outbox.mark_unknown(third, ELSEWHERE, NOW + 2, timed_out=False)
    outbox.mark_absent(outbox.claim(third, NOW + 3, THIRD), THIRD)
    assert [reader.by_id(name)[0].unknown for name in "abc"] == [NOW, None, NOW + 2]


def test_stays_are_of_dead_letters_that_went_since_then(
    inbox: Inbox, outbox: Outbox, reader: Reader
) -> None:
    before, since, _, entry = put(inbox, A, B, C, fresh("d"))
    outbox.record_delivery(before, HERE, NOW + 1)
    inbox.discard([since], NOW + 3, "user")
    outbox.record_delivery(entry, HERE, NOW + 4)
    assert reader.stays(NOW + 2) == [(NOW - 100, NOW + 3)]


def test_what_the_ledger_knows(inbox: Inbox, outbox: Outbox, reader: Reader) -> None:
    _, delivered, key = put(inbox, fresh("qq"), letter("aa"), letter("bb"))
    outbox.record_delivery(delivered, HERE, 5.0)
    outbox.record_attempt(key, 7.0, "item failure", 500, kept(Reason("odd\nanswer")), 0.25)
    outbox.record_attempt(key, 8.0, "unknown", None, "no answer", 60.0)
    assert reader.usable
    assert reader.last_delivery() == 5.0
    (known,) = reader.by_prefix("b")
    assert (known.id, known.state) == ("bb", "dead")
    assert [known] == reader.by_id("bb")
    assert reader.known(*known.name) == known
    history = reader.attempts(known.key)
    said = [(attempt.kind, attempt.message) for attempt in history]
    assert said == [("item failure", "odd answer"), ("unknown", "no answer")]  # each on one line
    assert reader.last_attempts() == {known.name: history[-1]}


def test_deletions_are_batches(inbox: Inbox, reader: Reader) -> None:
    keys = put(inbox, *map(letter, "abcd"))
    inbox.discard(keys[2:3], 20.0, "edited")
    assert not reader.has_discarded()
    inbox.discard(keys[:2], 10.0, "hand edit")
    inbox.discard(keys[3:], 30.0, "deleted")
    batches = [(each.closed, each.reason, len(each.raws)) for each in reader.discarded()]
    assert batches == [(30.0, "deleted", 1), (10.0, "hand edit", 2)]
    inbox.erase(keys[3:])
    assert [batch.closed for batch in reader.discarded()] == [10.0]
    assert reader.has_discarded()


@pytest.mark.parametrize(
    "name",
    [
        "a b#c", "%41", "é漢",
        pytest.param("a?mode=rwc", marks=needs.posix("Windows has no such name")),
        pytest.param(b"\xff".decode("utf-8", "surrogateescape"), marks=needs.linux("it is bytes")),
    ],
)  # fmt: skip
def test_a_ledger_is_read_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name / "ledger.sqlite3"
    path.parent.mkdir()
    with closing(Ledger(path)), Reader(path) as reader:
        assert reader.usable


@pytest.mark.parametrize("state", ["missing", "corrupt", "empty", "folder"])
def test_a_ledger_that_cannot_be_read_knows_nothing(tmp_path: Path, state: str) -> None:
    path = tmp_path / "ledger"
    if state == "folder":
        path.mkdir()
    elif state != "missing":
        path.write_bytes(b"" if state == "empty" else b"no database" * 1000)
    with Reader(path) as reader:
        assert not any([
            reader.usable, reader.only_elsewhere("s"), reader.counts(), reader.listed("pending"),
            reader.last_delivery(), reader.by_prefix("a"), reader.by_id("a"), reader.discarded(),
            reader.known("a", b""), reader.attempts(1), reader.has_discarded(),
            reader.waiting_names(), reader.dialect_of("a"),
        ])  # fmt: skip


def test_memories_come_by_project(inbox: Inbox, outbox: Outbox, reader: Reader) -> None:
    names = ["a\n", "\ud83d", "*"]
    further = fresh("*", project_id="*", content="more")
    keys = put(inbox, *(fresh(name, project_id=name) for name in names), further)
    for key, at in zip(keys, (5.0, 5.0, 5.0, 6.0), strict=True):
        outbox.record_delivery(key, HERE, at)
    found = reader.taken(HERE)
    assert list(found) == names
    (one,) = reader.memories(found["\ud83d"], HERE)
    assert one == ("\ud83d", "\ud83d", items.digest("\ud83d", "text of \ud83d"), "\ud83d", 5.0)
    _, two = reader.memories(found["*"], HERE)
    assert two == ("*", "*", further.digest, f"*-{further.digest.hex()[:8]}", 6.0)


def test_what_a_server_took_is_among_them_unless_it_was_deleted_or_queued_again_for_it(
    inbox: Inbox, outbox: Outbox, reader: Reader
) -> None:
    here = put(inbox, *map(fresh, "abcd"))
    elsewhere, gone, back = put(inbox, *map(fresh, "efg"))
    edited = letter("b-again-1", content="text of b")
    put(inbox, letter("a-again-1", content="text of a"), edited, fresh("c-again-1", content="else"))
    inbox.change_content(known(inbox, edited), letter("b-again-1", content="better"), NOW)
    (for_another,) = put(inbox, fresh("d-again-1", content="text of d"))
    inbox.discard([gone, back], NOW, "deleted")
    for key in (*here, back):
        outbox.record_delivery(key, HERE, NOW)
    for key in (elsewhere, for_another):
        outbox.record_delivery(key, ELSEWHERE, NOW)
    (keys,) = reader.taken(HERE).values()
    assert [each.id for each in reader.memories(keys, HERE)] == ["c", "d"]
    assert reader.discarded_digests() == {fresh("f").digest}


WAITS = (
    letter("d2", project_id="p", retry_count=2, last_attempt=5),
    letter("d1", project_id="q", retry_count=9, last_attempt=5),
    fresh("f1", project_id="p"),
    fresh("f2", project_id="r"),
)


@pytest.fixture
def waiting(ledger: Ledger, inbox: Inbox, outbox: Outbox, reader: Reader) -> Reader:
    """Two dead letters, two entries, one of them held; and one delivered, one deleted."""
    *_, held, sent, gone = put(inbox, *WAITS, fresh("sent"), fresh("gone"))
    outbox.record_delivery(sent, HERE, NOW)
    inbox.discard([gone], NOW, items.DELETED)
    ForeignClaims(ledger).hold(held, NOW)
    return reader


def ids(listed: list[tuple[object, bytes]]) -> list[str]:
    found = [items.parse(raw) for _, raw in listed]
    return [each.id for each in found if each is not None]


@pytest.mark.parametrize(
    ("state", "project", "limit", "listed"),
    [
        (items.DEAD, None, None, ["d2", "d1"]), (items.DEAD, None, 1, ["d2"]),
        (items.DEAD, "q", None, ["d1"]), (items.FRESH, None, None, ["f1", "f2"]),
        (items.FRESH, "p", 5, ["f1"]), (items.FRESH, "none", None, []),
    ],
)  # fmt: skip
def test_items_are_listed_in_their_file_s_order(
    waiting: Reader, state: str, project: str | None, limit: int | None, listed: list[str]
) -> None:
    found = waiting.listed(state, project, limit)
    assert ids([*found]) == listed
    if project is not None:
        assert waiting.count(state, project) == len(listed)


def test_what_waits_is_counted(waiting: Reader, ledger: Ledger) -> None:
    Generations(ledger).set_strays([b"7"], {"key": b"1"})
    assert waiting.strays() == [b"7"]
    counts = waiting.counts()
    assert counts is not None
    assert (counts.queue, counts.dlq, counts.held) == (2, 3, 1)
    assert waiting.waiting_names() == {each.name for each in WAITS}
    assert waiting.by_retries() == {2: 1, 7: 1}
    assert waiting.by_project() == [
        ProjectCounts("p", 1, 1), ProjectCounts("q", 1, 0), ProjectCounts("r", 0, 1)
    ]  # fmt: skip


@pytest.mark.parametrize("make", [letter, fresh])
def test_what_waits_longest_is_told_by_its_producer_s_time_unless_that_is_before_2001(
    inbox: Inbox, reader: Reader, make: Callable[..., items.Item]
) -> None:
    given = {"new": NOW - 50, "old": NOW - 200, "none": 999_999_999, "late": NOW + 50}
    put(inbox, *(make(name, timestamp=timestamp) for name, timestamp in given.items()))
    counts = reader.counts()
    assert counts is not None
    assert counts.oldest == NOW - 200


@pytest.mark.parametrize(
    ("name", "found"),
    [("d", ["d2", "d1"]), ("d1", ["d1"]), ("f", ["f1", "f2"]), ("sent", []), ("gone", []), ("", [
        "d2", "d1", "f1", "f2"])],
)  # fmt: skip
def test_what_waits_is_found_by_the_beginning_of_its_id(
    waiting: Reader, name: str, found: list[str]
) -> None:
    assert ids([*waiting.named(name)]) == found


def test_a_whole_id_stands_for_none_that_begins_with_it_and_has_neighbours_of_all_ever_taken_in(
    waiting: Reader, inbox: Inbox
) -> None:
    neighbours = [waiting.beside(name) for name in ("f2", "d1", "zz")]
    assert neighbours == [["f1", "gone"], ["d2"], ["sent"]]
    put(inbox, fresh("f1-again-1"))
    assert [ids([*waiting.named(name)]) for name in ("f1", "f1-")] == [["f1"], ["f1-again-1"]]


QUESTIONS: Final[tuple[Callable[[Reader], object], ...]] = (
    Reader.counts,
    Reader.by_project,
    Reader.by_retries,
    lambda waiting: waiting.listed(items.DEAD, limit=20),
    lambda waiting: waiting.listed(items.FRESH, limit=20),
    lambda waiting: waiting.named("d1"),
    lambda waiting: waiting.named("d"),
    lambda waiting: waiting.beside("d1"),
    lambda waiting: waiting.only_elsewhere(HERE),
)


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_question_looks_at_all_items_ever_taken_in(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, question: Callable[[Reader], object]
) -> None:
    plans = _plans(reader, monkeypatch, question)
    assert plans
    assert not [each for each in plans if each.startswith("SCAN items") and "INDEX" not in each]
    if question is Reader.counts:  # it finds the oldest dead letter by the first row of an index
        assert "SCAN items USING INDEX items_dead_since" in plans
        assert not [each for each in plans if "TEMP B-TREE" in each]


def _plans(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, question: Callable[[Reader], object]
) -> list[str]:
    plans: list[str] = []
    asked = Reader._rows

    def explained(reader: Reader, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        plans.extend(row[3] for row in asked(reader, f"EXPLAIN QUERY PLAN {sql}", *values))
        return asked(reader, sql, *values)

    monkeypatch.setattr(Reader, "_rows", explained)
    question(reader)
    return plans


def delivered(outbox: Outbox, key: int, *servers: str) -> None:
    for at, server in enumerate(servers):
        outbox.record_delivery(key, server, NOW + at)


@pytest.fixture
def former(inbox: Inbox, outbox: Outbox, reader: Reader) -> Reader:
    """Deliver: to one server, to the other, to both; and again a wait, a deletion, a text anew."""
    project, text = items.TRIAL
    entries = [fresh(name, timestamp=7) for name in ("there", "here", "both", "again", "deleted")]
    keys = put(inbox, *entries, fresh("setup", project_id=project, content=text))
    there = (ELSEWHERE,), (HERE,), (ELSEWHERE, HERE), (ELSEWHERE, THIRD), (ELSEWHERE,), (ELSEWHERE,)
    for key, servers in zip(keys, there, strict=True):
        delivered(outbox, key, *servers)
    for each in entries[3:]:
        inbox.revive(known(inbox, each), each, NOW, dead=False, gen=None)
    inbox.discard([keys[4]], NOW, "deleted")
    put(inbox, fresh("there", content="another text"), letter("dead"))
    return reader


def test_what_is_delivered_counts_as_elsewhere_but_for_the_memory_of_setup(former: Reader) -> None:
    assert former.only_elsewhere(HERE) == {ELSEWHERE: 1}
    assert former.only_elsewhere(ELSEWHERE) == {HERE: 1}
    assert former.only_elsewhere(THIRD) == {ELSEWHERE: 2, HERE: 2}
    assert former.servers() == [ELSEWHERE, HERE, THIRD]


def test_every_memory_is_traced_on_both_servers(former: Reader, inbox: Inbox) -> None:
    traced = list(former.traced(ELSEWHERE, HERE))
    assert [(each.id, each.state, each.there, each.here) for each in traced] == [
        ("there", items.DELIVERED, True, False),
        ("here", items.DELIVERED, False, True),
        ("both", items.DELIVERED, True, True),
        ("again", items.FRESH, True, False),
        ("deleted", items.DISCARDED, True, False),
        ("setup", items.DELIVERED, True, False),
        ("there", items.FRESH, False, False),
        ("dead", items.DEAD, False, False),
    ]
    first, *_, further, _ = traced
    assert (first.key, first.project, first.timestamp) == ("there", "p", 7.0)
    assert further.key == f"there-{further.digest.hex()[:8]}"
    key = known(inbox, fresh("both")).key
    assert former.servers_of(key) == [(ELSEWHERE, NOW), (HERE, NOW + 1)]


@pytest.mark.parametrize(
    ("sent", "counted"),
    [
        ({"a": [ELSEWHERE], "a-again-1": [ELSEWHERE]}, 1),
        ({"a": [ELSEWHERE], "a-again-1": [HERE]}, 0),
        ({"a": [ELSEWHERE, HERE], "a-again-1": [ELSEWHERE]}, 0),
        ({"a": [ELSEWHERE], "a-again-1": []}, 0),
        ({"b-again-1": [ELSEWHERE]}, 1),  # the first is not known
    ],
)
def test_a_memory_that_was_sent_again_counts_once(
    inbox: Inbox, outbox: Outbox, reader: Reader, sent: dict[str, list[str]], counted: int
) -> None:
    entries = [fresh(name, content="t") for name in sent]
    for key, servers in zip(put(inbox, *entries), sent.values(), strict=True):
        delivered(outbox, key, *servers)
    assert reader.only_elsewhere(HERE) == ({ELSEWHERE: counted} if counted else {})


def test_a_memory_that_two_former_servers_have_counts_at_each(
    inbox: Inbox, outbox: Outbox, reader: Reader
) -> None:
    """`migrate --from` brings it from either of them, under whichever id it has there."""
    first, again = put(inbox, fresh("a", content="t"), fresh("a-again-1", content="t"))
    delivered(outbox, first, ELSEWHERE)
    delivered(outbox, again, THIRD)
    assert reader.only_elsewhere(HERE) == {ELSEWHERE: 1, THIRD: 1}


def test_a_restoration_or_a_later_save_of_a_text_ends_its_deletion(
    inbox: Inbox, outbox: Outbox, reader: Reader
) -> None:
    texts = ("restored", "saved anew", "deleted", "deleted again")
    first = [fresh(text, content=text) for text in texts]
    for key in put(inbox, *first):
        delivered(outbox, key, ELSEWHERE)
    for each in first:
        inbox.remove((each.id, each.digest), ELSEWHERE, NOW)
    later = ("restored-again-1", "restored"), ("x", "saved anew"), ("y", "deleted again")
    *sent, gone = put(inbox, *(fresh(name, content=text) for name, text in later))
    for key in sent:
        delivered(outbox, key, ELSEWHERE)
    inbox.discard([gone], NOW, "deleted")
    assert reader.discarded_digests() == {
        fresh(text, content=text).digest for text in ("deleted", "deleted again")
    }
    assert reader.only_elsewhere(HERE) == {ELSEWHERE: 2}


def test_what_is_forgotten_stays_known_as_delivered_and_goes_to_no_other_server(
    inbox: Inbox, outbox: Outbox, reader: Reader
) -> None:
    (key,) = put(inbox, fresh("a"))
    delivered(outbox, key, ELSEWHERE)
    inbox.erase([key])
    assert reader.only_elsewhere(HERE) == {}
    (known,) = reader.traced(ELSEWHERE, HERE)
    assert (known.state, known.forgotten) == (items.DELIVERED, True)


def test_a_dialect_is_known_of_the_last_address_alone(ledger: Ledger, reader: Reader) -> None:
    assert reader.dialect_of(HERE) == ""
    ledger.set_meta(DIALECT, f"oss {HERE}")
    assert (reader.dialect_of(HERE), reader.dialect_of(ELSEWHERE)) == ("oss", "")


def test_each_delivery_has_its_own_server_and_the_last_project_comes_first(
    inbox: Inbox, outbox: Outbox, reader: Reader
) -> None:
    made = (fresh("a"), fresh("b", project_id="q"), fresh("c", project_id="q"), fresh("d"))
    servers = (HERE, ELSEWHERE, HERE, THIRD)
    for key, server in zip(put(inbox, *made), servers, strict=True):
        outbox.record_delivery(key, server, NOW)
    assert [reader.by_id(item.id)[0].server for item in made] == list(servers)
    assert reader.lately_delivered(9) == ["p", "q"]
    assert reader.lately_delivered(1) == ["p"]
