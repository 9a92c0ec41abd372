"""Verdicts on a ledger, and the outcomes that they are about."""

from dataclasses import dataclass, field
from typing import Any, Final

from mem0tray.core import reasons
from mem0tray.core.circuit_breaker import CircuitBreaker
from mem0tray.core.events import Event
from mem0tray.core.item import Kind
from mem0tray.ledger.outbox import Job
from mem0tray.server.model import Outcome
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.sending.verdict import Verdicts
from tests.ledger.samples import HERE, NOW, fresh, letter, row, table

RETRY, PROBE = 10.0, 40.0
SET_ASIDE: Final = NOW + PROBE  # the longer of the two
SAID: Final = "what it said"
TAKEN: Final = Outcome(Kind.DELIVERED, 201, "")
FAILED: Final = Outcome(Kind.ITEM_FAILURE, 422, SAID)
OUTAGE: Final = Outcome(Kind.OUTAGE, 503, SAID)
SLOW: Final = Outcome(Kind.SLOW_DOWN, 429, SAID)
FORBIDDEN: Final = Outcome(Kind.FORBIDDEN, 404, SAID)
SILENT: Final = Outcome(Kind.NO_ANSWER, None, SAID, timed_out=True, may_have_it=True, duration=7.0)


@dataclass
class Court:
    """Verdicts on a ledger; `outages` counts how often one was suspected."""

    context: WorkerContext
    outages: list[None] = field(default_factory=list)
    verdicts: Verdicts = field(init=False)
    breaker: CircuitBreaker = field(init=False)

    def __post_init__(self) -> None:
        self.breaker = self.context.breaker
        self.verdicts = Verdicts(self.context, lambda: self.outages.append(None))

    def fresh(self, name: str = "m", **fields: Any) -> Job:
        key = self.context.inbox.add_fresh(fresh(name, **fields), NOW, ask=False)
        return self.claim(key)

    def letter(self, name: str = "d", **fields: Any) -> Job:
        item = letter(name, **fields)
        key = self.context.inbox.add_dead(item, item.raw, NOW, ask=False, gen=None)
        return self.claim(key)

    def claim(self, key: int) -> Job:
        self.verdicts.note_claim(key)
        return self.context.outbox.claim(key, NOW, HERE)

    def apply(self, job: Job, outcome: Outcome, *, canary: bool = False) -> list[Event]:
        return self.verdicts.apply(job, outcome, HERE, NOW, canary=canary)

    def row(self, job: Job) -> dict[str, Any]:
        return row(self.context.ledger, job.key)

    def asked_since(self, job: Job, server: str = HERE) -> float | None:
        """Since when a server may have an item, which it is asked about first; else None."""
        claimed = self.row(job).get("claimed")
        found = self.context.outbox.claim(job.key, NOW, server).unknown
        if claimed is None:
            self.context.outbox.release(job.key)
        return found

    def avoided(self) -> str | None:
        return self.verdicts.avoid

    def history(self) -> list[tuple[Any, ...]]:
        return table(
            self.context.ledger,
            "SELECT class, status, message, duration FROM attempts ORDER BY rowid",
        )

    def state(self) -> str:
        return self.breaker.state(NOW).name

    def reason(self) -> str:
        return str(self.breaker.state(NOW).reason)


def refuse_all(court: Court) -> None:
    """Have the server refuse everything, so that the next one is a canary."""
    court.breaker.set_misconfigured(reasons.quoted("refused"), NOW)
