"""What `mem0tray run` shows: few events a line each, many as counts, and never a flood."""

import re
import sys
import threading
import time
from collections.abc import Callable

import pytest

from mem0tray.cli import run_screen
from mem0tray.cli.run_screen import FEW, RunScreen
from mem0tray.core import events, reasons
from tests.support.processes import wait_until

MANY = 5_000


class Shown:
    """What standard output has got so far, from whichever thread."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture
        self.out = ""
        self.err = ""

    def text(self) -> str:
        """Everything until now."""
        out, err = self._capture.readouterr()
        self.out += out
        self.err += err
        return self.out

    def lines(self) -> list[str]:
        """Whole lines, without the time and the sign before each."""
        return [line.split(maxsplit=2)[2] for line in self.text().splitlines()]


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Shown:
    """Make one."""
    return Shown(capsys)


def screen(waiting: Callable[[], int | None] = lambda: None) -> RunScreen:
    """Make a screen that nobody leaves."""
    return RunScreen(waiting, lambda: None)


def delivered(number: int = 1) -> events.Delivered:
    """Make a delivery."""
    return events.Delivered("garden", f"{number:08d}-0000")


def test_each_line_has_a_time_of_day_and_a_sign(shown: Shown) -> None:
    """A delivery, a failure and what else happens stand below each other, told apart by signs."""
    with screen() as told:
        told(events.WorkerStarted("this computer only"))
        told(delivered())
        told(events.DlqRecovered("", "87654321-0000", 1))
        told(events.AttemptFailed("garden", "12345678-0000", 1, "500"))
        told(events.DlqRetryFailed("garden", "12345678-0000", 2, 120.0, "500"))
        told(events.MovedToDlq("garden", "12345678-0000", 1))
    *lines, last = [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in shown.text().splitlines()]
    assert lines == [
        "· Worker started; memories go to: this computer only",
        "✓ Delivered: garden (ID: 00000001...)",
        "✓ DLQ recovered: (no project) (ID: 87654321...) after 1 failed retry",
        "! Attempt 1 failed: garden (ID: 12345678...): 500",
        "! DLQ retry 2 failed: garden (ID: 12345678...): 500 (next in 2 min)",
    ]
    assert last == "✗ Moved to DLQ: garden (ID: 12345678...) after 1 failed attempt"


def test_a_flood_makes_few_lines(shown: Shown) -> None:
    """Thousands of deliveries, failures and broken items are counted, none is left out."""
    with screen() as told:
        for number in range(MANY):
            told(delivered(number))
            told(events.AttemptFailed("garden", f"{number:08d}", 1, "500"))
            told(events.Quarantined("mem0_queue.json", f"kept-{number}"))
    lines = shown.lines()
    assert told.delivered.total() == MANY
    assert 3 * FEW <= len(lines) <= 3 * FEW + 10
    more = [int(line.split()[0].replace(",", "")) for line in lines if " more failure" in line]
    assert sum(more) + sum(line.startswith("Attempt") for line in lines) == MANY
    assert f"; the last: Attempt 1 failed: garden (ID: {MANY - 1:08d}...): 500" in lines[-2]


def test_a_long_flood_is_counted_from_its_beginning() -> None:
    """However long it lasts, the count goes on, and no line comes between."""
    kind = run_screen._Kind()
    lines = [kind.takes_line(delivered(number), number / 100) for number in range(MANY)]
    assert kind.count == MANY
    assert lines == [True] * FEW + [False] * (MANY - FEW)


def test_a_pipe_is_told_now_and_then(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """While many are delivered a line with counts comes now and then, at the end one with a sum."""
    monkeypatch.setattr(run_screen, "SUMMARY", 0.2)
    monkeypatch.setattr(run_screen, "_REDRAW", 0.02)
    calm = threading.Event()

    def deliver() -> None:
        while not calm.wait(0.001):
            told(delivered())

    with screen(lambda: 42) as told:
        busy = threading.Thread(target=deliver)
        busy.start()
        wait_until(lambda: shown.text().count(" delivered, 42 waiting\n") >= 2, what="counts")
        calm.set()
        busy.join()
        total = f"Delivered {told.delivered.total()} memories in"
        wait_until(lambda: total in shown.text(), what=total)
        told(delivered())
        wait_until(lambda: shown.text().splitlines()[-1].endswith("...)"), what="a line again")


def test_a_terminal_has_the_progress_in_its_last_line(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written anew in its place, makes room for other lines, and is gone at the end."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(run_screen, "_QUIET", 60.0)
    monkeypatch.setattr(run_screen, "SUMMARY", 60.0)
    with screen(lambda: 7) as told:
        for number in range(20):
            told(delivered(number))
        wait_until(lambda: "✓ 20 delivered, 7 waiting" in shown.text(), what="progress")
        told(events.StateChanged("down", reasons.quoted("refused")))
        wait_until(lambda: "State: down (refused)\n" in shown.text(), what="the state")
        wait_until(lambda: shown.text().count("20 delivered") == 2, what="progress below it")
    seen = re.sub(r"[^\n]*\r\x1b\[2K", "", shown.text())
    assert "20 delivered" not in seen
    assert len(seen.splitlines()) == FEW + 1


def test_who_reads_no_more_ends_it() -> None:
    """A reader that has left is noticed, and said."""
    left = threading.Event()
    with pytest.MonkeyPatch.context() as patch:

        def broken(*_: object, **__: object) -> None:
            raise BrokenPipeError

        patch.setattr("mem0tray.cli.output.write", broken)
        with RunScreen(lambda: None, left.set) as told:
            told(delivered())
            assert left.wait(10)
        assert told.left


def test_with_nothing_to_show_it_sleeps(shown: Shown) -> None:
    """After the last line its thread asks for nothing and waits without a limit."""
    asked: list[float] = []

    def waiting() -> int:
        asked.append(time.monotonic())
        return 1

    with screen(waiting) as told:
        told(delivered())
        wait_until(lambda: "Delivered" in shown.text(), what="the line")
        limits: list[float | None] = []
        wait = told._changed.wait

        def noted(timeout: float | None = None) -> bool:
            limits.append(timeout)
            return wait(timeout)

        told._changed.wait = noted  # type: ignore[method-assign]
        wait_until(lambda: limits, what="it waits")
        assert limits == [None]
    assert asked == []
