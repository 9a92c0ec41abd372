"""Alerts: their episodes, what is remembered of them, and the command."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mem0tray import alerts
from mem0tray.alerts import AlertWatch
from mem0tray.config.settings import AlertSettings, Settings
from mem0tray.core.events import AlertBegan, AlertCommandFailed, AlertOver, Event, Events
from mem0tray.ledger.counters import Counts
from mem0tray.system.threads import Clock
from tests.support import needs
from tests.support.processes import PATIENCE, wait_until

NOW = 1_000.0
WALL = 1_764_460_000.0
DAY = 86_400.0
AFTER = 1_800.0


class Room(Clock):
    """A watch with its clock in hand."""

    def __init__(self, folder: Path) -> None:
        self.at = 0.0
        self.settings = AlertSettings()
        self.counts = Counts(0, 0, None)
        self.file = folder / "data" / "alerts.json"
        self.heard: list[Event] = []
        self.restart()

    def now(self) -> float:
        return NOW + self.at

    def wall(self) -> float:
        return WALL + self.at

    def restart(self) -> None:
        events = Events()
        events.subscribe(self.heard.append)
        settings = lambda: Settings(alerts=self.settings)  # noqa: E731
        self.watch = AlertWatch(events, settings, lambda: self.counts, self.file, self)

    def look(self, dlq: int, at: float = 0.0, *, age: float | None = None) -> list[Event]:
        """Look `at` seconds after the beginning, when the oldest is `age` seconds old."""
        self.at = at
        self.counts = Counts(3, dlq, None if age is None else self.wall() - age)
        self.heard.clear()
        self.watch.look()
        return [*self.heard]


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_a_large_dlq_is_reported_after_half_an_hour_and_once_an_episode(room: Room) -> None:
    assert sum(len(room.look(11, at)) for at in (0, 60, AFTER - 1)) == 0
    assert room.look(12, AFTER) == [AlertBegan("dlq_size", 10, 30.0, 3, 12, None)]
    assert sum(len(room.look(11, AFTER + at)) for at in range(0, int(DAY - AFTER), 30)) == 0
    assert room.look(10, DAY) == [AlertOver("dlq_size")]
    assert room.look(10, DAY + 1) == []
    assert room.look(11, DAY + 2) == []
    assert room.look(10, DAY + 3) == []
    assert room.look(11, DAY + 2 + AFTER) == [], "a dip begins the wait anew"
    assert len(room.look(11, DAY + 2 + 2 * AFTER)) == 1


def test_an_old_memory_is_reported_at_once_and_once(room: Room) -> None:
    assert room.look(0, age=DAY) == []
    (began,) = room.look(1, 60, age=DAY + 60)
    assert began == AlertBegan("max_age", 1.0, 30.0, 3, 1, WALL - DAY)
    assert room.look(1, DAY, age=2 * DAY) == []
    assert room.look(1, DAY, age=60) == [AlertOver("max_age")]
    assert len(room.look(1, DAY, age=DAY + 1)) == 1
    assert room.look(0, DAY) == [AlertOver("max_age")]


def test_a_restart_does_not_report_again(room: Room) -> None:
    room.look(11, age=2 * DAY)
    room.look(11, AFTER, age=2 * DAY)
    assert json.loads(room.file.read_text()) == {"told": ["dlq_size", "max_age"]}
    room.restart()
    assert room.look(11, age=2 * DAY) == []
    assert room.look(11, AFTER, age=2 * DAY) == []
    assert room.look(0, DAY) == [AlertOver("dlq_size"), AlertOver("max_age")]
    assert json.loads(room.file.read_text()) == {"told": []}


@pytest.mark.parametrize(
    "data", [b"", b"[]", b'{"told": 5}', b'{"told": [[], null, "x"]}', b"\xff", b"[" * 10**5]
)
def test_a_file_without_sense_remembers_nothing(room: Room, data: bytes) -> None:
    room.file.parent.mkdir()
    room.file.write_bytes(data)
    room.restart()
    assert len(room.look(1, age=2 * DAY)) == 1


def test_a_folder_that_cannot_be_written_harms_nothing(room: Room) -> None:
    room.file.parent.write_text("")
    assert len(room.look(1, age=2 * DAY)) == 1


def test_the_text_names_limit_counts_and_where_to_look() -> None:
    shown = alerts.describe(AlertBegan("dlq_size", 2_000_000, 0.0, 2, 12, None))
    limit = "more than 2,000,000 for 0 minutes.\n"
    for part in (limit, "mem0tray on ", "Dead letters:   12", "In the queue:   2", "diagnose\n"):
        assert part in shown
    assert "older than 1.5 days.\n" in alerts.describe(
        AlertBegan("max_age", 1.5, 30.0, 2, 12, WALL)
    )


def quoted(*arguments: str | Path) -> str:
    words = [sys.executable, *map(str, arguments)]
    return subprocess.list2cmdline(words) if needs.WINDOWS else shlex.join(words)


KEEP = (
    "import sys\n"
    "with open(sys.argv[1], 'wb') as kept:\n"
    "    kept.write(repr(sys.argv[2:]).encode() + sys.stdin.buffer.read())\n"
)


def test_the_command_gets_the_text_and_no_shell(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    command = quoted("-c", KEEP, kept) + ' -s "Mem0 DLQ Alert" $HOME ; > x *'
    assert alerts.run(command, "é\n") == ""
    words = ["-s", "Mem0 DLQ Alert", "$HOME", ";", ">", "x", "*"]
    assert kept.read_text(encoding="utf-8") == f"{words!r}é\n"


FAILS = "import sys; sys.stdin.read(); print('no\\nsuch user', file=sys.stderr); sys.exit(3)"
LEAVES_A_CHILD = (
    "import subprocess, sys\n"
    "sleep = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
    "subprocess.Popen(sleep, stdin=subprocess.DEVNULL)\n"
)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        pytest.param(quoted("-c", FAILS), "it exited with 3: no such user", id="fails"),
        pytest.param(quoted("-c", "pass"), "", id="reads nothing"),
        pytest.param(quoted("-c", LEAVES_A_CHILD), "", id="leaves a child behind"),
        ("/nowhere/mail -s x", "it cannot be started: "),
        ("a\0b", "it cannot be started: "),
    ],
)
def test_the_reason_of_a_failure_is_returned(command: str, reason: str) -> None:
    found = alerts.run(command, "x" * 10**6, PATIENCE)
    assert found.startswith(reason)
    assert bool(found) == bool(reason)


@needs.SHELL
def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    command = shlex.join(["/bin/sh", "-c", 'sleep 600 & echo $! > "$0"; wait', str(pid)])
    for limit in (1, 10, 60):  # a busy machine may not have started the child in the first
        assert alerts.run(command, "x", limit) == f"it was ended after {limit} s"
        if pid.exists() and pid.read_text():
            break
    child = int(pid.read_text())
    wait_until(lambda: _is_gone(child), what="the end of its child")


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    return state == "Z"


def test_an_alert_runs_the_command_and_emits_its_failure(room: Room, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    room.settings = AlertSettings(command=quoted("-c", KEEP, kept))
    room.look(0, age=2 * DAY)
    wait_until(lambda: kept.exists() and b"older than" in kept.read_bytes(), what="the text")
    room.settings = AlertSettings(command="/nowhere/x")
    room.look(0)
    room.look(0, age=2 * DAY)
    wait_until(lambda: isinstance(room.heard[-1], AlertCommandFailed), what="the failure")
