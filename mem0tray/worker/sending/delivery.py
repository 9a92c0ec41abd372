"""Delivery: due items go to the server, and the outcome into the ledger.

Senders take turns under one lock: the last delivery's outcome and the next claim are one commit.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import ceil, inf
from typing import Final

from mem0tray.core.errors import LedgerError, NoThreadError
from mem0tray.core.events import Event
from mem0tray.core.item import DEAD, Kind
from mem0tray.core.text import one_line
from mem0tray.ledger.outbox import LANES, Job
from mem0tray.server.model import CANNOT_TELL, Client, Outcome
from mem0tray.system import threads
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.sending.attempt import Attempts
from mem0tray.worker.sending.verdict import Verdicts

SLOW: Final = 0.005  # from this median on, waiting for the server outweighs sharing the interpreter
STALLED: Final = 1.0  # a request this old no longer holds up others
_SHARE: Final = 0.0025  # seconds of an answer's time that justify one more request: 8 from 20 ms on
_WINDOW: Final = 9
_CLEAR: Final = 0.05  # seconds; a median above this needs no further answers to be believed
_FEW: Final = 3
_STORAGE_WAIT: Final = 1.0
_FAULT_WAIT: Final = 1.0  # seconds that a sender waits after a fault of ours
_FAULT: Final = "sending"  # the part in which a fault of ours is reported
_PROVEN_BY: Final = frozenset(
    {Kind.DELIVERED, Kind.FOUND, Kind.AT_WORK, Kind.ITEM_FAILURE, Kind.NOT_SENDABLE}
)


@dataclass(slots=True)
class _Flight:
    """A request under way; `era` counts our servers so far, `applied` the orders at its claim."""

    job: Job
    began: float
    canary: bool
    server: str
    era: int
    applied: int


@dataclass(slots=True)
class _Sender:
    """The state of a sender; `in_vain`: recording what was `answered` failed by our fault."""

    number: int
    answered: tuple[_Flight, Outcome] | None = None
    client: Client | None = None
    era: int = -1
    fault: Exception | None = None
    in_vain: bool = False


class Delivery:
    """Sends what is due while the circuit breaker is closed."""

    def __init__(
        self,
        context: WorkerContext,
        await_probe: Callable[[], None],
        recognise: Callable[[], None],
    ) -> None:
        self._context = context
        self._breaker = context.breaker
        self._recognise = recognise
        self._cond = threading.Condition()
        self._throttle = Throttle()
        self._verdicts = Verdicts(context, await_probe)
        self._flights: dict[int, _Flight] = {}
        self._clients: dict[int, Client] = {}
        self._senders: list[threading.Thread] = []
        self._attempts = Attempts(context, lambda: self._stopping)
        self._lookout: int | None = None  # the idle sender that watches ages
        self._both_lanes = False
        self._proven = False  # the server takes deliveries; until that is known one goes alone
        self._last_lane = DEAD
        self.delivered_at = -inf  # the last delivery, monotonic
        self._server = ""  # as the ledger names it
        self._connect: Callable[[], Client]  # to that server, from the first `change_server` on
        self._era = 0  # in each era every sender connects anew
        self._stopping = False
        self._left = False  # nobody waits for the last senders any more, and the ledger is closed

    # For the loop ------------------------------------------------------------------

    def kick(self) -> None:
        """Wake a sender: an item may have fallen due, or may go out now. Raises NoThreadError."""
        with self._cond:
            if not self._senders and not self._stopping:
                self._add_sender()
            self._cond.notify()

    def change_server(self, name: str, connect: Callable[[], Client]) -> None:
        with self._cond:
            self._server, self._connect = name, connect
            self.connect_anew()

    def connect_anew(self) -> None:
        with self._cond:
            self._era += 1
            self._throttle = Throttle()
            self._proven = False
            self._attempts.forget_server()
            self._verdicts.clear_suspects()

    def clear_suspects(self) -> None:
        with self._cond, self._context.ledger.transaction():
            self._verdicts.clear_suspects()

    def note_health(self) -> None:
        with self._cond, self._context.ledger.transaction():
            happened = self._verdicts.note_health()
        for event in happened:
            self._context.events.emit(event)

    @property
    def under_way(self) -> int:
        return len(self._flights)

    def next_due(self) -> float | None:
        with self._cond:
            if self._flights:
                return 0.0
            return self._context.outbox.next_due(self._verdicts.suspects)

    def stop(self, timeout: float) -> None:
        """Stop within `timeout` seconds; the outcome of what is in flight then is unknown."""
        deadline = time.monotonic() + timeout
        with self._cond:
            self._stopping = True
            self._cond.notify_all()
        while any(sender.is_alive() for sender in self._senders):
            if time.monotonic() > deadline:
                self._left = True
                return
            if time.monotonic() > deadline - timeout / 2:  # first wait a moment for answers
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
        threads.start(sender)
        self._senders.append(sender)

    def _run(self, number: int) -> None:
        sender = _Sender(number)
        while True:
            try:
                if sender.fault is not None:
                    self._recover(sender, sender.fault)
                    continue
                flight = self._turn(sender)
                if flight is None:
                    break
                sender.answered = flight, self._attempt(sender, flight)
            except Exception as error:  # noqa: BLE001  (a sender survives any fault of ours)
                sender.fault = error  # do no more here, as memory may be short
        if sender.client is not None:
            sender.client.close()

    def _recover(self, sender: _Sender, fault: Exception) -> None:
        """Record the last outcome after a fault of ours; if that failed, it becomes unknown."""
        with self._cond:
            if self._lookout == sender.number:
                self._lookout = None
            self._context.faults.note_failure(_FAULT, fault, _FAULT_WAIT, "delivery")
            if not self._stopping:
                self._cond.wait(_FAULT_WAIT)
            answered, in_vain, sender.in_vain = sender.answered, sender.in_vain, True
            flight = self._flights.get(sender.number) if answered is None else answered[0]
            happened: list[Event] = []
            with self._context.ledger.transaction():
                now = self._context.now()
                if answered is not None and not in_vain:
                    happened = self._record(*answered, now)
                elif flight is not None:
                    self._verdicts.give_back(flight.job, flight.server, now)
            self._flights.pop(sender.number, None)
            sender.answered, sender.fault = None, None
            for event in happened:
                self._context.events.emit(event)
            self._context.wake.set()

    def _attempt(self, sender: _Sender, flight: _Flight) -> Outcome:
        try:
            client = self._connected(sender)
        except Exception as error:  # noqa: BLE001  (no server is chosen, or ours does not start)
            return Outcome(Kind.OUTAGE, None, one_line(str(error), 200))
        if flight.era != sender.era:
            return Outcome(Kind.NOT_SENT, None, "another server was chosen")
        outcome = self._attempts.make(client, flight.job, flight.applied)
        if outcome.status in CANNOT_TELL:
            self._recognise()  # begins a new era if the server speaks another dialect by now
            if flight.era != self._era:
                return Outcome(Kind.NOT_SENT, None, "the server speaks another dialect")
        return outcome

    def _connected(self, sender: _Sender) -> Client:
        with self._cond:
            era, connect = self._era, self._connect
        if sender.client is None or sender.era != era:
            if sender.client is not None:
                sender.client.close()
                sender.client = None
            sender.era = era
            sender.client = self._clients[sender.number] = connect()
        return sender.client

    def _turn(self, sender: _Sender) -> _Flight | None:
        with self._cond:
            while True:
                try:
                    happened, following = self._exchange(sender)
                except LedgerError as error:
                    if not self._left:
                        self._breaker.block("storage", error.reason)
                        self._context.faults.note_failure("storage", error, _STORAGE_WAIT, "ledger")
                        self._context.wake.set()
                    if self._stopping:
                        return None
                    self._cond.wait(_STORAGE_WAIT)
                    continue
                if sender.answered and following is None:
                    self._context.wake.set()  # perhaps all is done, and should be published
                sender.answered = None
                if sender.in_vain:
                    sender.in_vain = False
                    self._context.faults.note_success(_FAULT)
                for event in happened:
                    self._context.events.emit(event)
                if following is not None or self._stopping:
                    return following
                self._idle(sender.number)

    def _exchange(self, sender: _Sender) -> tuple[list[Event], _Flight | None]:
        """One commit: the outcome of the last delivery, the claim of the next."""
        happened: list[Event] = []
        following: _Flight | None = None
        now = self._context.now()
        with self._context.ledger.transaction():
            self._flights.pop(sender.number, None)
            if sender.answered is not None:
                happened = self._record(*sender.answered, now)
            if not self._stopping and not self._context.barrier.stands():
                following = self._next(now)
        if following is not None:
            self._flights[sender.number] = following
            if len(self._flights) < self._slots():
                self._cond.notify()
            if len(self._flights) == len(self._senders) < self._context.settings.sync.concurrency:
                with suppress(NoThreadError):  # the others go on
                    self._add_sender()
        return happened, following

    def _idle(self, number: int) -> None:
        """Wait until there may be a slot. One idle sender watches whether requests grow old."""
        slots = self._slots()
        while not self._stopping:
            watching = self._lookout in (None, number) and bool(self._flights)
            self._lookout = number if watching else self._lookout
            woken = self._cond.wait(2 * SLOW if watching else None)
            if self._lookout == number:
                self._lookout = None
            now = self._slots()
            if not self._flights or (len(self._flights) < now and (woken or now > slots)):
                return

    def _slots(self) -> int:
        moment = time.monotonic()
        ages = [moment - flight.began for flight in self._flights.values()]
        limit = self._context.settings.sync.concurrency
        if not self._proven and all(age < STALLED for age in ages):
            return 1
        return self._throttle.slots(ages, limit, both_lanes=self._both_lanes)

    def _record(self, flight: _Flight, outcome: Outcome, now: float) -> list[Event]:
        if self._stopping and outcome.kind in (Kind.NO_ANSWER, Kind.OUTAGE):
            return []  # we broke it off: its claim already makes the outcome unknown
        job = flight.job
        if outcome.kind is Kind.NOT_SENT:  # no attempt at all
            self._context.outbox.release(job.key)
            return []
        self._attempts.note_end(job, outcome)
        if flight.era != self._era:
            return self._verdicts.apply_late(job, outcome, flight.server, now)
        self._throttle.note_answer(outcome.duration)
        self._proven = outcome.kind in _PROVEN_BY
        if outcome.is_success:  # recorded later, perhaps, where the disk is full
            self.delivered_at = max(self.delivered_at, flight.began + outcome.duration)
        return self._verdicts.apply(job, outcome, flight.server, now, canary=flight.canary)

    def _next(self, now: float) -> _Flight | None:
        outbox = self._context.outbox
        if not self._breaker.lets_through(now):
            if self._flights or not self._breaker.wants_canary(now):
                return None
            key = outbox.in_turn(now)
            return None if key is None else self._claim(key, now, canary=True)
        heads = {lane: self._head(lane, now) for lane in LANES}
        under_way = dict.fromkeys(LANES, 0)
        for flight in self._flights.values():
            under_way[flight.job.lane] += 1
        self._both_lanes = all(heads[lane] or under_way[lane] for lane in LANES)
        slots = self._slots()
        if 0 < len(self._flights) == slots - 1:  # what may hang again leaves the last slot free
            full = [lane for lane in LANES if under_way[lane] >= slots // 2]
            heads |= {lane: self._head(lane, now, prompt=True) for lane in full}
        has_work = {lane: head is not None for lane, head in heads.items()}
        lane = choose_lane(has_work, under_way, slots, self._last_lane)
        key = heads[lane] if lane is not None else None
        if lane is None or key is None:
            return None
        self._last_lane = lane
        return self._claim(key, now, canary=False)

    def _claim(self, key: int, now: float, *, canary: bool) -> _Flight:
        self._verdicts.note_claim(key)
        applied = self._context.barrier.applied
        job = self._context.outbox.claim(key, now, self._server)
        return _Flight(job, time.monotonic(), canary, self._server, self._era, applied)

    def _head(self, lane: str, now: float, *, prompt: bool = False) -> int | None:
        """The oldest due item of a lane; an edited one waits for the answer to its old text."""
        there = {flight.job.item_id for flight in self._flights.values()}
        head = partial(self._context.outbox.head, lane, now, beside=there, prompt=prompt)
        other = None if self._verdicts.avoid is None else head(self._verdicts.avoid)
        return head() if other is None else other


# Which lane, and how many at once: pure; ages and durations in seconds --------------------


class Throttle:
    """How many requests at once: one while answers are fast, up to `limit` while they are slow."""

    def __init__(self) -> None:
        self._answers: deque[float] = deque(maxlen=_WINDOW)
        self._usual = 0.0  # the median of the answers

    def note_answer(self, duration: float) -> None:
        self._answers.append(duration)
        self._usual = _median(self._answers)

    def slots(self, ages: Sequence[float], limit: int, *, both_lanes: bool) -> int:
        wanted, usual = 1, self._usual
        if ages:
            wanted += sum(age > STALLED for age in ages)
            usual = _median((*self._answers, *ages))
        is_sure = usual > _CLEAR or len(self._answers) >= _FEW
        if usual > SLOW and is_sure:
            wanted = max(wanted, ceil(usual / _SHARE))
        if both_lanes:
            wanted = max(wanted, 2)
        return min(wanted, max(limit, 2 if both_lanes else 1))


def _median(values: Iterable[float]) -> float:
    """The upper of the two in the middle. The module `statistics` would cost 2 MB for this."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def choose_lane(
    has_work: Mapping[str, bool], under_way: Mapping[str, int], slots: int, last: str
) -> str | None:
    """Return the lane whose turn it is, or None; each gets at least half of the slots."""
    ready = [lane for lane in LANES if has_work[lane]]
    if not ready or sum(under_way.values()) >= slots:
        return None
    return min(ready, key=lambda lane: (under_way[lane], lane == last))
