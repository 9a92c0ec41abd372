"""`mem0tray run`: its last words."""

from pathlib import Path

import pytest

from mem0tray.cli import run
from mem0tray.cli.run_screen import RunScreen
from mem0tray.core import events, reasons
from mem0tray.core.state import DOWN, HEALTHY, Waiting, WorkerState
from tests.support import needs
from tests.support.forked import ForkedHome
from tests.support.processes import wait_until
from tests.support.standin import Standin


def test_a_run_that_is_stopped_before_the_end_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What was told to leave has one line on stderr that says where to look; the stop is last."""
    problem = run._problem(None)
    run._close(RunScreen(lambda: None), problem)
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert "stopped before the end" in line
    assert "`mem0tray list --queue`" in line
    assert [words.split(maxsplit=2)[2] for words in out.splitlines()] == [
        "Nothing was delivered.",
        "Worker stopped.",
    ]


def test_what_was_delivered_is_counted_by_where_it_went(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Another server may be chosen meanwhile; what was sent before is taken by the former."""
    screen = RunScreen(lambda: None)
    screen(events.WorkerStarted("former.test"))
    screen(events.Delivered("alpha", "1"))
    screen(events.ServerChanged("this computer only"))
    screen(events.DlqRecovered("alpha", "2", 1))
    screen(events.Delivered("alpha", "3", "http://former.test"))
    screen(events.Delivered("alpha", "4", "local"))
    run._close(screen, "")
    assert [words.split(maxsplit=2)[2] for words in capsys.readouterr().out.splitlines()] == [
        "Delivered 2 memories to former.test.",
        "Delivered 2 memories to this computer only.",
        "Worker stopped.",
    ]


@needs.linux("systemd is of Linux")
def test_a_stale_start_at_login_is_mended(tmp_path: Path) -> None:
    """A service whose program has moved starts the one that runs now, as with the tray."""
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
        (Waiting(0, 0, 0, WorkerState(HEALTHY), reasons.NONE), ""),
        (
            Waiting(0, 1, 0, WorkerState(HEALTHY), reasons.NONE),
            "1 dead letter still waits for the next retry. See ",
        ),
        (
            Waiting(
                2, 1, 0, WorkerState(DOWN, reasons.quoted("Connection refused.")), reasons.NONE
            ),
            "2 memories in the queue and 1 dead letter still wait: the server is down (Connection",
        ),
    ],
)
def test_what_still_waits_and_why(left: Waiting, said: str) -> None:
    """The reason is a sentence of its own kind, not an error of the system alone."""
    problem = run._problem(left)
    assert problem.startswith(said)
    assert bool(problem) == bool(said)
