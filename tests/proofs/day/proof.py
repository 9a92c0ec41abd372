"""Plays hours on a desktop, and says what is wrong with what was shown and needed."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.desktop import Desktop
from tests.support.home import REPOSITORY
from tests.support.notifyd import NotificationDaemon

HOUR: Final = 3600.0
MEGABYTE: Final = 1 << 20
# What may be added after warming up, over all the hours that follow.
MOST: Final = 6  # notifications in any hour
GOOD_NEWS: Final = ("DLQ recovered", "Server back")
RISE: Final = {"rss": 2 * MEGABYTE, "anonymous": 2 * MEGABYTE, "descriptors": 1, "threads": 1}
_TICK: Final = 0.001  # seconds: times are sums of floats
_SECONDS: Final = 15.0  # real ones that an hour may take on a busy machine
_SHARE: Final = 6  # of the hours, for warming up: caches fill, and the first storm comes
_LEAST: Final = 2

Needs = dict[str, int]


@dataclass(frozen=True, slots=True)
class Shown:
    """A notification: when (seconds of the day), its title, and whether that was a stormy time."""

    at: float
    title: str
    stormy: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """`needs` has one entry an hour; `arrived` are titles, as the daemon got them."""

    needs: Sequence[Needs]
    shown: Sequence[Shown]
    expected: Sequence[str]
    arrived: Sequence[str]
    complaints: str = ""

    @property
    def warm(self) -> int:
        """The hour after which nothing may grow, counted from 0."""
        return max(_LEAST, len(self.needs) // _SHARE) - 1


def play(desktop: Desktop, folder: Path, hours: int, seed: int) -> Result:
    """Play so many hours to the tray, before a real host of icons and a notification daemon."""
    desktop.tray()
    daemon = desktop.notifications()
    folder.mkdir()
    command = [sys.executable, "-m", "tests.proofs.day.player", str(hours), str(seed), str(folder)]
    process = desktop.start(command, env={"PYTHONPATH": str(REPOSITORY)}, name="player")
    code = process.wait(_SECONDS * (hours + 1))
    assert code == 0, process.err
    return _result(process.out, process.err, daemon)


def _result(out: str, err: str, daemon: NotificationDaemon) -> Result:
    *needs, last = [json.loads(line) for line in out.splitlines()]
    return Result(
        needs=[{name: each[name] for name in RISE} for each in needs],
        shown=[Shown(*each) for each in last["shown"]],
        expected=last["expected"],
        arrived=[each.title for each in daemon.received],
        complaints="\n".join(line for line in err.splitlines() if "Traceback" in line),
    )


def faults(result: Result) -> Iterator[str]:
    """Everything that is not as it should be."""
    shown = [each.title for each in result.shown]
    if shown != list(result.arrived):
        yield f"sent were {shown}, arrived are {result.arrived}"
    calm = [each.title for each in result.shown if not each.stormy]
    if calm != list(result.expected):
        yield f"not one for each episode: expected {result.expected}, shown {calm}"
    # The good news that all of a notification is over comes besides those of the hour.
    times = [each.at for each in result.shown if each.title not in GOOD_NEWS]
    for first, last in zip(times, times[MOST:], strict=False):
        if last - first < HOUR - _TICK:
            yield f"{MOST + 1} notifications within an hour from {first:.0f} on"
    if result.complaints:
        yield result.complaints
    yield from _grown(result)


def _grown(result: Result) -> Iterator[str]:
    warm, *rest = result.needs[result.warm :]
    for name, most in RISE.items():
        rise = max((each[name] for each in rest), default=0) - warm[name]
        if rise > most:
            yield f"{name} grew by {rise:,} after hour {result.warm + 1}"
