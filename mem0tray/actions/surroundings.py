"""What keeps every memory from being sent: server, network, worker, pause."""

import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mem0tray.actions import network, overview, requests
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
from mem0tray.config import server_choice
from mem0tray.config.settings import LOCAL_URL, Settings
from mem0tray.core import state
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.state import ACTION_NEEDED, REFUSES
from mem0tray.files import atomic, pauses
from mem0tray.ledger.reader import Attempt, Reader
from mem0tray.server.remedy import of_refusal
from mem0tray.system.paths import Paths, config_file

_STATUS: Final = re.compile(r"\b[1-5][0-9][0-9]\b")
_SENTENCE: Final = re.compile(r"(?<=\.) (?=[A-Z`])")
_HOW: Final = re.compile(r": (?=stop |find |`)")  # from here on a reason says what to do
_DOCTOR: Final = "`mem0tray doctor` says more; deliveries go on by themselves once it is mended."


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is the same for every item, the cause that counts first."""

    causes: Sequence[Cause]

    @classmethod
    def look(cls, settings: Settings, paths: Paths) -> "Surroundings":
        """Ask the server once, and look at the worker."""
        running = requests.worker_runs(paths)
        metrics = overview.read_metrics(paths).values if running else {}
        found = [
            *_refusal(paths, metrics),
            *_server(probe(settings, paths), network.trouble, running=running),
            *_worker(metrics),
            *_pause(paths),
        ]
        if not running:
            found.append(
                Cause(
                    NOT_RUNNING,
                    "nothing is sent without the worker",
                    "Start the worker with `mem0tray run`.",
                    then="Then start the worker with `mem0tray run`.",
                )
            )
        return cls(found)


def _refusal(paths: Paths, metrics: dict[str, Any]) -> list[Cause]:
    """A server that refuses every delivery: so it stays until one succeeds.

    A break that the server asks for and an outage do not end it. Nor does a worker that
    was stopped, unless the settings were changed since.
    """
    reason = str(metrics.get("reason") or "")
    if metrics.get("state") == ACTION_NEEDED and reason.startswith(REFUSES):
        named = _STATUS.search(reason)
        status = int(named[0]) if named else None
        remedy = of_refusal(status)
        detail = reason.replace(f" {remedy}", "").rstrip(".")
        return [Cause(ACTION, detail, remedy, status)]
    if metrics and (metrics.get("state"), reason) != (state.PAUSED, state.BREAK):
        return []
    with Reader(paths.ledger) as reader:
        attempt = reader.last_refusal()
    if attempt is None or _changed_since(attempt):
        return []
    detail = f"{REFUSES}: {attempt.message.rstrip('.')}"
    return [Cause(ACTION, detail, of_refusal(attempt.status), attempt.status)]


def _changed_since(attempt: Attempt) -> bool:
    """Whether the settings were changed after this attempt: perhaps it is mended."""
    try:
        found = atomic.signature(config_file())
    except FileUnavailableError:
        return False
    return found is not None and found.mtime / 1e9 > attempt.at


def _server(seen: Probe, trouble: Callable[[str], str], *, running: bool) -> list[Cause]:
    if not seen.name:
        return [
            Cause(NO_SERVER, "nothing is sent before you choose one", f"Type {server_choice.HOW}.")
        ]
    if seen.health.healthy:
        return []
    detail = f"{seen.shown}: {seen.health.reason.rstrip('.')}"
    if seen.name == LOCAL_URL:
        # Without a worker it does not run: then it is the worker that is missing.
        again = "Nothing to do: the worker starts it again by itself."
        return [Cause(SERVER_DOWN, detail, again, by_itself=True)] if running else []
    local = trouble(seen.hostname)
    if local:
        again = "Connect this computer to the network; deliveries go on by themselves then."
        return [Cause(LOCAL_NETWORK, local, again)]
    remedy = "Start the server, or set another with `mem0tray config set server.url ADDRESS`."
    return [Cause(SERVER_DOWN, detail, remedy)]


def _worker(metrics: dict[str, Any]) -> list[Cause]:
    """What the worker that runs says is in its way."""
    name, reason = metrics.get("state"), str(metrics.get("reason") or "")
    if (name, reason) == (state.PAUSED, state.BREAK):
        again = "Nothing to do: deliveries go on by themselves."
        return [Cause(SERVER_BUSY, reason, again, by_itself=True)]
    if name != ACTION_NEEDED or reason.startswith((REFUSES, server_choice.CHOOSE)):
        return []
    detail, remedy = _parted(reason)
    return [Cause(ACTION, detail, remedy)]


def _parted(reason: str) -> tuple[str, str]:
    """What is the matter, and what to do where the reason says so itself."""
    for end in (_SENTENCE, _HOW):
        what, *how = end.split(reason, maxsplit=1)
        if how:
            return what.rstrip("."), f"{how[0][:1].upper()}{how[0][1:].rstrip('.')}."
    return reason, _DOCTOR


def _pause(paths: Paths) -> list[Cause]:
    try:
        until = pauses.read(paths)
    except FileUnavailableError as error:
        return [Cause(ACTION, error.message, "Remove it with `mem0tray resume`.")]
    if until is None:
        return []
    when = "until you resume" if math.isinf(until) else f"until {clock(until)}"
    return [
        Cause(
            PAUSED,
            f"you paused deliveries {when}",
            "End the pause with `mem0tray resume`.",
            then="Then end the pause with `mem0tray resume`.",
        )
    ]


def hindrance(paths: Paths) -> str:
    """What keeps every memory from being sent, as worker and pause say; nobody is asked.

    In a few words, for a line of a list; empty while nothing does.
    """
    if not requests.worker_runs(paths):
        return NOT_RUNNING
    metrics = overview.read_metrics(paths).values
    name, reason = metrics.get("state"), str(metrics.get("reason") or "")
    if name == state.DOWN:
        return f"{SERVER_DOWN}{_since(metrics.get('state_since'))}: {reason}"
    return reason if name in (state.PAUSED, state.STARTING, ACTION_NEEDED) else ""


def _since(at: Any) -> str:
    """From a local ISO time, without its date if that is today."""
    if not isinstance(at, str):
        return ""
    day, _, hour = at.partition("T")
    today = time.strftime("%Y-%m-%d")
    return f" since {hour[:5]}" if day == today else f" since {day} {hour[:5]}"


def clock(at: float) -> str:
    """Unix seconds as local date and time."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
    except (OverflowError, ValueError, OSError):
        return "a far day"
