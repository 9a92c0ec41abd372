"""Retry: `last_attempt` becomes 0 in the file, and nothing else changes."""

import pytest

from mem0tray.actions import verbs
from mem0tray.config.settings import Settings
from mem0tray.core.errors import NotFoundError
from mem0tray.system.paths import Paths
from tests.actions.scene import read, worker, write, write_dlq
from tests.support.shapes import Item, entry, queue_document, waiting


@pytest.fixture
def letters(paths: Paths) -> list[Item]:
    """Write three dead letters and an entry that waits."""
    made = [waiting(n, p, id=f"{n}{n}-1", mine=n) for n, p in (("a", "x"), ("b", "x"), ("c", "y"))]
    write_dlq(paths, made)
    write(paths.queue, queue_document([entry("q", id="qq-1")]))
    return made


def forced(paths: Paths) -> list[str]:
    return [each["content"] for each in read(paths.dlq)["items"] if each["last_attempt"] == 0]


def test_only_the_time_changes(paths: Paths, letters: list[Item]) -> None:
    """Counts and further fields stay."""
    verbs.retry_all(Settings())
    assert read(paths.dlq)["items"] == [letter | {"last_attempt": 0} for letter in letters]


@pytest.mark.usefixtures("letters")
def test_an_entry_that_waits_is_said_to_wait() -> None:
    with pytest.raises(NotFoundError, match="waits in the queue"):
        verbs.retry_ids(Settings(), ["qq"])


def test_what_is_held_is_sent_though_the_queue_file_is_gone(paths: Paths) -> None:
    write(paths.queue, queue_document([entry("h", id="hh-1"), entry("q", id="qq-1")]))
    with worker(paths) as context:
        context.foreign_claims.hold(1, 5.0)
    paths.queue.unlink()
    with pytest.raises(NotFoundError, match="waits in the queue"):
        verbs.retry_ids(Settings(), ["qq"])
    assert [item.id for item in verbs.retry_ids(Settings(), ["hh"]).items] == ["hh-1"]
    assert verbs.retry_all(Settings()).items == ()
    assert sorted(each["content"] for each in read(paths.queue)["queue"]) == ["h", "q"]
