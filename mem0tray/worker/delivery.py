"""The second stage: due items go to the server, and the outcome into the ledger.

Sender threads take turns under one lock. A sender records the outcome of its
last delivery and the intent of its next one in a single commit, so that a
kill leaves unknown at most what is under way; while answers are fast one
sender does all the work. This stage never touches a JSON file.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from mem0tray import events
from mem0tray.errors import LedgerError
from mem0tray.events import Event
from mem0tray.item import DEAD, PENDING
from mem0tray.ledger.outbox import Job
from mem0tray.server import Answer, Client, Kind, Memory, Presence
from mem0tray.worker.core import Core
from mem0tray.worker.schedule import SLOW, STALLED, Throttle, choose_lane
from mem0tray.worker.state import Gate
from mem0tray.worker.verdict import Verdicts

LONGEST_TIMEOUT: Final = 600.0
_STORAGE_WAIT: Final = 1.0
_MUTE: Final = 30.0  # seconds for which a server that could not tell is not asked again
_MUTE_MANY: Final = 1000  # projects
_QUESTIONS: Final = 3  # in a row without an answer, after which it is sent all the same
_LANES: Final = (PENDING, DEAD)


@dataclass(slots=True)
class _Flight:
    """A request under way; `began` is monotonic, `era` counts the servers that we have had."""

    job: Job
    began: float
    canary: bool
    server: str
    era: int


class Delivery:
    """Sends what is due while the gate is open."""

    def __init__(
        self,
        core: Core,
        gate: Gate,
        connect: Callable[[], Client],
        doubt: Callable[[], None],
    ) -> None:
        self._core = core
        self._gate = gate
        self._connect = connect
        self._cond = threading.Condition()
        self._throttle = Throttle()
        self._verdicts = Verdicts(core, gate, doubt)
        self._flights: dict[int, _Flight] = {}
        self._clients: dict[int, Client] = {}
        self._senders: list[threading.Thread] = []
        self._ended: dict[int, float] = {}  # when an unsettled attempt of an item ended, monotonic
        self._mute: dict[str, float] = {}  # projects about which the server could not tell
        self._unanswered: Counter[str] = Counter()  # questions in a row, by project
        self._lookout: int | None = None  # the idle sender that looks at ages
        self._both_lanes = False
        self._proven = False  # the server takes deliveries: one goes first, then many
        self._last_lane = DEAD
        self._server = ""  # as the ledger names it
        self._era = 0  # each sender connects anew
        self._stopping = False

    # For the loop ------------------------------------------------------------------

    def kick(self) -> None:
        """Something may be due, or may go out, that could not before."""
        with self._cond:
            if not self._senders and not self._stopping:
                self._add_sender()
            self._cond.notify()

    def server_changed(self, name: str) -> None:
        """Deliveries go elsewhere, or to another address of the same, from now on."""
        with self._cond:
            self._server = name
            self._era += 1
            self._throttle = Throttle()
            self._proven = False
            self._verdicts.server_is_down()

    def server_is_down(self) -> None:
        """The probe says that it is the server's fault: no item is suspected."""
        with self._cond, self._core.ledger.transaction():
            self._verdicts.server_is_down()

    @property
    def under_way(self) -> int:
        """Requests that have not been answered."""
        return len(self._flights)

    def next_due(self) -> float | None:
        """When the next item falls due (Unix seconds); 0 while a request is under way.

        Items set aside for the server's sake do not count.
        """
        with self._cond:
            if self._flights:
                return 0.0
            return self._core.outbox.next_due(self._verdicts.suspects)

    def stop(self, timeout: float) -> None:
        """Leave within `timeout` seconds; what is under way then is an unknown outcome."""
        deadline = time.monotonic() + timeout
        with self._cond:
            self._stopping = True
            self._cond.notify_all()
        while any(sender.is_alive() for sender in self._senders):
            if time.monotonic() > deadline:
                return
            if time.monotonic() > deadline - timeout / 2:  # a moment for answers that come
                for client in tuple(self._clients.values()):
                    client.abort()
            for sender in self._senders:
                sender.join(0.02)

    # Sender threads ----------------------------------------------------------------

    def _add_sender(self) -> None:
        number = len(self._senders)
        sender = threading.Thread(
            target=self._run, args=(number,), name=f"mem0tray-sender-{number}", daemon=True
        )
        self._senders.append(sender)
        sender.start()

    def _run(self, number: int) -> None:
        flight: _Flight | None = None
        answer: Answer | None = None
        era = -1
        client: Client | None = None
        try:
            while True:
                flight = self._turn(number, flight, answer)
                if flight is None:
                    return
                if client is None or era != self._era:
                    if client is not None:
                        client.close()
                    era = self._era
                    client = self._clients[number] = self._connect()
                answer = self._attempt(client, flight.job)
        finally:
            if client is not None:
                client.close()

    def _turn(self, number: int, flight: _Flight | None, answer: Answer | None) -> _Flight | None:
        """Record what became of the last delivery and wait for the next; None: leave."""
        with self._cond:
            while True:
                try:
                    happened, following = self._exchange(number, flight, answer)
                except LedgerError as error:
                    if self._stopping:
                        return None
                    self._storage_failed(error)
                    self._cond.wait(_STORAGE_WAIT)
                    continue
                if flight is not None and following is None:
                    self._core.wake.set()  # perhaps all is done, and is to be published
                flight = None
                for event in happened:
                    self._core.events.emit(event)
                if following is not None or self._stopping:
                    return following
                self._idle(number)

    def _exchange(
        self, number: int, flight: _Flight | None, answer: Answer | None
    ) -> tuple[list[Event], _Flight | None]:
        """One commit: the outcome of the last delivery, the intent of the next."""
        happened: list[Event] = []
        following: _Flight | None = None
        now = self._core.now()
        with self._core.ledger.transaction():
            if flight is not None and answer is not None:
                self._flights.pop(number, None)
                happened = self._settle(flight, answer, now)
            if not self._stopping:
                following = self._next(now)
        if following is not None:
            self._flights[number] = following
            if len(self._flights) < self._slots(both_lanes=self._both_lanes):
                self._cond.notify()
            if len(self._flights) == len(self._senders) < self._core.settings.sync.concurrency:
                self._add_sender()
        return happened, following

    def _storage_failed(self, error: LedgerError) -> None:
        self._gate.block("storage", str(error))
        self._core.events.emit(events.PartFailed("ledger", str(error), _STORAGE_WAIT))
        self._core.wake.set()

    def _idle(self, number: int) -> None:
        """Wait until there may be a slot. One idle sender looks whether requests grow old."""
        while not self._stopping:
            watching = self._lookout in (None, number) and bool(self._flights)
            self._lookout = number if watching else self._lookout
            self._cond.wait(2 * SLOW if watching else None)
            if self._lookout == number:
                self._lookout = None
            if not self._flights or len(self._flights) < self._slots(both_lanes=self._both_lanes):
                return

    def _slots(self, *, both_lanes: bool) -> int:
        moment = time.monotonic()
        ages = [moment - flight.began for flight in self._flights.values()]
        limit = self._core.settings.sync.concurrency
        if not self._proven and all(age < STALLED for age in ages):
            return 1
        return self._throttle.slots(ages, limit, both_lanes=both_lanes)

    def _settle(self, flight: _Flight, answer: Answer, now: float) -> list[Event]:
        if self._stopping and answer.kind in (Kind.UNKNOWN, Kind.OUTAGE):
            return []  # we broke it off ourselves: its intent says that the outcome is unknown
        job = flight.job
        if flight.era != self._era:
            return self._verdicts.late(job, answer, flight.server, now)
        limit = self._core.settings.sync.concurrency
        self._throttle.answered(answer.duration, limit, alone=not self._flights)
        self._proven = answer.kind in (Kind.DELIVERED, Kind.ITEM_FAILURE, Kind.NOT_SENDABLE)
        if answer.unsettled:
            self._ended[job.key] = time.monotonic()
        else:
            self._ended.pop(job.key, None)
        return self._verdicts.apply(job, answer, flight.server, now, canary=flight.canary)

    def _next(self, now: float) -> _Flight | None:
        outbox = self._core.outbox
        if not self._gate.is_open(now):
            if self._flights or not self._gate.wants_canary(now):
                return None
            key = outbox.in_turn(now)
            if key is None:
                return None
            return self._claim(key, now, canary=True)
        heads = {lane: self._head(lane, now) for lane in _LANES}
        has_work = {lane: head is not None for lane, head in heads.items()}
        under_way = dict.fromkeys(_LANES, 0)
        for flight in self._flights.values():
            under_way[flight.job.lane] += 1
        self._both_lanes = all(has_work[lane] or under_way[lane] for lane in _LANES)
        slots = self._slots(both_lanes=self._both_lanes)
        lane = choose_lane(has_work, under_way, slots, self._last_lane)
        key = heads[lane] if lane is not None else None
        if lane is None or key is None:
            return None
        if 0 < len(self._flights) == slots - 1 and outbox.has_timed_out(key):
            # It may hang again: the last slot is for those that have not.
            ready = [each for each in (lane, *_LANES) if heads[each] is not None]
            prompt = (outbox.head(each, now, prompt=True) for each in ready)
            key = next((each for each in prompt if each is not None), None)
            if key is None:
                return None
        self._last_lane = lane
        return self._claim(key, now, canary=False)

    def _claim(self, key: int, now: float, *, canary: bool) -> _Flight:
        self._verdicts.claimed(key)
        job = self._core.outbox.claim(key, now)
        return _Flight(job, time.monotonic(), canary, self._server, self._era)

    def _head(self, lane: str, now: float) -> int | None:
        avoid = self._verdicts.avoid
        if avoid is not None:
            other = self._core.outbox.head(lane, now, avoid=avoid)
            if other is not None:
                return other
        return self._core.outbox.head(lane, now)

    # One delivery ----------------------------------------------------------------

    def _attempt(self, client: Client, job: Job) -> Answer:
        """Ask first where the outcome of an earlier attempt is unknown, then send."""
        if not job.project:
            return Answer(Kind.NOT_SENDABLE, None, "invalid content: the item names no project")
        memory = Memory(job.project, job.content, job.idempotency_key)
        timeout = min(
            self._core.settings.sync.timeout * 2.0 ** min(job.timeouts, 10), LONGEST_TIMEOUT
        )
        try:
            known = self._ask(client, job, memory, timeout)
            return known if known is not None else client.save(memory, timeout)
        except Exception as error:  # noqa: BLE001  (one odd item must not end the sender)
            self._core.events.emit(events.PartFailed("delivery", repr(error)[:200], 0.0))
            told = f"internal error: {type(error).__name__}"
            return Answer(Kind.UNKNOWN, None, told, unsettled=True)

    def _ask(self, client: Client, job: Job, memory: Memory, timeout: float) -> Answer | None:
        """What the server says of an item whose outcome is unknown; None: it is to be sent."""
        moment = time.monotonic()
        if job.unknown is None or moment < self._mute.get(job.project, 0.0):
            return None
        found = client.ask(memory, timeout, self._ended.get(job.key, 0.0))
        if isinstance(found, Answer):
            if found.kind in (Kind.UNKNOWN, Kind.OUTAGE) and not self._stopping:
                self._unanswered[job.project] += 1
                if self._unanswered[job.project] >= _QUESTIONS:
                    self._ask_no_more(job.project)  # else it would never be sent
                    return None
            return replace(found, unsettled=True)  # the question still stands
        del self._unanswered[job.project]
        if found is Presence.PRESENT:
            return Answer(Kind.DELIVERED, None, "the server had it already")
        if found is Presence.CANNOT_TELL:
            self._ask_no_more(job.project)
        return None

    def _ask_no_more(self, project: str) -> None:
        if len(self._mute) > _MUTE_MANY:
            self._mute.clear()
            self._unanswered.clear()
        self._mute[project] = time.monotonic() + _MUTE
