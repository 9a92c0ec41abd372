"""What follows from an outcome for its item, others and the server (contract, section 3)."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from mem0tray.core import events, reasons
from mem0tray.core import item as items
from mem0tray.core.circuit_breaker import LONGEST_BREAK
from mem0tray.core.due import dead_wait, fresh_due, work_due
from mem0tray.core.events import Event
from mem0tray.core.item import Kind
from mem0tray.core.reasons import Reason
from mem0tray.core.state import refusal
from mem0tray.ledger.outbox import Job
from mem0tray.ledger.rows import kept
from mem0tray.server.answers import NOT_KEPT, redirected_to
from mem0tray.server.model import Outcome
from mem0tray.server.remedy import UPDATE, address_in, of_redirect, of_refusal, of_rejection
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq.dead_letters import move_fresh_to_dlq

# How often in a row an item may draw a 429 while others succeed: behind a limit on simultaneous
# requests an item that came too late once may come too late again, and is as good as the others.
_TOO_LATE: Final = 2
LASTING: Final = 300.0  # seconds after which a gateway's 503 will hardly end by itself
_NOT_TAKEN: Final = "deliveries"  # the name of the fault
_ANSWERS: Final = frozenset({Kind.ITEM_FAILURE, Kind.SLOW_DOWN})  # of the server to a canary


@dataclass(frozen=True, slots=True)
class _Case:
    """One delivery to `server`, as the ledger names it, and its outcome."""

    job: Job
    outcome: Outcome
    server: str
    now: float
    canary: bool = False
    due: float = 0.0  # of a suspect, before it was set aside


class Verdicts:
    """Applies outcomes, within the caller's transaction; returns the events to emit after it."""

    def __init__(self, context: WorkerContext, await_probe: Callable[[], None]) -> None:
        self._context = context
        self._outbox = context.outbox
        self._breaker = context.breaker
        self._await_probe = await_probe
        # Items that drew an answer which blames the server; others will show which is to blame.
        self._suspects: dict[int, _Case] = {}
        # Attempts that a lost connection ended; a probe shows whether they count.
        self._lost: dict[int, _Case] = {}
        # The first delivery that the server did not take, and whether a probe found it healthy.
        self._not_taken: _Case | None = None
        self._is_confirmed = False
        self._slowed: Counter[int] = Counter()  # 429s in a row, before others succeeded, by item
        self.avoid: str | None = None  # a project to leave out while another one is tried

    @property
    def suspects(self) -> frozenset[int]:
        return frozenset(self._suspects)

    def apply(
        self, job: Job, outcome: Outcome, server: str, now: float, *, canary: bool
    ) -> list[Event]:
        this = _Case(job, outcome, server, now, canary)
        if outcome.kind is not Kind.SLOW_DOWN:
            self._slowed.pop(job.key, None)
        match outcome.kind:
            case Kind.DELIVERED:
                return self._stored(this) + self._accepted(this)
            case Kind.FOUND:
                return self._found(this)
            case Kind.AT_WORK:
                return self._at_work(this)
            case Kind.HELD:  # another worker has perhaps delivered it: the user decides
                self._suspects.pop(job.key, None)
                self._outbox.release(job.key)
                self._context.foreign_claims.hold(job.key, now)
                return [events.Held(job.project, job.item_id)]
        self._record(this)
        happened = self._failed(this)
        self._record_unknown(this)
        return happened

    def _failed(self, this: _Case) -> list[Event]:
        outcome, kind = this.outcome, this.outcome.kind
        if kind is Kind.UNAUTHORIZED or (this.canary and kind is Kind.FORBIDDEN):
            self._misconfigured(this)
        elif this.canary and kind is not Kind.OUTAGE:
            # Of a canary that was not sent, or not answered, the server has said nothing.
            answer = outcome.message if kind in _ANSWERS else ""
            self._breaker.stay_misconfigured(self._leave_to_canaries(this), answer)
        elif kind is Kind.OUTAGE:
            self._set_aside(this, this.now)
            self._blame(this)
        elif kind is Kind.ASKED_IN_VAIN:
            self._ask_later(this.job, this.now)
            self._blame(this)
        elif kind is Kind.SLOW_DOWN:
            asked = outcome.retry_after
            wait = self._context.settings.sync.probe_interval if asked is None else asked
            delay = min(wait, LONGEST_BREAK)
            self._set_aside(this, this.now + delay)
            self._breaker.take_break(this.now + delay)
            return [events.SlowedDown(delay)]
        elif kind is Kind.FORBIDDEN:
            return self._forbidden(this)
        elif kind is Kind.NO_ANSWER and not outcome.timed_out:
            self._lost[this.job.key] = this
            self._ask_later(this.job, this.now)
            self._await_probe()
        else:
            return self._count(this)
        return []

    def apply_late(self, job: Job, outcome: Outcome, server: str, now: float) -> list[Event]:
        """Record what a former server said; it says nothing about the present one."""
        this = _Case(job, outcome, server, now)
        if outcome.kind in (Kind.DELIVERED, Kind.FOUND):
            return self._stored(this, elsewhere=server)
        self._outbox.release(job.key)
        if outcome.kind is Kind.AT_WORK:
            self._note_ticket(this)
        elif outcome.kind is not Kind.HELD:  # else the new server is asked
            self._record(this)
            self._record_unknown(this)
        return []

    def give_back(self, job: Job, server: str, now: float) -> None:
        self._ask_later(job, now)
        self._outbox.mark_unknown(job.key, server, now, timed_out=False)

    def note_claim(self, key: int) -> None:
        self._suspects.pop(key, None)

    def clear_suspects(self) -> None:
        self._lost.clear()
        self._put_back_suspects()
        self._take_blame_back()

    def _put_back_suspects(self) -> None:
        for key, suspect in self._suspects.items():
            self._outbox.defer(key, suspect.due)
        self._suspects.clear()
        self.avoid = None

    # A healthy server that takes nothing ---------------------------------------------

    def note_health(self) -> list[Event]:
        """Note that a probe was answered well, so that lost connections are not the server's."""
        happened = [event for this in self._lost.values() for event in self._count(this)]
        self._lost.clear()
        first = self._not_taken
        if first is not None and not self._is_confirmed:
            self._is_confirmed = True
            its = first.job
            happened.append(events.NotTaken(its.project, its.item_id, first.outcome.message))
        return happened

    def _blame(self, this: _Case) -> None:
        """Blame a healthy server at the second answer of a kind that takes nothing.

        At once if no Mem0 server can have answered so, else after a while. A question in vain
        begins no such row, as the delivery after it may be taken.
        """
        self._await_probe()
        first, outcome = self._not_taken, this.outcome
        is_question = outcome.kind is Kind.ASKED_IN_VAIN
        is_foreign = outcome.status is not None and outcome.status < HTTPStatus.BAD_REQUEST
        if outcome.status is None or (is_question and not is_foreign):
            return
        if first is None:
            self._not_taken = None if is_question else this
            self._is_confirmed = False
        elif self._is_confirmed and (is_foreign or this.now - first.now >= LASTING):
            reason = _why(outcome, self._context.destination, is_foreign=is_foreign)
            self._breaker.note_fault(_NOT_TAKEN, reason)
            self._context.wake.set()

    def _take_blame_back(self) -> None:
        self._not_taken = None
        self._breaker.note_fault(_NOT_TAKEN, reasons.NONE)

    # One class each ----------------------------------------------------------------

    def _accepted(self, this: _Case) -> list[Event]:
        """Close the breaker: the server takes deliveries, so what suspects drew was their fault."""
        result: list[Event] = []
        self._breaker.clear_misconfigured()
        self._take_blame_back()
        self._suspects.pop(this.job.key, None)
        for key, suspect in self._suspects.items():
            if suspect.outcome.kind is Kind.SLOW_DOWN and self._slowed[key] < _TOO_LATE:
                # This success may be due to the break alone; a third 429 will show.
                self._slowed[key] += 1
                continue
            blamed = replace(suspect, now=this.now)
            result += self._count(blamed)
            self._record_unknown(blamed)
        self._suspects.clear()
        self.avoid = None
        return result

    def _found(self, this: _Case) -> list[Event]:
        """Record an item that the server had already: this clears or blames no suspect."""
        job = this.job
        self._suspects.pop(job.key, None)
        if job.delivered is None:  # else the ledger knew, and the server was not asked
            self._answered(canary=this.canary)
        # Only our own requests get a ticket.
        return self._stored(this, by_another=job.taken is not None and job.ticket is None)

    def _answered(self, *, canary: bool) -> None:
        self._take_blame_back()
        if canary:
            self._breaker.clear_misconfigured()

    def _at_work(self, this: _Case) -> list[Event]:
        result: list[Event] = []
        job, since = this.job, this.now
        if job.ticket is not None and job.ticket.name == this.outcome.ticket:  # it was only asked
            since = job.ticket.at
            self._suspects.pop(job.key, None)
            self._answered(canary=this.canary)
        else:
            self._note_ticket(this)
            result = self._accepted(this)
        self._outbox.release(job.key)
        longest = self._context.settings.sync.retry_interval
        self._outbox.defer(job.key, work_due(this.now, since, longest))
        return result

    def _note_ticket(self, this: _Case) -> None:
        key = this.job.key
        self._outbox.mark_unknown(key, this.server, this.now, timed_out=False)
        self._outbox.note_ticket(key, this.server, this.outcome.ticket, this.now)

    def _stored(self, this: _Case, *, elsewhere: str = "", by_another: bool = False) -> list[Event]:
        job, server = this.job, this.server
        why = self._outbox.record_delivery(job.key, server, this.now, by_another=by_another)
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

    def _leave_to_canaries(self, this: _Case) -> float:
        """Clear every suspect, as no item is to blame; return when the next canary is due."""
        self._outbox.release(this.job.key)
        self._put_back_suspects()
        wait = min(this.outcome.retry_after or 0.0, LONGEST_BREAK)
        return this.now + max(self._context.settings.sync.probe_interval, wait)

    def _misconfigured(self, this: _Case) -> None:
        what = refusal(this.outcome.message, this.outcome.status)
        reason = reasons.advised(what, of_refusal(this.outcome.status))
        self._breaker.set_misconfigured(reason, self._leave_to_canaries(this))
        self._take_blame_back()  # the refusal says more

    def _forbidden(self, this: _Case) -> list[Event]:
        project = this.job.project
        others = [each for each in self._suspects.values() if each.job.project != project]
        if any(each.outcome.kind is Kind.FORBIDDEN for each in others):
            self._misconfigured(this)
            return []
        if self._outbox.other_project_waits(project, this.now):
            self._set_aside(this, this.now)
            self.avoid = project
            return []
        return self._count(this)

    # Items ---------------------------------------------------------------------------

    def _record(self, this: _Case) -> None:
        outcome = this.outcome
        self._outbox.record_attempt(
            this.job.key, this.now, str(outcome.kind), outcome.status,
            kept(outcome.reason) or outcome.message, outcome.duration, outcome.request_id,
        )  # fmt: skip

    def _record_unknown(self, this: _Case) -> None:
        if this.outcome.may_have_it:
            self._outbox.mark_unknown(
                this.job.key, this.server, this.now, timed_out=this.outcome.timed_out
            )

    def _ask_later(self, job: Job, now: float) -> None:
        self._outbox.release(job.key)
        self._outbox.defer(job.key, now + self._context.settings.sync.retry_interval)

    def _set_aside(self, this: _Case, begin: float) -> None:
        key, sync = this.job.key, self._context.settings.sync
        before = self._suspects.get(key)
        due = self._outbox.due(key) if before is None else before.due
        self._suspects[key] = replace(this, due=due)
        self._outbox.release(key)
        self._outbox.defer(key, begin + max(sync.retry_interval, sync.probe_interval))

    def _count(self, this: _Case) -> list[Event]:
        job, outcome = this.job, this.outcome
        if job.unknown is not None and outcome.status is not None and not outcome.may_have_it:
            self._outbox.mark_absent(job, this.server)
        if job.ticket is not None and outcome.kind is Kind.ITEM_FAILURE:
            self._outbox.drop_ticket(job.key, this.server)
        state, retry_count, last_attempt = self._outbox.standing(job.key)
        if state == items.DEAD:
            return self._count_dead(this, retry_count + 1, last_attempt)
        if state == items.FRESH:
            return self._count_fresh(this)
        self._outbox.release(job.key)
        return []

    def _count_fresh(self, this: _Case) -> list[Event]:
        job, outcome, sync = this.job, this.outcome, self._context.settings.sync
        retries, error, asked = job.retries + 1, outcome.message, outcome.retry_after
        if retries >= sync.max_attempts:
            wait = move_fresh_to_dlq(self._context, job.key, this.now, error, asked)
            return [
                events.MovedToDlq(job.project, job.item_id, retries, outcome.reason),
                events.InBackoff(job.project, job.item_id, wait),
            ]
        raw = items.with_fields(self._context.ledger.raw(job.key), {"retries": retries})
        due = fresh_due(this.now, sync.retry_interval, asked)
        self._outbox.count_fresh_failure(job, due, error, raw)
        return [events.AttemptFailed(job.project, job.item_id, retries, error)]

    def _count_dead(self, this: _Case, count: int, last: float) -> list[Event]:
        job, now, error = this.job, this.now, this.outcome.message
        delay = dead_wait(count, this.outcome.retry_after)
        # The user asked for a retry while this one was under way: it is still wanted.
        again = last <= 0 < job.last_attempt
        fields: items.Object = {"retry_count": count, "last_attempt": now, "last_error": error}
        raw = items.with_fields(self._context.ledger.raw(job.key), fields)
        due = now if again else now + delay
        self._outbox.count_dead_failure(job, count, due, error, raw, now)
        failed = events.DlqRetryFailed(job.project, job.item_id, count, delay, error)
        return [failed] if again else [failed, events.InBackoff(job.project, job.item_id, delay)]


def _why(outcome: Outcome, host: str, *, is_foreign: bool) -> Reason:
    """Return why a healthy server takes nothing; `is_foreign`: no Mem0 server answers so."""
    said = reasons.bare(reasons.quoted(outcome.message))
    address = redirected_to(outcome.reason)
    if not is_foreign:
        what = Reason("{host} says that it is healthy, but takes no delivery: {answer}.",
                      host=host, answer=said)  # fmt: skip
        remedy = of_rejection(outcome.status)[0]
    elif address:
        # Without the path of a question, which names a project: one state for all projects.
        there, remedy = address_in(address), of_redirect(address)
        what = Reason("{host} redirects deliveries to {address}.", host=host, address=there)
    elif outcome.reason.find(NOT_KEPT.id) is not None:
        what = Reason("{host} does not have what it said that it stored.", host=host)
        remedy = UPDATE
    else:
        what = Reason("something that is no Mem0 server answers deliveries at {host}: {answer}.",
                      host=host, answer=said)  # fmt: skip
        remedy = of_refusal(None)
    return reasons.advised(what, remedy)
