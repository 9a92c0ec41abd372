"""The dead letters that a menu shows."""

import pytest

from mem0tray.actions.oldest import DeadLetter, oldest
from mem0tray.core import item as items
from mem0tray.core import reasons
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths
from tests.actions.scene import worker, write_dlq
from tests.support.shapes import waiting


def letters(paths: Paths, limit: int) -> tuple[DeadLetter, ...]:
    """The first in the ledger."""
    with Reader(paths.ledger) as reader:
        return oldest(reader, limit)


def test_the_first_in_the_file(paths: Paths) -> None:
    """As many as asked for, in the file's order; each by id and digest, with its time."""
    write_dlq(
        paths, [waiting(f"text {n}", id=f"id-{n}", moved_to_dlq_at=100 + n) for n in range(9)]
    )
    with worker(paths) as context:
        (key,) = [row.key for row in context.generations.dead_rows() if row.item_id == "id-0"]
        context.outbox.record_delivery(key, "s", 5.0)
        found = letters(paths, 3)
        assert len(letters(paths, 100)) == 8
    assert [letter.item_id for letter in found] == ["id-1", "id-2", "id-3"]
    assert [letter.since for letter in found] == [101, 102, 103]
    assert found[0].digest == items.digest("alpha", "text 1")
    assert (found[0].project, found[0].reason) == ("alpha", reasons.NONE)


def test_the_last_error_is_its_reason(paths: Paths) -> None:
    """As the file says for one that was a dead letter before us; then as the ledger saw it."""
    write_dlq(paths, [waiting("a", last_error="500: odd"), waiting("b", last_error=5)])
    with worker(paths) as context:
        assert [str(letter.reason) for letter in letters(paths, 10)] == ["500: odd", ""]
        with context.ledger.transaction() as db:
            db.execute("UPDATE items SET last_error = '502: bad'")
        assert [str(letter.reason) for letter in letters(paths, 10)] == ["502: bad", "502: bad"]


@pytest.mark.parametrize("moved", [None, "yesterday", 0, [], True])
def test_without_a_time_it_is_when_it_was_taken_in(paths: Paths, moved: object) -> None:
    """Files of others hold anything there."""
    write_dlq(paths, [waiting("a", moved_to_dlq_at=moved, project_id=7)])
    with worker(paths) as context:
        (found,) = letters(paths, 10)
        assert abs(context.now() - found.since) < 60
    assert found.project == ""


def test_nothing_is_known_before_there_is_a_ledger(paths: Paths) -> None:
    """Nor is one made by looking."""
    assert letters(paths, 10) == ()
    assert not paths.ledger.exists()
