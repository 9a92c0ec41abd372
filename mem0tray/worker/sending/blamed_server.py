"""Deliveries that a healthy server does not take, uncounted: people must hear of them.

Such an answer blames the server (an outage), but each probe says that it is healthy. So
each memory is tried again without end, unless somebody looks. Pure: times are Unix seconds.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from mem0tray.core import events, reasons
from mem0tray.core.reasons import Reason
from mem0tray.ledger.outbox import Job
from mem0tray.server import Kind, Outcome
from mem0tray.server.answers import NOT_KEPT, redirected_to
from mem0tray.server.remedy import UPDATE, address_in, of_redirect, of_refusal, of_rejection

LASTING: Final = 300.0  # seconds after which a gateway's 503 will hardly end by itself


@dataclass(slots=True)
class _Spell:
    """The first delivery that was not taken; `is_confirmed`: the server was healthy after it."""

    job: Job
    message: str
    began: float
    is_confirmed: bool = False


class BlamedServer:
    """Deliveries not taken, in a row: from the first such answer to the next success or outage."""

    def __init__(self) -> None:
        self._spell: _Spell | None = None

    def note(self, job: Job, outcome: Outcome, now: float, host: str) -> Reason:
        """Note an answer of `host` that blames it; return why people are wanted, or NONE.

        They are wanted at the second such answer, if a probe found the server healthy between: at
        once where no Mem0 server can have answered so, else after a while. A question that
        came to nothing begins no such row, as the delivery after it may be taken.
        """
        status = outcome.status
        if status is None:
            return reasons.NONE
        is_foreign = status < HTTPStatus.BAD_REQUEST
        is_question = outcome.kind is Kind.ASKED_IN_VAIN
        if is_question and not is_foreign:
            return reasons.NONE
        spell = self._spell
        if spell is None:
            if not is_question:
                self._spell = _Spell(job, outcome.message, now)
            return reasons.NONE
        if not spell.is_confirmed or not (is_foreign or now - spell.began >= LASTING):
            return reasons.NONE
        return _foreign(outcome, host) if is_foreign else _failing(outcome, host)

    def note_health(self) -> events.NotTaken | None:
        """Note that the server is healthy; return, once, what to tell of the blaming delivery."""
        spell = self._spell
        if spell is None or spell.is_confirmed:
            return None
        spell.is_confirmed = True
        return events.NotTaken(spell.job.project, spell.job.item_id, spell.message)

    def end(self) -> None:
        """End the row: a memory was taken, the server is down, or another server is chosen."""
        self._spell = None


def _foreign(outcome: Outcome, host: str) -> Reason:
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
