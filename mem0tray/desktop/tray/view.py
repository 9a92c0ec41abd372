"""What the tray shows, as data: gathered from the worker that runs in this process."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mem0tray.actions.oldest import DeadLetter, oldest
from mem0tray.core import reasons
from mem0tray.core.reasons import Reason
from mem0tray.core.state import STARTING

if TYPE_CHECKING:
    from mem0tray.config.settings import Settings
    from mem0tray.worker.thread import WorkerThread

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
    held: int = 0  # of the queue: another worker has perhaps delivered them


def gather(worker: "WorkerThread", settings: "Settings", at_login: Callable[[], bool]) -> View:
    """Look at the worker once. Raises LedgerError."""
    level = settings.notifications.level
    if not worker.is_ready:
        return View(STARTING, level=level, at_login=at_login())
    seen = worker.look()
    return View(
        state=seen.state.name,
        reason=seen.state.reason,
        destination=worker.destination,
        queue=seen.queue,
        dlq=seen.dlq,
        letters=oldest(worker.paths, SHOWN) if seen.dlq else (),
        last_delivery=seen.last_delivery,
        paused=seen.paused,
        level=level,
        at_login=at_login(),
        held=seen.held,
    )
