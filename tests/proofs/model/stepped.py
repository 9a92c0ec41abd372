"""The real worker without threads: its cycle, its probes, its requests, step by step."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from mem0tray.events import Event, Events
from mem0tray.files.lock import is_locked
from mem0tray.server import Answer, Client
from mem0tray.settings import Settings
from mem0tray.worker.delivery import Delivery, _Flight
from mem0tray.worker.log import EventLog
from mem0tray.worker.loop import Worker
from mem0tray.worker.probe import Prober
from mem0tray.worker.publish_queue import QueuePublisher

SENDERS = 3  # requests that may be under way at once
_ENOUGH = 400  # requests in a drain; more would be a storm


class _NoWait(threading.Event):
    def wait(self, timeout: float | None = None) -> bool:
        """Return at once: who waits in a history does so on its clock."""
        del timeout
        return self.is_set()


@contextmanager
def without_threads() -> Iterator[None]:
    """Workers that begin in here start none of their threads."""

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
        self.worker = Worker(settings, bus, lambda: None)
        self._log = EventLog(self.worker.paths, settings.log)
        bus.subscribe(self._log)
        bus.subscribe(tell)
        self.under_way: dict[int, tuple[_Flight, Answer]] = {}
        self._clients: dict[int, tuple[int, Client]] = {}
        self._probed = now()
        worker = self.worker
        try:
            worker._build(settings)
            worker._built = True
            worker.queue_publisher._stopping = _NoWait()
            worker._begin(watch=False)
        except BaseException:
            self.abandon()
            raise

    # Cycles ------------------------------------------------------------------------

    def cycle(self) -> None:
        """One turn of the loop; then what the other threads would do."""
        self.worker._cycle()
        _publish(self.worker.queue_publisher)
        self.probe()

    def probe(self) -> None:
        """Probe the server if that is wanted, or due."""
        prober = self.worker.prober
        due = self._now() - self._probed >= self.worker.core.settings.sync.probe_interval
        if due or prober._signal.is_set():
            prober._signal.clear()
            self._probed = self._now()
            prober._report(prober._probe())

    # Requests ----------------------------------------------------------------------

    def begin(self) -> bool:
        """Send what is due, if anything is; its outcome is not recorded yet."""
        free = [number for number in range(SENDERS) if number not in self.under_way]
        return bool(free) and self._exchange(free[0], None, None)

    def finish(self, number: int) -> None:
        """Record the outcome of a request, and send the next in the same commit."""
        flight, answer = self.under_way.pop(number)
        self._exchange(number, flight, answer)

    def drain(self) -> None:
        """Send until nothing is due; AssertionError when that never ends."""
        for _ in range(_ENOUGH):
            if self.under_way:
                self.finish(min(self.under_way))
            elif not self.begin():
                return
        raise AssertionError("requests without end")

    def _exchange(self, number: int, flight: _Flight | None, answer: Answer | None) -> bool:
        delivery = self.worker.delivery
        with delivery._cond:
            happened, following = delivery._exchange(number, flight, answer)
        for event in happened:
            self.worker.events.emit(event)
        if following is None:
            return False
        reply = delivery._attempt(self._client(number), following.job)
        self.under_way[number] = (following, reply)
        return True

    def _client(self, number: int) -> Client:
        delivery = self.worker.delivery
        era, client = self._clients.get(number, (-1, None))
        if client is None or era != delivery._era:
            client = delivery._connect()
            self._clients[number] = (delivery._era, client)
        return client

    # The end -----------------------------------------------------------------------

    def stop(self) -> None:
        """Leave in good order."""
        self.worker._end()
        self._let_go()

    def abandon(self) -> None:
        """Leave as a kill does: nothing is recorded, nothing is published."""
        self._let_go()

    def _let_go(self) -> None:
        for _, client in self._clients.values():
            client.close()
        self.worker._instance.release()
        self._log.close()
