"""What the tray shows, as data. Pure."""

from dataclasses import dataclass
from typing import Final

from mem0tray.actions.standing import DeadLetter, Snapshot
from mem0tray.core import reasons
from mem0tray.core.reasons import Reason
from mem0tray.core.state import STARTING

SHOWN: Final = 10  # dead letters in the menu


@dataclass(frozen=True, slots=True)
class View:
    """Everything that icon, tooltip and menu are made of. Times are Unix seconds.

    `destination` is empty while no server is chosen; `level` is the setting
    `notifications.level`; `paused` says whether the user has paused deliveries.
    """

    state: str
    reason: Reason = reasons.NONE
    destination: str = ""
    queue: int = 0
    dlq: int = 0
    letters: tuple[DeadLetter, ...] = ()
    last_delivery: float | None = None
    paused: bool = False
    level: str = "all"
    at_login: bool = False
    held: int = 0  # entries that another worker has perhaps delivered
    restorable: bool = False  # whether there is a deletion to take back
    former: tuple[str, ...] = ()  # servers with memories that the chosen one lacks


def of(seen: Snapshot, level: str, *, at_login: bool, former: tuple[str, ...] = ()) -> View:
    """The view of what the worker in this process says; other arguments as in `View`."""
    told = seen.told
    if told is None:  # there is no ledger to look at yet
        return View(STARTING, level=level, at_login=at_login)
    return View(
        state=told.state.name,
        reason=told.state.reason,
        destination=seen.server.shown,
        queue=told.queue,
        dlq=told.dlq,
        letters=seen.letters,
        last_delivery=told.last_delivery,
        paused=told.paused,
        level=level,
        at_login=at_login,
        held=told.held,
        restorable=seen.restorable,
        former=former,
    )
