"""The state of a worker that people see: its name, its reason, what waits. Plain data."""

from dataclasses import dataclass
from typing import Final

from mem0tray.core import reasons
from mem0tray.core.reasons import Reason

STARTING: Final = "starting"
HEALTHY: Final = "healthy"
DOWN: Final = "down"
PAUSED: Final = "paused"
ACTION_NEEDED: Final = "action needed"
BREAK: Final = Reason("the server asked for a break")
REFUSES: Final = Reason("the server refuses deliveries: {answer}.").id


@dataclass(frozen=True, slots=True)
class WorkerState:
    """One of the five names, and why (NONE when all is well)."""

    name: str
    reason: Reason = reasons.NONE


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is left, for `run --until-idle`; `unread`: why a file could not be taken in.

    `held` of those in the queue another worker has perhaps delivered.
    """

    queue: int
    dlq: int
    held: int
    state: WorkerState
    unread: Reason


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """What the tray shows; `last_delivery` in Unix seconds, `paused` by the user.

    `held` of those in the queue another worker has perhaps delivered.
    """

    state: WorkerState
    queue: int
    dlq: int
    last_delivery: float | None
    paused: bool
    held: int = 0


def refusal(answer: str, status: int | None) -> Reason:
    """The reason that the server refuses every delivery, with its answer and status."""
    told = reasons.bare(reasons.quoted(answer))
    return Reason(REFUSES, answer=told, status=status or 0)
