"""What follows from an outcome for its item, for others and for the server (contract, section 3).

`server/answers.py` decides which class an answer belongs to, and `core/due.py` when a failed item
is due again.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from mem0tray.core import events, reasons
from mem0tray.core import item as items
from mem0tray.core.circuit_breaker import LONGEST_BREAK
from mem0tray.core.due import dead_wait, fresh_due, work_due
from mem0tray.core.events import Event
from mem0tray.core.reasons import Reason
from mem0tray.core.state import refusal
from mem0tray.ledger.outbox import Job
from mem0tray.ledger.rows import kept
from mem0tray.server import Kind, Outcome
from mem0tray.server.answers import NOT_KEPT, redirected_to
from mem0tray.server.remedy import UPDATE, address_in, of_redirect, of_refusal, of_rejection
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq.dead_letters import move_fresh_to_dlq

# How often in a row an item may draw a 429 while others succeed: behind a limit on simultaneous
# requests an item that came too late once may come too late again, and is as good as the others.
_TOO_LATE: Final = 2
LASTING: Final = 300.0  # seconds after which a gateway's 503 will hardly end by itself
_NOT_TAKEN: Final = "deliveries"  # the name of the fault
_ANSWERED: Final = frozenset(
    {Kind.ITEM_FAILURE, Kind.SLOW_DOWN}
)  # the server's answers to a canary
_NO_FAILURE: Final = frozenset({Kind.DELIVERED, Kind.FOUND, Kind.AT_WORK, Kind.HELD})


@dataclass(frozen=True, slots=True)
class _Suspect:
    """An item that drew an answer which blames the server; others will show which is to blame."""

    job: Job
    outcome: Outcome
    due: float  # before it was set aside


@dataclass(slots=True)
class _NotTaken:
    """The first delivery that the server did not take, though each probe finds it healthy.

    It lasts until the next success or outage. `is_confirmed`: a probe has found it healthy since.
    """

    job: Job
    message: str
    began: float
    is_confirmed: bool = False


class Verdicts:
    """Applies outcomes, within the caller's transaction; returns the events to emit after it."""

    def __init__(self, context: WorkerContext, await_probe: Callable[[], None]) -> None:
        self._context = context
        self._outbox = context.outbox
        self._breaker = context.breaker
        self._await_probe = await_probe
        self._suspects: dict[int, _Suspect] = {}
        self._not_taken: _NotTaken | None = None
        self._slowed: Counter[int] = Counter()  # 429s in a row, before others succeeded, by item
        self.avoid: str | None = None  # a project to leave out while another one is tried

    @property
    def suspects(self) -> frozenset[int]:
        """Keys of the items that are set aside, uncounted."""
        return frozenset(self._suspects)

    def apply(
        self, job: Job, outcome: Outcome, server: str, now: float, *, canary: bool
    ) -> list[Event]:
        """Record what became of one delivery to `server`, as the ledger names it."""
        kind = outcome.kind
        if kind is not Kind.SLOW_DOWN:
            self._slowed.pop(job.key, None)
        if kind in _NO_FAILURE:
            return self._not_failed(job, outcome, server, now, canary=canary)
        self._record(job, outcome, now)
        happened: list[Event] = []
        if kind is Kind.UNAUTHORIZED or (canary and kind is Kind.FORBIDDEN):
            self._misconfigured(job, outcome, now)
        elif canary and kind is not Kind.OUTAGE:
            # Of a canary that was not sent, or not answered, the server has said nothing.
            answer = outcome.message if kind in _ANSWERED else ""
            self._breaker.stay_misconfigured(self._leave_to_canaries(job, outcome, now), answer)
        elif kind is Kind.OUTAGE:
            self._set_aside(job, outcome, now)
            self._blame(job, outcome, now)
        elif kind is Kind.ASKED_IN_VAIN:
            self._ask_later(job, now)
            self._blame(job, outcome, now)
        elif kind is Kind.SLOW_DOWN:
            happened = self._slow_down(job, outcome, now)
        elif kind is Kind.FORBIDDEN:
            happened = self._forbidden(job, outcome, server, now)
        else:
            happened = self._count(job, outcome, server, now)
        self._record_unknown(job, outcome, server, now)
        return happened

    def _not_failed(
        self, job: Job, outcome: Outcome, server: str, now: float, *, canary: bool
    ) -> list[Event]:
        match outcome.kind:
            case Kind.FOUND:
                return self._found(job, server, now, canary=canary)
            case Kind.AT_WORK:
                return self._at_work(job, outcome, server, now, canary=canary)
            case Kind.HELD:  # another worker has perhaps delivered it: the user decides
                self._suspects.pop(job.key, None)
                self._outbox.release(job.key)
                self._context.foreign_claims.hold(job.key, now)
                return [events.Held(job.project, job.item_id)]
        return self._stored(job, server, now) + self._accepted(job, server, now)

    def apply_late(self, job: Job, outcome: Outcome, server: str, now: float) -> list[Event]:
        """Record what a former server said; it says nothing about the present one.

        Unless both are one server, under another key or port: then that may have the item.
        """
        if outcome.kind in (Kind.DELIVERED, Kind.FOUND):
            return self._stored(job, server, now, elsewhere=server)
        self._outbox.release(job.key)
        if outcome.kind is Kind.AT_WORK:
            self._note_ticket(job, outcome, server, now)
        elif outcome.kind is not Kind.HELD:  # else the new server is asked
            self._record(job, outcome, now)
            self._record_unknown(job, outcome, server, now)
        return []

    def give_back(self, job: Job, server: str, now: float) -> None:
        """Put off an item whose attempt a fault of ours has ended: `server` may have it."""
        self._ask_later(job, now)
        self._outbox.mark_unknown(job.key, server, now, timed_out=False)

    def note_claim(self, key: int) -> None:
        """Note that an item is in flight again: the new answer decides about it."""
        self._suspects.pop(key, None)

    def clear_suspects(self) -> None:
        """Clear every suspect: the server was to blame."""
        self._put_back_suspects()
        self._take_blame_back()

    def _put_back_suspects(self) -> None:
        for key, suspect in self._suspects.items():
            self._outbox.defer(key, suspect.due)
        self._suspects.clear()
        self.avoid = None

    # A healthy server that takes nothing ---------------------------------------------

    def note_health(self) -> Event | None:
        """Note that a probe was answered well; return the event to emit, once, or None."""
        first = self._not_taken
        if first is None or first.is_confirmed:
            return None
        first.is_confirmed = True
        return events.NotTaken(first.job.project, first.job.item_id, first.message)

    def _blame(self, job: Job, outcome: Outcome, now: float) -> None:
        """Have an outage confirmed by a probe; where probes deny it, people are needed."""
        reason = self._why_not_taken(job, outcome, now)
        if reason:
            self._breaker.note_fault(_NOT_TAKEN, reason)
            self._context.wake.set()
        self._await_probe()

    def _why_not_taken(self, job: Job, outcome: Outcome, now: float) -> Reason:
        """Return why people are needed, or NONE: at the second such answer of a healthy server.

        At once if no Mem0 server can have answered so, else after a while. A question in vain
        begins no such row, as the delivery after it may be taken.
        """
        first, host = self._not_taken, self._context.destination
        is_question = outcome.kind is Kind.ASKED_IN_VAIN
        is_foreign = outcome.status is not None and outcome.status < HTTPStatus.BAD_REQUEST
        if outcome.status is None or (is_question and not is_foreign):
            return reasons.NONE
        if first is None:
            if not is_question:
                self._not_taken = _NotTaken(job, outcome.message, now)
            return reasons.NONE
        if not first.is_confirmed or not (is_foreign or now - first.began >= LASTING):
            return reasons.NONE
        return _foreign(outcome, host) if is_foreign else _failing(outcome, host)

    def _take_blame_back(self) -> None:
        self._not_taken = None
        self._breaker.note_fault(_NOT_TAKEN, reasons.NONE)

    # One class each ----------------------------------------------------------------

    def _accepted(self, job: Job, server: str, now: float) -> list[Event]:
        """Close the breaker: the server takes deliveries, so what suspects drew was their fault."""
        result: list[Event] = []
        self._breaker.clear_misconfigured()
        self._take_blame_back()
        self._suspects.pop(job.key, None)
        for key, suspect in self._suspects.items():
            if suspect.outcome.kind is Kind.SLOW_DOWN and self._slowed[key] < _TOO_LATE:
                # This success may be due to the break alone; a third 429 will show.
                self._slowed[key] += 1
                continue
            result += self._count(suspect.job, suspect.outcome, server, now)
            self._record_unknown(suspect.job, suspect.outcome, server, now)
        self._suspects.clear()
        self.avoid = None
        return result

    def _found(self, job: Job, server: str, now: float, *, canary: bool) -> list[Event]:
        """Record an item that the server had already: this clears or blames no suspect."""
        self._suspects.pop(job.key, None)
        if job.delivered is None:  # else the ledger knew, and the server was not asked
            self._answered(canary=canary)
        # Only our own requests get a ticket.
        by_another = job.taken is not None and job.ticket is None
        return self._stored(job, server, now, by_another=by_another)

    def _answered(self, *, canary: bool) -> None:
        """Note that the server answered a question, though nothing was sent."""
        self._take_blame_back()
        if canary:
            self._breaker.clear_misconfigured()

    def _at_work(
        self, job: Job, outcome: Outcome, server: str, now: float, *, canary: bool
    ) -> list[Event]:
        """Put off a question about an item that the server took in and is at work on."""
        result: list[Event] = []
        known, since = job.ticket, now
        if known is not None and known.name == outcome.ticket:  # the server was only asked
            since = known.at
            self._suspects.pop(job.key, None)
            self._answered(canary=canary)
        else:
            self._note_ticket(job, outcome, server, now)
            result = self._accepted(job, server, now)
        self._outbox.release(job.key)
        longest = self._context.settings.sync.retry_interval
        self._outbox.defer(job.key, work_due(now, since, longest))
        return result

    def _note_ticket(self, job: Job, outcome: Outcome, server: str, now: float) -> None:
        """Keep the ticket; the outcome is unknown until the server says it."""
        self._outbox.mark_unknown(job.key, server, now, timed_out=False)
        self._outbox.note_ticket(job.key, server, outcome.ticket, now)

    def _stored(
        self, job: Job, server: str, now: float, *, elsewhere: str = "", by_another: bool = False
    ) -> list[Event]:
        why = self._outbox.record_delivery(job.key, server, now, by_another=by_another)
        if job.ticket is not None:
            self._outbox.drop_ticket(job.key, server)
        result: list[Event] = [events.Delivered(job.project, job.item_id, elsewhere)]
        if job.lane == items.DEAD:
            count = job.retry_count
            result = [events.DlqRecovered(job.project, job.item_id, count, elsewhere)]
        if why is not None:
            edited = why == items.EDITED
            result.append(events.DeliveredAfterDeletion(job.project, job.item_id, edited))
        return result

    def _leave_to_canaries(self, job: Job, outcome: Outcome, now: float) -> float:
        """Clear every suspect, as no item is to blame; return when the next canary is due."""
        self._outbox.release(job.key)
        self._put_back_suspects()
        wait = min(outcome.retry_after or 0.0, LONGEST_BREAK)
        return now + max(self._context.settings.sync.probe_interval, wait)

    def _misconfigured(self, job: Job, outcome: Outcome, now: float) -> None:
        """Stop deliveries: the server refuses them all."""
        canary_at = self._leave_to_canaries(job, outcome, now)
        what = refusal(outcome.message, outcome.status)
        reason = reasons.advised(what, of_refusal(outcome.status))
        self._breaker.set_misconfigured(reason, canary_at)
        self._take_blame_back()  # the refusal says more

    def _slow_down(self, job: Job, outcome: Outcome, now: float) -> list[Event]:
        asked = outcome.retry_after
        wait = self._context.settings.sync.probe_interval if asked is None else asked
        delay = min(wait, LONGEST_BREAK)
        self._set_aside(job, outcome, now + delay)
        self._breaker.take_break(now + delay)
        return [events.SlowedDown(delay)]

    def _forbidden(self, job: Job, outcome: Outcome, server: str, now: float) -> list[Event]:
        forbidden = [s for s in self._suspects.values() if s.outcome.kind is Kind.FORBIDDEN]
        if any(suspect.job.project != job.project for suspect in forbidden):
            self._misconfigured(job, outcome, now)
            return []
        if self._outbox.other_project_waits(job.project, now):
            self._set_aside(job, outcome, now)
            self.avoid = job.project
            return []
        return self._count(job, outcome, server, now)

    # Items ---------------------------------------------------------------------------

    def _record_unknown(self, job: Job, outcome: Outcome, server: str, now: float) -> None:
        """Record an unknown outcome: the server is asked before the item is sent again."""
        if outcome.may_have_it:
            self._outbox.mark_unknown(job.key, server, now, timed_out=outcome.timed_out)

    def _ask_later(self, job: Job, now: float) -> None:
        """Put an item off, uncounted: the server was asked about it, and it was not sent."""
        self._outbox.release(job.key)
        self._outbox.defer(job.key, now + self._context.settings.sync.retry_interval)

    def _set_aside(self, job: Job, outcome: Outcome, now: float) -> None:
        """Set an item aside, uncounted; another item is tried next."""
        before, sync = self._suspects.get(job.key), self._context.settings.sync
        due = self._outbox.due(job.key) if before is None else before.due
        self._suspects[job.key] = _Suspect(job, outcome, due)
        self._outbox.release(job.key)
        self._outbox.defer(job.key, now + max(sync.retry_interval, sync.probe_interval))

    def _record(self, job: Job, outcome: Outcome, now: float) -> None:
        why = kept(outcome.reason) or outcome.message
        self._outbox.record_attempt(
            job.key, now, str(outcome.kind), outcome.status, why, outcome.duration,
            outcome.request_id,
        )  # fmt: skip

    def _count(self, job: Job, outcome: Outcome, server: str, now: float) -> list[Event]:
        """Count a failure of an item, unless the user has discarded it meanwhile."""
        if job.unknown is not None and outcome.status is not None and not outcome.may_have_it:
            self._outbox.mark_absent(job, server)
        if job.ticket is not None and outcome.kind is Kind.ITEM_FAILURE:
            self._outbox.drop_ticket(job.key, server)
        state, retry_count, last_attempt = self._outbox.standing(job.key)
        if state == items.DEAD:
            return self._count_dead(job, outcome, now, retry_count, last_attempt)
        if state == items.FRESH:
            return self._count_fresh(job, outcome, now)
        self._outbox.release(job.key)
        return []

    def _count_fresh(self, job: Job, outcome: Outcome, now: float) -> list[Event]:
        context, sync = self._context, self._context.settings.sync
        retries = job.retries + 1
        if retries >= sync.max_attempts:
            wait = move_fresh_to_dlq(context, job.key, now, outcome.message, outcome.retry_after)
            return [
                events.MovedToDlq(job.project, job.item_id, retries),
                events.InBackoff(job.project, job.item_id, wait),
            ]
        due = fresh_due(now, sync.retry_interval, outcome.retry_after)
        raw = items.with_fields(self._context.ledger.raw(job.key), {"retries": retries})
        self._outbox.count_fresh_failure(job, due, outcome.message, raw)
        return [events.AttemptFailed(job.project, job.item_id, retries, outcome.message)]

    def _count_dead(
        self, job: Job, outcome: Outcome, now: float, retry_count: int, last: float
    ) -> list[Event]:
        count = retry_count + 1
        delay = dead_wait(count, outcome.retry_after)
        # The user asked for a retry while this one was under way: it is still wanted.
        again = last <= 0 < job.last_attempt
        raw = items.with_fields(
            self._context.ledger.raw(job.key),
            {"retry_count": count, "last_attempt": now, "last_error": outcome.message},
        )
        due = now if again else now + delay
        self._outbox.count_dead_failure(job, count, due, outcome.message, raw, now)
        failed = events.DlqRetryFailed(job.project, job.item_id, count, delay, outcome.message)
        return [failed] if again else [failed, events.InBackoff(job.project, job.item_id, delay)]


def _foreign(outcome: Outcome, host: str) -> Reason:
    """Return the reason for an answer that no Mem0 server gives."""
    address = redirected_to(outcome.reason)
    if address:
        # Without the path of a question, which names a project: one state for all projects.
        there = address_in(address)
        what = Reason("{host} redirects deliveries to {address}.", host=host, address=there)
        return reasons.advised(what, of_redirect(address))
    if outcome.reason.find(NOT_KEPT.id) is not None:
        what = Reason("{host} does not have what it said that it stored.", host=host)
        return reasons.advised(what, UPDATE)
    what = Reason(
        "something that is no Mem0 server answers deliveries at {host}: {answer}.",
        host=host, answer=reasons.bare(reasons.quoted(outcome.message)),
    )  # fmt: skip
    return reasons.advised(what, of_refusal(None))


def _failing(outcome: Outcome, host: str) -> Reason:
    what = Reason(
        "{host} says that it is healthy, but takes no delivery: {answer}.",
        host=host, answer=reasons.bare(reasons.quoted(outcome.message)),
    )  # fmt: skip
    remedy, _ = of_rejection(outcome.status)
    return reasons.advised(what, remedy)
