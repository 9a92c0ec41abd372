"""`mem0tray run`: what ends it, what it shows, and its last words."""

import os
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from mem0tray.cli import run
from mem0tray.cli.run import RunScreen, UntilDone
from mem0tray.config import settings as config
from mem0tray.config.settings import Settings
from mem0tray.core import events, reasons
from mem0tray.core.errors import LedgerError
from mem0tray.core.events import Events
from mem0tray.core.state import DOWN, HEALTHY, WorkerState, WorkerStatus
from mem0tray.system.threads import Bell
from mem0tray.worker.folders import settings
from mem0tray.worker.thread import WorkerThread
from tests.support import needs
from tests.support.forked import ForkedHome
from tests.support.processes import PATIENCE, wait_until
from tests.support.standin import Standin


def test_a_run_that_is_stopped_before_the_end_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    RunScreen(lambda: None).close(run.describe_rest(None))
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert "stopped before the end" in line
    assert "`mem0tray list --queue`" in line
    assert [words.split(maxsplit=2)[2] for words in out.splitlines()] == [
        "Nothing was delivered.",
        "Worker stopped.",
    ]


def test_what_was_delivered_is_counted_by_where_it_went(capsys: pytest.CaptureFixture[str]) -> None:
    screen = RunScreen(lambda: None)
    screen(events.WorkerStarted("former.test"))
    screen(events.Delivered("alpha", "1"))
    screen(events.ServerChanged("this computer only"))
    screen(events.DlqRecovered("alpha", "2", 1))
    screen(events.Delivered("alpha", "3", "http://former.test"))
    screen(events.Delivered("alpha", "4", "local"))
    screen.close("")
    assert [words.split(maxsplit=2)[2] for words in capsys.readouterr().out.splitlines()] == [
        "Delivered 2 memories to former.test.",
        "Delivered 2 memories to this computer only.",
        "Worker stopped.",
    ]


def test_settings_that_change_while_it_starts_are_taken_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file changes once it has been read, and before the worker looks at it again."""
    file = tmp_path / "config.toml"
    file.write_text("[log]\nbackups = 7\n")
    long_ago = time.time() - 60.0
    for module in (config, settings):
        monkeypatch.setattr(module, "config_file", lambda: file)
    load, reloads = config.load, []

    def loaded() -> config.Loaded:
        read = load()
        file.write_text("[log]\nbackups = 17\n")
        os.utime(file, (long_ago, long_ago))
        return read

    def begun(_: Settings, __: Events, reload: Callable[[], Any]) -> None:
        reloads.append(reload)
        raise LedgerError("enough")

    monkeypatch.setattr(config, "load", loaded)
    monkeypatch.setattr("mem0tray.worker.thread.WorkerThread", begun)
    with pytest.raises(LedgerError, match="enough"):
        run.work()
    monkeypatch.setattr(config, "load", load)
    assert reloads[0]().settings.log.backups == 17


@needs.linux("systemd is of Linux")
def test_a_stale_start_at_login_is_mended(tmp_path: Path) -> None:
    with Standin() as server, ForkedHome(tmp_path / "home", server.url) as home:
        units = home.root / "config" / "systemd" / "user"
        wants = units / "default.target.wants"
        wants.mkdir(parents=True)
        unit = units / "mem0tray.service"
        described = "Description=mem0tray: brings every memory from Claude Code to your Mem0 server"
        unit.write_text(f"[Unit]\n{described}\n\n[Service]\nExecStart=/gone/mem0tray run\n")
        (wants / unit.name).symlink_to(unit)
        home.start("run")
        wait_until(lambda: "/gone/" not in unit.read_text(), what="a mended unit")
        assert described in unit.read_text()


@pytest.mark.parametrize(
    ("left", "said"),
    [
        ((0, 0, WorkerState(HEALTHY)), ""),
        (
            (0, 1, WorkerState(HEALTHY)),
            "Still waiting for the next retry: 0 memories in the queue, 1 dead",
        ),
        (
            (2, 1, WorkerState(DOWN, reasons.quoted("Connection refused."))),
            "Still waiting: 2 memories in the queue, 1 dead letter. The server is down (Connection",
        ),
    ],
)
def test_what_still_waits_and_why(left: tuple[int, int, WorkerState], said: str) -> None:
    queue, dlq, state = left
    problem = run.describe_rest(WorkerStatus(state, queue, dlq, None, paused=False))
    assert problem.startswith(said)
    assert bool(problem) == bool(said)


MANY = 5_000


def delivered(number: int = 1) -> events.Delivered:
    return events.Delivered("garden", f"{number:08d}-0000")


def test_each_line_has_a_time_of_day_and_a_sign(capsys: pytest.CaptureFixture[str]) -> None:
    with RunScreen(lambda: None) as told:
        told(events.WorkerStarted("this computer only"))
        told(delivered())
        told(events.DlqRecovered("", "87654321-0000", 1))
        told(events.AttemptFailed("garden", "12345678-0000", 1, "500"))
        told(events.DlqRetryFailed("garden", "12345678-0000", 2, 120.0, "500"))
        told(events.MovedToDlq("garden", "12345678-0000", 1))
    lines = [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "· Worker started; memories go to: this computer only",
        "✓ Delivered: garden (ID: 00000001...)",
        "✓ DLQ recovered: (no project) (ID: 87654321...) after 1 retries",
        "! Attempt 1 failed: garden (ID: 12345678...): 500",
        "! DLQ retry 2: garden (ID: 12345678...) (next in 120s): 500",
        "✗ Moved to DLQ: garden (ID: 12345678...) after 1 retries",
    ]


def test_a_flood_makes_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with RunScreen(lambda: None) as told:
        for number in range(MANY):
            told(delivered(number))
            told(events.AttemptFailed("garden", f"{number:08d}", 1, "500"))
            told(events.Quarantined("mem0_queue.json", f"kept-{number}"))
    out = capsys.readouterr().out
    lines = [line.split(maxsplit=2)[2] for line in out.splitlines()]
    assert told.delivered.total() == MANY
    assert len(lines) < 100
    more = [int(line.split()[0].replace(",", "")) for line in lines if " more event" in line]
    assert sum(more) + len(lines) - len(more) == 3 * MANY
    assert "; the last: " in out


def test_who_reads_no_more_ends_it() -> None:
    left = threading.Event()
    with patch("mem0tray.cli.output.write", side_effect=BrokenPipeError):
        with RunScreen(left.set) as told:
            told(delivered())
            assert left.wait(PATIENCE)
        assert told.left


class Work(WorkerThread):
    """A worker that waits until it is told to leave, or fails at once."""

    def __init__(self, fault: Exception | None = None) -> None:
        with patch.object(settings, "ServedFolder"):
            super().__init__(Settings(), Events(), lambda: None)
        self.told = self._stopping
        self._fault = fault

    def _run(self, **_: object) -> None:
        if self._fault is not None:
            raise self._fault
        assert self.told.wait(PATIENCE)


@pytest.mark.parametrize("is_leaving", [True, False])
def test_a_ledger_that_is_closed_at_the_end_is_no_fault(*, is_leaving: bool) -> None:
    work: Any = Work()

    def asked(_: float) -> bool:
        if is_leaving:
            work.stop()
        raise LedgerError("Cannot operate on a closed database.")

    work.is_idle = asked
    done = UntilDone(work, 0.0)
    with Bell() as bell:
        if is_leaving:
            run.drive(work, bell, done, finite=True)
            assert done.left is None
        else:
            with pytest.raises(LedgerError):
                run.drive(work, bell, done, finite=True)


@pytest.mark.parametrize("patience", [60.0, -1.0])
def test_it_is_done_when_the_files_show_it(
    monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    monkeypatch.setattr(run, "_PUBLISHING", patience)
    published = iter([False, False, True])
    seen: list[bool] = []

    class Writing(Work):
        def is_idle(self, horizon: float) -> bool:
            return horizon == 1.0

        @property
        def has_published(self) -> bool:
            seen.append(next(published))
            return seen[-1]

        def look(self) -> WorkerStatus:
            return left

    left = WorkerStatus(WorkerState("healthy"), 0, 0, None, paused=False)
    worker = Writing()
    done = UntilDone(worker, 1.0)
    with Bell() as bell:
        run.drive(worker, bell, done, finite=True)
    assert done.left is left
    assert seen == ([False, False, True] if patience > 0 else [False])


def test_what_ends_a_worker_is_not_hidden() -> None:
    work: Any = Work(ZeroDivisionError("odd"))
    with Bell() as bell, pytest.raises(ZeroDivisionError, match="odd"):
        run.drive(work, bell, lambda: 20.0, finite=False)
