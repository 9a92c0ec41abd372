"""A clock that only a history moves, in the place of the module `time` in the product."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, tzinfo
from typing import Any, Self
from unittest import mock

TICK = 1e-6  # seconds that each look at the clock takes: no two moments are the same
# Real sockets need real time; nothing there is stored or compared with a time of ours.
_REAL = ("mem0tray.server.network", "mem0tray.server.transport", "mem0tray.localserver")
_ACTORS = ("tests.support.producer", "tests.support.shapes", "tests.support.user")


class Clock:
    """Wall and monotonic clock, in seconds. `while_asleep` is called when the product sleeps."""

    def __init__(self) -> None:
        self._wall = float(int(time.time()))
        self._monotonic = 1000.0
        self.while_asleep: Callable[[], None] = lambda: None

    def __getattr__(self, name: str) -> Any:
        """Give what only converts times (`strftime`, `localtime`, …) as it is."""
        return getattr(time, name)

    def time(self) -> float:
        self.advance(TICK)
        return self._wall

    def time_ns(self) -> int:
        return int(self.time() * 1e9)

    def monotonic(self) -> float:
        self.advance(TICK)
        return self._monotonic

    def sleep(self, seconds: float) -> None:
        """Let time pass, and the others work."""
        self.advance(seconds)
        self.while_asleep()

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self._wall += seconds
        self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock, forward or back; no time passes."""
        self._wall += seconds

    def datetime(self) -> type[datetime]:
        """Make a `datetime` whose `now` is this clock's."""
        clock = self

        class Moment(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Self:
                return cls.fromtimestamp(clock.time(), tz)

        return Moment

    @contextmanager
    def installed(self) -> Iterator[Self]:
        """Go by this clock in every module of the product that is loaded, and in the actors."""
        moment = self.datetime()
        with ExitStack() as stack:
            for name, module in sorted(sys.modules.items()):
                if not name.startswith(("mem0tray.", *_ACTORS)) or name.startswith(_REAL):
                    continue
                if getattr(module, "time", None) is time:
                    stack.enter_context(mock.patch.object(module, "time", self))
                if getattr(module, "datetime", None) is datetime:
                    stack.enter_context(mock.patch.object(module, "datetime", moment))
            yield self
