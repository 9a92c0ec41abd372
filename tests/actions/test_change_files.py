"""A safe edit of the DLQ file and of the queue file."""

import json
import threading

import pytest

from mem0tray.actions import change_files
from mem0tray.actions.change_files import DlqEdit
from mem0tray.core.errors import FileUnavailableError
from mem0tray.files.lock import FileLock, is_locked
from mem0tray.system.paths import Paths
from tests.actions.scene import STAMP, contents, queued, read, worker, write, write_dlq
from tests.support.shapes import dead, entry, queue_document


def drop_first(file: DlqEdit) -> None:
    """Remove the first item."""
    del file.items[0]


def test_what_is_not_changed_stays(paths: Paths) -> None:
    """`last_update`, unknown keys, odd items and each item's own numbers survive an edit."""
    paths.dlq.write_text(
        '{"note": {"x": 1e400}, "items": [{"id": "a"}, null, {"big": 18446744073709551616,'
        ' "odd": NaN, "half": "\\ud83d"}], "last_update": "now and then"}'
    )
    change_files.change_dlq(paths, drop_first)
    text = paths.dlq.read_text()
    assert json.loads(text)["last_update"] == "now and then"
    for kept in ('"note"', "null", "18446744073709551616", "NaN", "\\ud83d"):
        assert kept in text
    assert text.startswith('{\n  "items": [\n    null,\n    {\n      "big"')


def test_nothing_is_written_when_nothing_is_wanted(paths: Paths) -> None:
    """An edit that changes nothing leaves the file's bytes alone."""
    paths.dlq.write_text('{"items":[]}')

    def change(file: DlqEdit) -> None:
        file.wanted = False

    change_files.change_dlq(paths, change)
    assert paths.dlq.read_text() == '{"items":[]}'


def test_a_save_meanwhile_is_not_overwritten(paths: Paths) -> None:
    """The edit is made again on what somebody saved between reading and writing."""
    write_dlq(paths, [dead("a"), dead("b")])
    saves = [[dead("x"), dead("y"), dead("z")]]

    def change(file: DlqEdit) -> None:
        if saves:
            write_dlq(paths, saves.pop())
        drop_first(file)

    change_files.change_dlq(paths, change)
    assert contents(paths) == ["y", "z"]


def test_a_file_saved_all_the_time_is_left_alone(paths: Paths) -> None:
    """After a number of tries the edit gives up and says so."""
    write_dlq(paths, [dead("a")])
    count = iter(range(1000))

    def change(file: DlqEdit) -> None:
        write_dlq(paths, [dead("a")], n=next(count))
        drop_first(file)

    with pytest.raises(FileUnavailableError, match="keeps saving"):
        change_files.change_dlq(paths, change)
    assert contents(paths) == ["a"]


@pytest.mark.parametrize("text", ["", '{"items": [{"id": "a"', "[]", '{"items": {}}'])
def test_a_broken_file_is_never_overwritten(paths: Paths, text: str) -> None:
    """The error says that the worker restores it; the bytes stay."""
    paths.dlq.write_text(text)
    with pytest.raises(FileUnavailableError, match="saves what is whole in it"):
        change_files.change_dlq(paths, drop_first)
    assert paths.dlq.read_text() == text


def test_a_torn_file_is_waited_for(paths: Paths) -> None:
    """A save that takes a moment is no broken file."""
    paths.dlq.write_text('{"items": [')
    timer = threading.Timer(0.08, write_dlq, (paths, [dead("a"), dead("b")]))
    timer.start()
    change_files.change_dlq(paths, drop_first)
    timer.join()
    assert contents(paths) == ["b"]


def test_a_missing_file_is_written_as_the_ledger_has_it(paths: Paths) -> None:
    """A file that is gone is no deletion: an edit starts from the dead letters of the ledger."""
    write_dlq(paths, [dead("a"), dead("b")])
    with worker(paths):
        paths.dlq.unlink()
    change_files.change_dlq(paths, drop_first)
    assert contents(paths) == ["b"]


def test_what_cannot_be_loaded_is_kept_before_it_goes(paths: Paths) -> None:
    """An item that `json.tool` cannot load is in quarantine before a file without it is written."""
    number = "9" * 5000
    paths.dlq.write_text('{"items": [{"id": "a"}, {"id": "n", "n": ' + number + "}]}")
    change_files.change_dlq(paths, drop_first)
    assert read(paths.dlq)["items"] == []
    (kept,) = paths.quarantine.glob("*.json")
    assert number in kept.read_text()


def test_the_queue_is_changed_under_the_lock_and_copied_before(paths: Paths) -> None:
    """Producers are kept out meanwhile; the file as it was is in the backup."""
    write(paths.queue, queue_document([entry("a"), entry("b")], mine="kept"))
    before = paths.queue.read_bytes()
    with change_files.queue_file(paths) as file:
        assert is_locked(paths.queue_lock)
        del file.queue[0]
    assert not is_locked(paths.queue_lock)
    assert queued(paths) == ["b"]
    assert read(paths.queue)["mine"] == "kept"
    assert [each["content"] for each in read(paths.queue)["last_100"]] == ["a", "b"]
    assert paths.queue_backup.read_bytes() == before


def test_an_unchanged_queue_is_not_written(paths: Paths) -> None:
    """Looking at it leaves its bytes alone."""
    paths.queue.write_text('{"queue":[]}')
    with change_files.queue_file(paths):
        pass
    assert paths.queue.read_text() == '{"queue":[]}'


def test_the_producers_lock_is_not_needed_for_the_dlq(paths: Paths) -> None:
    """A producer that hangs with its lock does not hold up an edit of the DLQ."""
    write_dlq(paths, [dead("a"), dead("b")])
    with FileLock(paths.queue_lock).held(1):
        change_files.change_dlq(paths, drop_first)
    assert contents(paths) == ["b"]
    assert read(paths.dlq)["last_update"] == STAMP
