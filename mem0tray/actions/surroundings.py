"""Causes that keep memories from being delivered, and those that keep all of them."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from mem0tray.actions.standing import Snapshot
from mem0tray.actions.worker_report import NO_METRICS, Metrics
from mem0tray.config import server_choice
from mem0tray.config.settings import LOCAL_URL, Settings
from mem0tray.core import reasons, state, text
from mem0tray.core.reasons import Reason
from mem0tray.core.state import ACTION_NEEDED, REFUSES
from mem0tray.server.remedy import (
    nothing,
    of_refusal,
)

if TYPE_CHECKING:
    from mem0tray.actions.chosen_client import Probe

NO_SERVER: Final = Reason("no server chosen")
SERVER_DOWN: Final = Reason("server down")
SERVER_BUSY: Final = Reason("server busy")
LOCAL_NETWORK: Final = Reason("local network")
INVALID: Final = Reason("invalid content")
REJECTED: Final = Reason("rejected by the server")
NO_ANSWER: Final = Reason("no usable answer from the server")
ACTION: Final = Reason("action needed")
PAUSED: Final = Reason("paused")
NOT_RUNNING: Final = Reason("worker not running")
HELD: Final = Reason("held")
WAITING: Final = Reason("waiting for its time")
DUE: Final = Reason("due now")
OURS: Final = (PAUSED, NOT_RUNNING)


class Cause(Struct, frozen=True):
    """One reason, and what to do; `status` is that of the answer in question, if any.

    `by_itself`: it may end without help as long as the worker works.
    """

    name: Reason
    detail: Reason
    remedy: Reason
    status: int | None = None
    by_itself: bool = False

    @property
    def sentence(self) -> Reason:
        """What is wrong, as a sentence; a server's text may end with a full stop already."""
        return reasons.stopped(self.detail)

    @property
    def stops_all(self) -> bool:
        """Whether nothing goes out: refused deliveries are tried one at a time, a break ends."""
        return self.name != SERVER_BUSY and not (self.name == ACTION and self.status is not None)

    def __str__(self) -> str:
        return f"{self.name}: {self.sentence} {self.remedy}"

    def about(self, handle: str) -> "Cause":
        """This cause, told of one memory, which commands know as `handle`."""
        return replace(self, remedy=self.remedy.replaced("id", handle))

    @property
    def likeness(self) -> tuple[Reason, Reason, int | None, Reason]:
        """What causes have in common when one is told as an example of all.

        It includes the text only where that is ours: a server may name each item in its text,
        and every item has its own time.
        """
        detail = self.detail if self.name == INVALID else reasons.NONE
        return self.name, self.remedy, self.status, detail


_DOCTOR: Final = Reason(
    "`mem0tray doctor` says more; deliveries go on by themselves once it is mended."
)
_STOPPED: Final = Cause(
    NOT_RUNNING,
    Reason("nothing is sent without the worker"),
    Reason("Start the worker with `mem0tray run`."),
)
_UNCHOSEN: Final = Cause(
    NO_SERVER,
    Reason("nothing is sent before you choose one"),
    Reason("Type {how}.", how=server_choice.HOW),
)
_BUSY: Final = Cause(
    SERVER_BUSY,
    state.BREAK,
    nothing(Reason("deliveries go on by themselves.")),
    by_itself=True,
)


def _action(told: Reason) -> Cause:
    """Make the cause of what only the user can mend; its own remedy comes first."""
    what, remedy = reasons.parted(told)
    return Cause(ACTION, reasons.bare(what), reasons.sentence(remedy) or _DOCTOR)


# What keeps every memory from being sent --------------------------------------------------------


class Surroundings(Struct, frozen=True):
    """The causes that are the same for every item, the most important one first."""

    causes: Sequence[Cause]
    server: "Probe | None" = None

    @property
    def refuse_everything(self) -> bool:
        """Whether the server was seen to refuse every delivery, of whatever memory."""
        return any(cause.name == ACTION and cause.status is not None for cause in self.causes)

    @classmethod
    def ask(cls, settings: Settings, seen: Snapshot) -> "Surroundings":
        """Ask the server once."""
        from mem0tray.actions.chosen_client import network_trouble, probe  # slow to import

        return cls.of(seen, probe(settings, seen.paths), network_trouble)

    @classmethod
    def of(
        cls, seen: Snapshot, server: "Probe", trouble: Callable[[str], Reason]
    ) -> "Surroundings":
        """Find what stands in the way; `trouble` says what is wrong with the way to a host."""
        running = seen.worker is not None
        metrics = seen.metrics if running else NO_METRICS
        found = []
        obstacle = bool(seen.obstacle) and not seen.pause_error
        if obstacle:  # `status` names it before anything that the worker says
            found.append(_action(seen.obstacle))
        found += _refusal(metrics)
        found += _server(server, trouble, starts=running and seen.pause is None)
        if not obstacle and server.health.recognised:  # else the worker may say the same
            found += _worker(metrics)
        if seen.another:
            found.append(_action(seen.another))
        found += _pause(seen)
        if not running:
            found.append(_STOPPED)
        return cls(found, server)


def _refusal(metrics: Metrics) -> list[Cause]:
    """Find a refusal of every delivery: it lasts until one succeeds."""
    reason = metrics.reason
    refusal = reason.find(REFUSES)
    if metrics.values.get("state") != ACTION_NEEDED or refusal is None:
        return []
    status = refusal.get("status")
    status = status if isinstance(status, int) else None
    told = reason.get("refusal")  # with the answer to the last try, if that is told
    if isinstance(told, Reason):
        what = reason.replaced("refusal", reasons.parted(told)[0])
    else:
        what = reasons.parted(reason)[0]
    return [Cause(ACTION, reasons.bare(what), of_refusal(status), status)]


def _server(seen: "Probe", trouble: Callable[[str], Reason], *, starts: bool) -> list[Cause]:
    """Find what is wrong with the server; `starts`: a worker will start the embedded one."""
    if not seen.name:
        return [_UNCHOSEN]
    if seen.health.healthy:
        return []
    why, known = reasons.parted(seen.health.reason)
    detail = reasons.bare(why)
    if seen.health.recognised:  # else the reason names the host
        detail = Reason("{host}: {why}", host=seen.shown, why=detail)
    if seen.name == LOCAL_URL:
        # If it need not run, the obstacle is the missing worker, or the pause.
        again = nothing(Reason("the worker starts it again by itself."))
        return [Cause(SERVER_DOWN, detail, again, by_itself=True)] if starts else []
    if known:
        return [Cause(SERVER_DOWN if seen.health.recognised else ACTION, detail, known)]
    local = trouble(seen.hostname)
    if local:
        again = Reason("Connect this computer to the network; deliveries go on by themselves then.")
        return [Cause(LOCAL_NETWORK, local, again)]
    remedy = Reason(
        "Start the server, or set another with `mem0tray config set server.url ADDRESS`."
    )
    return [Cause(SERVER_DOWN, detail, remedy)]


def _worker(metrics: Metrics) -> list[Cause]:
    """Find what the running worker says is in its way, if nothing else tells it."""
    reason = metrics.reason
    name = metrics.values.get("state")
    if name == state.PAUSED and reason == state.BREAK:
        return [_BUSY]
    if name != ACTION_NEEDED:
        return []
    is_told = reason.find(REFUSES) or reason == server_choice.CHOOSE
    return [] if is_told else [_action(reason)]


def _pause(seen: Snapshot) -> list[Cause]:
    until = seen.pause
    if seen.pause_error:
        what, _ = reasons.parted(seen.pause_error)
        return [Cause(ACTION, what, Reason("Remove it with `mem0tray resume`."))]
    if until is None:
        return []
    when = Reason("until you resume")
    if not math.isinf(until):
        when = Reason("until {time}", time=text.clock(until))
    return [
        Cause(
            PAUSED,
            Reason("you paused deliveries {when}", when=when),
            Reason("End the pause with `mem0tray resume`."),
        )
    ]
