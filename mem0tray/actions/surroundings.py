"""What keeps every memory from being sent: server, network, worker, pause."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from msgspec import Struct

from mem0tray.actions import own_network
from mem0tray.actions.cause import (
    ACTION,
    LOCAL_NETWORK,
    NO_SERVER,
    NOT_RUNNING,
    PAUSED,
    SERVER_BUSY,
    SERVER_DOWN,
    Cause,
)
from mem0tray.actions.probe import Probe, probe
from mem0tray.actions.standing import SeenPause, Snapshot
from mem0tray.actions.worker_report import NO_METRICS, Metrics
from mem0tray.config import server_choice
from mem0tray.config.settings import LOCAL_URL, Settings
from mem0tray.core import reasons, state
from mem0tray.core.reasons import Reason
from mem0tray.core.state import ACTION_NEEDED, REFUSES
from mem0tray.server.remedy import nothing, of_refusal

_DOCTOR: Final = Reason(
    "`mem0tray doctor` says more; deliveries go on by themselves once it is mended."
)


class Surroundings(Struct, frozen=True):
    """The causes that are the same for every item, the most important one first."""

    causes: Sequence[Cause]

    @property
    def refuse_everything(self) -> bool:
        """Whether the server was seen to refuse every delivery, of whatever memory."""
        return any(cause.name == ACTION and cause.status is not None for cause in self.causes)

    @classmethod
    def ask(cls, settings: Settings, seen: Snapshot) -> "Surroundings":
        """Ask the server once; `seen` holds `Part.REFUSAL`."""
        return cls.of(seen, probe(settings, seen.paths), own_network.trouble)

    @classmethod
    def of(cls, seen: Snapshot, server: Probe, trouble: Callable[[str], Reason]) -> "Surroundings":
        """What stands in the way; `trouble` says what is wrong with the way to a host."""
        running = seen.worker is not None
        metrics = seen.metrics if running else NO_METRICS
        found = [
            *_obstacle(seen),
            *_refusal(seen, metrics),
            *_server(server, trouble, starts=running and seen.pause.until is None),
            # The worker may say the same, in its own words.
            *([] if _obstacle(seen) or not server.health.recognised else _worker(metrics)),
            *_another(seen.another),
            *_pause(seen.pause),
        ]
        if not running:
            found.append(
                Cause(
                    NOT_RUNNING,
                    Reason("nothing is sent without the worker"),
                    Reason("Start the worker with `mem0tray run`."),
                    then=Reason("Then start the worker with `mem0tray run`."),
                )
            )
        return cls(found)


def _refusal(seen: Snapshot, metrics: Metrics) -> list[Cause]:
    """The cause for a server that refuses every delivery: it lasts until one succeeds.

    Neither a break that the server asks for nor an outage ends it, nor stopping the
    worker, unless the settings were changed since.
    """
    reason = metrics.reason
    refusal = reason.find(REFUSES)
    if metrics.values.get("state") == ACTION_NEEDED and refusal is not None:
        status = refusal.get("status")
        status = status if isinstance(status, int) else None
        return [Cause(ACTION, _without_remedy(reason), of_refusal(status), status)]
    if metrics.values and not _takes_a_break(metrics):
        return []
    attempt = seen.refusal
    if attempt is None or seen.settings_changed > attempt.at:  # it may be mended
        return []
    detail = state.refusal(attempt.message, attempt.status)
    return [Cause(ACTION, reasons.bare(detail), of_refusal(attempt.status), attempt.status)]


def _without_remedy(reason: Reason) -> Reason:
    """A refusal, with the answer to the last try if that is told; without the remedy."""
    told = reason.get("refusal")
    if isinstance(told, Reason):
        return reasons.bare(reason.replaced("refusal", reasons.parted(told)[0]))
    return reasons.bare(reasons.parted(reason)[0])


def _server(seen: Probe, trouble: Callable[[str], Reason], *, starts: bool) -> list[Cause]:
    """What is wrong with the server; `starts`: a worker will start the embedded one."""
    if not seen.name:
        return [
            Cause(
                NO_SERVER,
                Reason("nothing is sent before you choose one"),
                Reason("Type {how}.", how=server_choice.HOW),
            )
        ]
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
    """What the running worker says is in its way."""
    reason = metrics.reason
    if _takes_a_break(metrics):
        again = nothing(Reason("deliveries go on by themselves."))
        return [Cause(SERVER_BUSY, reason, again, by_itself=True)]
    if (
        metrics.values.get("state") != ACTION_NEEDED
        or reason.find(REFUSES)
        or reason == server_choice.CHOOSE
    ):
        return []
    what, remedy = reasons.parted(reason)
    return [Cause(ACTION, reasons.bare(what), reasons.sentence(remedy) or _DOCTOR)]


def _another(told: Reason) -> list[Cause]:
    """Another worker beside ours, which sends nothing as long as the other works."""
    if not told:
        return []
    what, remedy = reasons.parted(told)
    return [Cause(ACTION, reasons.bare(what), reasons.sentence(remedy))]


def _takes_a_break(metrics: Metrics) -> bool:
    """Whether the server has asked for a break."""
    return metrics.values.get("state") == state.PAUSED and metrics.reason == state.BREAK


def _obstacle(seen: Snapshot) -> list[Cause]:
    """What `status` names before anything the worker says; `_pause` tells of a broken pause."""
    if not seen.obstacle or seen.pause.error is not None:
        return []
    what, remedy = reasons.parted(seen.obstacle)
    return [Cause(ACTION, reasons.bare(what), reasons.sentence(remedy) or _DOCTOR)]


def _pause(seen: SeenPause) -> list[Cause]:
    if seen.error is not None:
        what, _ = reasons.parted(seen.error.reason)
        return [Cause(ACTION, what, Reason("Remove it with `mem0tray resume`."))]
    if seen.until is None:
        return []
    when = (
        Reason("until you resume")
        if math.isinf(seen.until)
        else Reason("until {time}", time=clock(seen.until))
    )
    return [
        Cause(
            PAUSED,
            Reason("you paused deliveries {when}", when=when),
            Reason("End the pause with `mem0tray resume`."),
            then=Reason("Then end the pause with `mem0tray resume`."),
        )
    ]


def hindrance(seen: Snapshot) -> str:
    """What keeps every memory from being sent, as `status` says it; no server is asked.

    A few words, for a line of a list; empty if nothing does. `seen` holds `Part.DISK`.
    """
    if seen.obstacle:
        return str(seen.obstacle)
    if seen.worker is None:
        if seen.server.trouble == server_choice.CHOOSE:  # starting the worker is no help
            return str(reasons.parted(server_choice.CHOOSE)[0])
        return str(NOT_RUNNING)
    if seen.another:
        return str(seen.another)
    values = seen.metrics.values
    name, reason = values.get("state"), str(values.get("reason") or "")
    if name == state.DOWN:
        return f"{SERVER_DOWN}{_since(values.get('state_since'), seen.at)}: {reason}"
    return reason if name in (state.PAUSED, state.STARTING, ACTION_NEEDED) else ""


def _since(at: Any, now: float) -> str:
    """The time in a local ISO time, without the date if that is today."""
    if not isinstance(at, str):
        return ""
    day, _, hour = at.partition("T")
    today = time.strftime("%Y-%m-%d", time.localtime(now))
    return f" since {hour[:5]}" if day == today else f" since {day} {hour[:5]}"


def clock(at: float) -> str:
    """Unix seconds as local date and time."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
    except (OverflowError, ValueError, OSError):
        return "a far day"
