"""Changed notes are given in the order in which they become quiet."""

import math

from mem0tray.worker.queue.notes.awaited_notes import AwaitedNotes
from mem0tray.worker.queue.notes.quiet import ChangedNote


def note(quiet_at: float, changed: float = 0.0, mark: str = "") -> ChangedNote:
    """A note that becomes quiet then."""
    return ChangedNote(mark, changed, quiet_at)


def test_the_quiet_ones_are_given_the_oldest_first() -> None:
    """As many as are asked for; they stay awaited."""
    awaited = AwaitedNotes()
    for path, at, changed in (("late", 9, 1), ("b", 5, 3), ("a", 5, 2), ("c", 4, 7)):
        awaited.put(path, note(at, changed))
    for _ in range(2):
        assert [path for path, _ in awaited.quiet(5, 10)] == ["c", "a", "b"]
        assert [path for path, _ in awaited.quiet(9, 2)] == ["c", "a"]
    assert (len(awaited), awaited.next_quiet()) == (4, 4)
    awaited.clear()
    assert (len(awaited), awaited.next_quiet(), awaited.quiet(99, 9)) == (0, math.inf, [])


def test_of_a_note_that_changed_again_only_the_last_form_counts() -> None:
    """Once, in its own time."""
    awaited = AwaitedNotes()
    awaited.put("a", note(5, mark="1"))
    awaited.put("a", note(8, mark="2"))
    assert awaited.next_quiet() == 8
    assert awaited.quiet(7, 9) == []
    awaited.put("a", note(8, mark="3"))
    assert awaited.quiet(8, 9) == [("a", note(8, mark="3"))]


def test_what_is_dropped_is_awaited_no_more() -> None:
    """Until it is put there again; and to drop what is not there is no mistake."""
    awaited = AwaitedNotes()
    awaited.put("a", note(5))
    awaited.drop("a")
    awaited.drop("b")
    assert (awaited.quiet(9, 9), awaited.next_quiet(), awaited.get("a")) == ([], math.inf, None)
    awaited.put("a", note(6))
    assert awaited.quiet(9, 9) == [("a", note(6))]
