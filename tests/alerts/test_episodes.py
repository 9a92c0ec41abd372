"""Alerts: their episodes, what is remembered of them, and the command."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mem0tray.alerts import alert_command, episodes
from mem0tray.alerts.episodes import Alerts
from mem0tray.config.settings import AlertSettings
from mem0tray.core.events import AlertBegan, AlertOver, Event
from mem0tray.ledger.waiting import Counts
from tests.support import needs
from tests.support.processes import wait_until

NOW = 1_000.0
WALL = 1_764_460_000.0
DAY = 86_400.0
AFTER = 1_800.0
SETTINGS = AlertSettings()


def look(
    watched: Alerts, dlq: int, at: float = 0.0, *, age: float | None = None, queue: int = 0
) -> list[Event]:
    """Look `at` seconds after the beginning, when the oldest is `age` seconds old."""
    wall = WALL + at
    oldest = None if age is None else wall - age
    return watched.look(Counts(queue, dlq, oldest), SETTINGS, NOW + at, wall)


# Episodes -----------------------------------------------------------------------


def test_a_large_dlq_is_told_after_half_an_hour() -> None:
    """Not at once, and then with the counts."""
    watched = Alerts()
    assert look(watched, 11) == []
    assert watched.next_look(SETTINGS) == NOW + AFTER
    assert look(watched, 12, AFTER - 1) == []
    assert look(watched, 12, AFTER, queue=3) == [AlertBegan("dlq_size", 10, 30.0, 3, 12, None)]


def test_a_dlq_at_its_limit_is_not_large() -> None:
    """Ten dead letters are not more than ten."""
    watched = Alerts()
    assert look(watched, 10) == []
    assert look(watched, 10, 10 * AFTER) == []
    assert watched.next_look(SETTINGS) is None


def test_it_is_told_once_an_episode() -> None:
    """A day of a large DLQ is one alert; after its end another may come."""
    watched = Alerts()
    told = [event for at in range(0, int(DAY), 30) for event in look(watched, 11, at)]
    assert len(told) == 1
    assert watched.next_look(SETTINGS) is None
    assert look(watched, 10, DAY) == [AlertOver("dlq_size")]
    assert look(watched, 10, DAY + 1) == []
    assert look(watched, 11, DAY + 2) == []
    assert len(look(watched, 11, DAY + 2 + AFTER)) == 1


def test_a_dip_begins_the_wait_anew() -> None:
    """The half hour is one without a break."""
    watched = Alerts()
    look(watched, 11)
    assert look(watched, 10, AFTER - 1) == []
    assert look(watched, 11, AFTER) == []
    assert len(look(watched, 11, 2 * AFTER)) == 1


def test_an_old_memory_is_told_at_once_and_once() -> None:
    """The oldest undelivered memory is older than a day; over when none is."""
    watched = Alerts()
    assert look(watched, 0, age=DAY) == []
    (began,) = look(watched, 1, 60, age=DAY + 60)
    assert began == AlertBegan("max_age", 1.0, 30.0, 0, 1, WALL - DAY)
    assert look(watched, 1, DAY, age=2 * DAY) == []
    assert look(watched, 1, DAY, age=60) == [AlertOver("max_age")]
    assert len(look(watched, 1, DAY, age=DAY + 1)) == 1
    assert look(watched, 0, DAY) == [AlertOver("max_age")]


def test_new_settings_hold_at_once() -> None:
    """A limit that is raised ends the episode."""
    watched = Alerts()
    quick = AlertSettings(dlq_size=1, after=0)
    counts = Counts(0, 5, None)
    assert len(watched.look(counts, quick, NOW, WALL)) == 1
    assert watched.look(counts, SETTINGS, NOW, WALL) == [AlertOver("dlq_size")]


def test_a_restart_does_not_tell_again(tmp_path: Path) -> None:
    """An episode that was told is remembered in the file; its end is forgotten there too."""
    file = tmp_path / "data" / "alerts.json"
    watched = Alerts(episodes.load_told(file))
    look(watched, 11, age=2 * DAY)
    look(watched, 11, AFTER, age=2 * DAY)
    episodes.save_told(file, watched.told)
    again = Alerts(episodes.load_told(file))
    assert look(again, 11, age=2 * DAY) == []
    assert look(again, 11, AFTER, age=2 * DAY) == []
    assert look(again, 0, DAY) == [AlertOver("dlq_size"), AlertOver("max_age")]
    episodes.save_told(file, again.told)
    assert episodes.load_told(file) == frozenset()


@pytest.mark.parametrize(
    "data", [b"", b"[]", b'{"told": 5}', b'{"told": [[], null, "x"]}', b"\xff", b"[" * 10**5]
)
def test_a_file_without_sense_says_nothing(tmp_path: Path, data: bytes) -> None:
    """Whatever stands there, nothing was told."""
    file = tmp_path / "alerts.json"
    file.write_bytes(data)
    assert episodes.load_told(file) == frozenset()


def test_a_folder_that_cannot_be_written_harms_nothing(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "data").write_text("")
    episodes.save_told(tmp_path / "data" / "alerts.json", {"max_age"})


@pytest.mark.parametrize("name", ["dlq_size", "max_age"])
def test_the_text_for_the_command(name: str) -> None:
    """It says what, how many, since when, and where to look."""
    text = episodes.describe(AlertBegan(name, 10, 30.0, 2, 12, WALL))
    for word in ("mem0tray on ", "Dead letters:   12", "In the queue:   2", "mem0tray diagnose"):
        assert word in text
    assert text.endswith("\n")


@pytest.mark.parametrize(
    ("alert", "said"),
    [
        (AlertBegan("max_age", 1.0, 30.0, 0, 1, WALL), "memory is older than 1 day.\n"),
        (AlertBegan("max_age", 1.5, 30.0, 0, 1, WALL), "memory is older than 1.5 days.\n"),
        (AlertBegan("dlq_size", 10, 1.0, 0, 12, WALL), "more than 10 for 1 minute.\n"),
        (
            AlertBegan("dlq_size", 2_000_000, 0.0, 0, 3_000_000, WALL),
            "more than 2,000,000 for 0 minutes.\n",
        ),
    ],
)
def test_limits_are_said_as_people_say_them(alert: AlertBegan, said: str) -> None:
    """One day is a day, and a large number is no power of ten."""
    assert said in episodes.describe(alert)


# The command ---------------------------------------------------------------------


def quoted(*arguments: str | Path) -> str:
    """Write a command as a user would."""
    words = [sys.executable, *map(str, arguments)]
    return subprocess.list2cmdline(words) if needs.WINDOWS else shlex.join(words)


KEEP = (
    "import sys\n"
    "with open(sys.argv[1], 'wb') as kept:\n"
    "    kept.write(repr(sys.argv[2:]).encode() + sys.stdin.buffer.read())\n"
)


def test_the_command_gets_the_text_and_no_shell(tmp_path: Path) -> None:
    """Quotes group words; nothing else means anything; the text is on standard input."""
    kept = tmp_path / "kept"
    command = quoted("-c", KEEP, kept) + ' -s "Mem0 DLQ Alert" $HOME ; > x *'
    assert alert_command.run(command, "é\n") == ""
    words = ["-s", "Mem0 DLQ Alert", "$HOME", ";", ">", "x", "*"]
    assert kept.read_text(encoding="utf-8") == f"{words!r}é\n"


def test_a_failing_command_is_told_with_its_last_words() -> None:
    """Exit code and what it said, on one line."""
    script = "import sys; sys.stdin.read(); print('no\\nsuch user', file=sys.stderr); sys.exit(3)"
    assert alert_command.run(quoted("-c", script), "x") == "it exited with 3: no such user"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("/nowhere/mail -s x", "it cannot be started: "),
        pytest.param('mail -s "x', "it cannot be understood: ", marks=needs.SHELL),
        ("a\0b", "it cannot be started: "),
        ("  ", "it is empty"),
    ],
)
def test_a_command_that_cannot_run(command: str, reason: str) -> None:
    """The reason is told, nothing is raised."""
    assert alert_command.run(command, "x").startswith(reason)


def test_a_command_that_reads_nothing_is_no_failure() -> None:
    """A text larger than any pipe, and a command that ends without reading."""
    assert alert_command.run(quoted("-c", "pass"), "x" * 10**6) == ""


@needs.SHELL
def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    """After the time-out nothing of it is left, what it had started included."""
    pid = tmp_path / "pid"
    command = shlex.join(["/bin/sh", "-c", 'sleep 600 & echo $! > "$0"; wait', str(pid)])
    assert alert_command.run(command, "x", 1.0) == "it was ended after 1 s"
    child = int(pid.read_text())
    wait_until(lambda: _is_gone(child), what="the end of its child")


def test_a_command_that_leaves_a_child_behind_does_not_hold_us() -> None:
    """A daemon that keeps its output open is not waited for."""
    script = (
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(5)'])\n"
    )
    assert alert_command.run(quoted("-c", script), "x", 4.0) == ""


def test_on_its_own_thread(tmp_path: Path) -> None:
    """`start` does not wait; a failure is told to whoever asked for it."""
    told: list[str] = []
    alert_command.start("/nowhere/x", "x", told.append).join(10)
    assert len(told) == 1
    kept = tmp_path / "kept"
    alert_command.start(quoted("-c", KEEP, kept), "text", told.append).join(10)
    assert kept.read_text().endswith("text")
    assert len(told) == 1


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    return state == "Z"


def test_what_is_remembered_is_plain_json(tmp_path: Path) -> None:
    """The file can be read by any JSON program."""
    file = tmp_path / "alerts.json"
    episodes.save_told(file, {"max_age", "dlq_size"})
    assert json.loads(file.read_text()) == {"told": ["dlq_size", "max_age"]}
