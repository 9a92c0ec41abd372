"""What `mem0tray run` shows: few events a line each, many as counts, and never a flood."""

import re
import threading

import pytest

from mem0tray.cli.run_screen import RunScreen
from mem0tray.core import events

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


def screen() -> RunScreen:
    """Make a screen that nobody leaves."""
    return RunScreen(lambda: None)


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
    assert len(lines) < 100
    more = [int(line.split()[0].replace(",", "")) for line in lines if " more failure" in line]
    assert sum(more) + sum(line.startswith("Attempt") for line in lines) == MANY
    assert f"; the last: Attempt 1 failed: garden (ID: {MANY - 1:08d}...): 500" in shown.text()


def test_who_reads_no_more_ends_it() -> None:
    """A reader that has left is noticed, and said."""
    left = threading.Event()
    with pytest.MonkeyPatch.context() as patch:

        def broken(*_: object, **__: object) -> None:
            raise BrokenPipeError

        patch.setattr("mem0tray.cli.output.write", broken)
        with RunScreen(left.set) as told:
            told(delivered())
            assert left.wait(10)
        assert told.left
