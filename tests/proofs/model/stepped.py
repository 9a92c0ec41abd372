"""The real worker without threads: its cycle, its probes, its requests, step by step."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any, Self
from unittest import mock

from mem0tray.config.settings import Settings
from mem0tray.core.events import Event, Events
from mem0tray.files import atomic
from mem0tray.files.lock import is_locked
from mem0tray.files.temporary import Temporary
from mem0tray.ledger.database import Ledger
from mem0tray.server.vps import VpsClient
from mem0tray.worker import parts
from mem0tray.worker.engine import Engine
from mem0tray.worker.folders.settings import WantedSettings
from mem0tray.worker.log import EventLog
from mem0tray.worker.queue.publish import QueuePublisher
from mem0tray.worker.sending.chosen_server import Prober
from mem0tray.worker.sending.delivery import Delivery, _Flight, _Sender

if TYPE_CHECKING:
    from mem0tray.server.model import Outcome

SENDERS = 3  # requests that may be under way at once


class _NoWait(threading.Event):
    def wait(self, timeout: float | None = None) -> bool:
        del timeout
        return self.is_set()


@contextmanager
def without_threads() -> Iterator[None]:

    def still(self: Any, *_: object, **__: object) -> None:
        del self

    def probe_soon(self: Prober) -> None:
        self._signal.set()

    def publish(self: QueuePublisher, timeout: float) -> None:
        del timeout
        _publish(self)

    def stop(self: Delivery, timeout: float) -> None:
        del timeout
        self._stopping = True

    replaced: tuple[tuple[type, str, Callable[..., None]], ...] = (
        (Prober, "start", probe_soon),
        (Prober, "stop", still),
        (QueuePublisher, "start", still),
        (QueuePublisher, "stop", publish),
        (Delivery, "kick", still),
        (Delivery, "stop", stop),
    )
    with ExitStack() as stack:
        for owner, name, stand_in in replaced:
            stack.enter_context(mock.patch.object(owner, name, stand_in))
        yield


def _publish(publisher: QueuePublisher) -> None:
    """What its thread would do now: it waits while somebody else holds the lock."""
    if publisher.pending and not is_locked(publisher._lock.path):
        publisher._guarded()


class SteppedWorker:
    """One life of a worker; begin it within `without_threads`. `tell` gets every event."""

    def __init__(
        self, settings: Settings, now: Callable[[], float], tell: Callable[[Event], None]
    ) -> None:
        bus = Events()
        self._now = now
        self._wanted = WantedSettings(settings, lambda: None)
        self._log = EventLog(self._wanted.where.paths, settings.log)
        bus.subscribe(self._log)
        bus.subscribe(tell)
        self.under_way: dict[int, tuple[_Flight, Outcome]] = {}
        self._senders: dict[int, _Sender] = {}
        self._probed = now()
        try:
            self.parts = parts.open_parts(self._wanted, bus, threading.Event())
            self.engine = Engine(self.parts, self._wanted, watches=False)
            self.parts.queue_publisher._stopping = _NoWait()
            self.engine.begin()
        except BaseException:
            self.abandon()
            raise

    # Cycles ------------------------------------------------------------------------

    def cycle(self) -> None:
        """One turn of the loop; then what the other threads would do."""
        self.engine.cycle(self.parts.context.now(), self._now())
        _publish(self.parts.queue_publisher)
        self.probe()

    def probe(self) -> None:
        prober = self.parts.chosen_server.prober
        due = self._now() - self._probed >= self.parts.context.settings.sync.probe_interval
        if due or prober._signal.is_set():
            prober._signal.clear()
            self._probed = self._now()
            prober._deliver(*prober._probe())

    def is_idle(self) -> bool:
        return self.engine.is_idle(0.0, self.parts.context.now(), self._now())

    # Requests ----------------------------------------------------------------------

    def begin(self) -> bool:
        free = [number for number in range(SENDERS) if number not in self.under_way]
        return bool(free) and self._turn(free[0])

    def finish(self, number: int) -> None:
        del self.under_way[number]
        self._turn(number)

    def _turn(self, number: int) -> bool:
        delivery = self.parts.chosen_server.delivery
        sender = self._senders.setdefault(number, _Sender(number))
        with delivery._cond:
            happened, following = delivery._exchange(sender)
            sender.answered = None
            for event in happened:
                delivery._context.events.emit(event)
        if following is None:
            return False
        reply = delivery._attempt(sender, following)
        sender.answered = following, reply
        self.under_way[number] = sender.answered
        return True

    # The end -----------------------------------------------------------------------

    def stop(self) -> None:
        self.engine.end()
        self.abandon()

    def abandon(self) -> None:
        for sender in self._senders.values():
            if sender.client is not None:
                sender.client.close()
        self._wanted.where.leave()
        self._log.close()


TICK = 1e-6  # seconds that each look at the clock takes: no two moments are the same
# Real sockets need real time; nothing there is stored or compared with a time of ours.
_REAL = ("mem0tray.server.transport", "mem0tray.localserver")
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
        self.advance(seconds)
        self.while_asleep()

    def advance(self, seconds: float) -> None:
        self._wall += seconds
        self._monotonic += seconds

    def jump(self, seconds: float) -> None:
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


class Killed(BaseException):
    """The process ends here; not an Exception, so that nothing in the product survives it."""


class Points:
    """Calls one armed action after so many points: file operations, commits, requests."""

    def __init__(self) -> None:
        self._left = 0
        self._action: Callable[[], None] | None = None

    def arm(self, after: int, action: Callable[[], None]) -> None:
        """Call `action` at the point number `after` from now on (0: the next)."""
        self._left, self._action = after, action

    def disarm(self) -> None:
        self._action = None

    def _pass(self) -> None:
        action = self._action
        if action is None:
            return
        if self._left > 0:
            self._left -= 1
            return
        self._action = None
        action()

    @contextmanager
    def installed(self) -> Iterator[None]:
        with ExitStack() as stack:
            for owner, name in (
                (atomic, "read"),
                (atomic, "signature"),
                (atomic, "sync"),
                (Temporary, "become"),
                (atomic, "keep_link"),
                (atomic, "sync_folder"),
                (Ledger, "transaction"),
                (VpsClient, "save"),
                (VpsClient, "ask"),
            ):
                around = self._around(getattr(owner, name))
                stack.enter_context(mock.patch.object(owner, name, around))
            yield

    def _around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def passing(*args: Any, **kwargs: Any) -> Any:
            self._pass()
            result = call(*args, **kwargs)
            self._pass()
            return result

        return passing
