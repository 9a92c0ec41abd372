"""What the log says of events, where the words matter beside the markers."""

import sys
import threading
from pathlib import Path

import pytest

from mem0tray.config.settings import LogSettings
from mem0tray.core import events, reasons
from mem0tray.system.paths import Paths
from mem0tray.worker.telling.log import EventLog, describe


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            events.WorkerStarted("this computer only"),
            "▶️ Worker started; memories go to: this computer only",
        ),
        (
            events.WorkerStarted(""),
            "▶️ Worker started; no usable server is chosen, nothing is sent",
        ),
        (
            events.ServerChanged("a.test", "over plain http"),
            "▶️ The server has changed; from now on memories go to: a.test (over plain http)",
        ),
        (
            events.ServerChanged("a.test", same=True),
            "▶️ The way to the server has changed; as before memories go to: a.test",
        ),
    ],
)
def test_where_memories_go(event: events.Event, line: str) -> None:
    """A start is told from a change of settings, and no destination from one."""
    assert describe(event) == line


def test_a_broken_file_is_kept_in_the_quarantine() -> None:
    """Where the file's own bytes are is said."""
    line = describe(events.FileBroken("q.json", "odd at line 1", "1-q.json"))
    assert "kept in the quarantine as 1-q.json" in line
    line = describe(events.FileBroken("q.json", "odd at line 1", ""))
    assert "kept in the quarantine as nothing: it was empty, restored" in line


def test_deliveries_are_told_after_a_thread_could_not_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A timer that the system refuses is set again at the next delivery."""
    told = threading.Event()
    log = EventLog(Paths(tmp_path, tmp_path), LogSettings())
    monkeypatch.setattr(log, "_tell_counts", told.set)

    def refuse(_timer: threading.Timer) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Timer, "start", refuse)
        with pytest.raises(RuntimeError):
            log(events.Delivered("p", "a"))
    log(events.Delivered("p", "b"))
    assert told.wait(20.0)
    log.close()


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            events.AttemptFailed("", "0123456789", 1, "odd"),
            "⚠️ Attempt 1 failed: (no project) (ID: 01234567...): odd",
        ),
        (
            events.MovedToDlq("", "0123456789", 5),
            "📋 Moved to DLQ: (no project) (ID: 01234567...) after 5 retries",
        ),
        (
            events.DlqRetryFailed("\n", "0123456789", 7, 3600.0),
            "⏳ DLQ retry 7: (no project) (ID: 01234567...) (next in 3600s)",
        ),
    ],
)
def test_an_item_without_a_project(event: events.Event, line: str) -> None:
    """A placeholder says that there is none; the markers of scripts keep their shape."""
    assert describe(event) == line


def test_what_a_removal_left_is_not_promised() -> None:
    """What was deleted for good cannot be put back: the log says where to look."""
    assert "restore --list" in describe(events.HandEdit(discarded=1))


@pytest.mark.skipif(sys.platform != "linux", reason="a device of Linux")
def test_a_full_disk_does_not_show_when_the_log_is_closed(tmp_path: Path) -> None:
    """The error would hide why the worker could not begin."""
    log = EventLog(Paths(tmp_path, tmp_path), LogSettings())
    with open("/dev/full", "w", encoding="utf-8") as log._handler.stream:  # noqa: PTH123
        log(events.WorkerStopped())
        log.close()


def test_lines_that_cannot_be_written_come_later(tmp_path: Path) -> None:
    """They are kept with their order, and a half-written line is no part of another."""
    log = EventLog(Paths(tmp_path, tmp_path), LogSettings())
    log(events.StateChanged("starting", reasons.quoted("one")))
    folder = tmp_path / "logs"
    aside = folder.rename(tmp_path / "aside")
    folder.write_text("in the way")
    log(events.StateChanged("down", reasons.quoted("two")))
    log(events.StateChanged("healthy", reasons.quoted("three")))
    folder.unlink()
    aside.rename(folder)
    with (folder / "mem0_worker.log").open("a") as file:
        file.write("half a li")
    log(events.WorkerStopped())
    log.close()
    lines = (folder / "mem0_worker.log").read_text().splitlines()
    assert [line.partition(" ")[2] for line in lines if "half" not in line] == [
        "🔔 State: starting (one)",
        "🔔 State: down (two)",
        "🔔 State: healthy (three)",
        "⏹️ Worker stopped",
    ]
    assert lines[1] == "half a li"


def test_the_log_follows_its_folder(tmp_path: Path) -> None:
    """A folder that is replaced gets the next lines; one that is missing is not made."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    log = EventLog(Paths(first, tmp_path), LogSettings())
    log(events.StateChanged("down", reasons.quoted("one")))
    first.rename(tmp_path / "moved")
    log(events.StateChanged("down", reasons.quoted("two")))
    assert not first.exists()
    first.mkdir()
    log(events.StateChanged("down", reasons.quoted("three")))
    two, three = Paths(first, tmp_path).log.read_text().splitlines()
    assert two.endswith("(two)")
    assert three.endswith("(three)")
    log(events.FolderChanged(first, second))
    log.close()
    assert f"The shared folder is {second}" in Paths(second, tmp_path).log.read_text()
    assert "The shared folder" not in Paths(first, tmp_path).log.read_text()


def test_the_end_of_the_worker_is_the_last_line(tmp_path: Path) -> None:
    """What was delivered before it is told before it."""
    log = EventLog(Paths(tmp_path, tmp_path), LogSettings())
    log(events.Delivered("p", "a"))
    log(events.WorkerStopped())
    log.close()
    delivered, stopped = Paths(tmp_path, tmp_path).log.read_text().splitlines()
    assert "Delivered 1 memory" in delivered
    assert "Worker stopped" in stopped
