"""What is remembered of each published DLQ file."""

import pytest

from mem0tray.core import item as items
from mem0tray.ledger import generations
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.generations import Generations, Showing, Shown
from mem0tray.ledger.inbox import Inbox
from tests.ledger.samples import NOW, fresh, known, letter, put


@pytest.fixture
def past(ledger: Ledger) -> Generations:
    return Generations(ledger)


def publish(past: Generations, name: str) -> int:
    gen = past.prepare(name)[0]
    past.record(gen, name.encode())
    past.note_published(gen)
    return gen


def showings(past: Generations, key: int) -> list[Showing]:
    return list(past.shown([key])[key].showings)


def test_a_generation_counts_when_it_has_reached_the_disk(past: Generations) -> None:
    assert past.current() == 0
    first, _ = past.prepare("one")
    assert (first, past.current(), past.named("one")) == (1, 0, None)
    past.record(1, b"sha")
    assert past.current() == 0
    past.note_published(1)
    assert (past.current(), past.named("one")) == (1, 1)
    assert publish(past, "two") == 2
    assert (past.current(), past.named("one"), past.named("two")) == (2, 1, 2)
    assert past.prepare("three")[0] == 3
    assert past.prepare("four")[0] == 4  # that number was given away


def test_a_generation_is_known_by_its_hash_and_published_once_its_name_is_seen(
    ledger: Ledger, past: Generations
) -> None:
    past.prepare("one")
    past.prepare("two")
    past.record(1, b"sha")
    assert ledger.rows("PRAGMA synchronous") == [(2,)]  # before the file is written
    assert past.is_copy("one", b"sha")
    assert not past.is_copy("one", b"other")
    assert not past.is_copy("two", b"sha")
    past.note_name("one")
    past.note_name("nobody's")
    assert (past.named("one"), past.named("two"), past.current()) == (1, None, 1)
    assert past.name_taken("two")
    assert not past.name_taken("three")


def test_very_old_generations_are_forgotten(
    past: Generations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generations, "_KEPT_GENERATIONS", 2)
    for name in ("one", "two", "three", "four"):
        publish(past, name)
    assert [past.named(name) for name in ("one", "two", "four")] == [None, 2, 4]


def test_a_dead_letter_is_shown_from_the_next_generation_on(
    past: Generations, inbox: Inbox
) -> None:
    item = letter("a")
    key, _ = put(inbox, item, fresh("b"))
    assert past.shown([key])[key].first() is None
    for name in ("one", "two"):
        publish(past, name)
    assert showings(past, key) == [Showing(1, None, 2, NOW, items.body(item.raw))]
    assert past.shown([key])[key].first() == 1
    inbox.discard([key], NOW, "user")
    publish(past, "three")
    assert showings(past, key) == [Showing(1, 2, 2, NOW, items.body(item.raw))]


@pytest.mark.parametrize(
    "fields", [{"retry_count": 3}, {"last_attempt": NOW + 1}, {"note": "mine"}]
)
def test_a_changed_value_is_a_showing_of_its_own(
    ledger: Ledger, past: Generations, inbox: Inbox, fields: dict[str, object]
) -> None:
    first, second = letter("a"), letter("a", **fields)
    key, other = put(inbox, first, letter("b"))
    ledger.write("UPDATE items SET body = x'00' WHERE key = ?", other)  # it is hashed already
    publish(past, "one")
    inbox.change_values(key, second, NOW)
    publish(past, "two")
    assert showings(past, key) == [
        Showing(1, 1, 2, NOW, items.body(first.raw)),
        Showing(2, None, second.retry_count, second.last_attempt, items.body(second.raw)),
    ]
    assert showings(past, other) == [Showing(1, None, 2, NOW, b"\0")]


def test_the_file_holds_dead_letters_in_their_order(
    ledger: Ledger, past: Generations, inbox: Inbox
) -> None:
    first, second, third, _ = put(inbox, *map(letter, "abc"), fresh("d"))
    ledger.write("UPDATE items SET dead_seq = 9 WHERE key = ?", first)
    raws = [letter(name).raw for name in "bca"]
    rows = [(each.key, each.raw) for each in past.dead_rows()]
    assert rows == list(zip((second, third, first), raws, strict=True))
    assert past.prepare("one")[1] == raws


def test_a_users_stamp_is_a_generation_without_what_it_does_not_show_and_a_save_none(
    past: Generations, inbox: Inbox
) -> None:
    here, absent, gone = put(inbox, *map(letter, "abc"))
    publish(past, "one")
    inbox.discard([gone], NOW, "user")
    assert [past.record_foreign("stamp", [absent]) for _ in range(2)] == [2, 3]
    assert (past.current(), past.named("stamp")) == (3, 3)
    assert [showings(past, key)[0].last for key in (here, absent, gone)] == [None, 1, 1]
    saved = letter("b", retry_count=7, last_attempt=5.0)
    past.record_save(absent, saved, 1)  # under the name of the first
    body = items.body(saved.raw)
    assert showings(past, absent)[1:] == [Showing(1, 1, 7, 5.0, body, saved=True)]
    publish(past, "two")  # from then on the stamp names none
    assert (past.named("stamp"), past.named("two")) == (None, 4)
    past.record_foreign("stamp", [])
    assert (past.named("stamp"), past.named("two")) == (5, 4)


def test_what_was_shown_very_often_is_thinned_out(
    past: Generations, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generations, "_KEPT_SHOWINGS", 4)
    key, other = put(inbox, letter("a", retry_count=0), letter("b"))
    for count in range(1, 8):
        publish(past, f"gen {count}")
        inbox.change_values(key, letter("a", retry_count=count), NOW)
    assert len(showings(past, key)) == 7
    past.thin_out()
    kept = showings(past, key)
    assert [(each.first, each.last, each.retry_count) for each in kept] == [
        (1, 4, 0), (5, 5, 4), (6, 6, 5), (7, None, 6),
    ]  # fmt: skip
    assert all(past.shown([key])[key].stood_in(gen) for gen in range(1, 9))
    past.thin_out()
    assert showings(past, key) == kept
    assert len(showings(past, other)) == 1


def test_a_gap_outlives_the_thinning(
    past: Generations, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generations, "_KEPT_SHOWINGS", 2)
    item = letter("a")
    (key,) = put(inbox, item)
    for n in range(4):
        publish(past, f"shown {n}")
        inbox.discard([key], NOW, "user")
        publish(past, f"gone {n}")
        inbox.revive(known(inbox, item), item, NOW, dead=True, gen=None)
    past.thin_out()
    assert [(each.first, each.last) for each in showings(past, key)] == [(1, 1), (7, 7)]


def test_what_makes_no_sense_is_kept_as_the_file_shows_it(
    ledger: Ledger, past: Generations
) -> None:
    assert past.strays() == ([], {})
    odd, keys = [b"5", b'"x"'], {"mine": b"{}", "other": b"[]"}
    past.set_strays(odd, keys)
    assert past.strays() == (odd, keys)
    assert list(past.strays()[1]) == ["mine", "other"]
    changed = ledger.rows("SELECT total_changes()")
    past.set_strays(list(odd), dict(keys))
    assert ledger.rows("SELECT total_changes()") == changed
    past.set_strays([], {"mine": b"{}"})
    assert past.strays() == ([], {"mine": b"{}"})


def test_what_is_still_shown_was_shown_last_by_the_newest_generation() -> None:
    showings = [Showing(2, 4, 1, 10.0), Showing(7, None, 2, 10.0)]
    assert Shown(showings).last(12) == 12
    assert [gen for gen in range(1, 9) if Shown(showings).stood_in(gen)] == [2, 3, 4, 7, 8]
    assert Shown(showings).with_values(1, 10.0) == showings[:1]
