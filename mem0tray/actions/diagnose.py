"""Why a memory is stuck, and what to do about it."""

import math
import re
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mem0tray import item as items
from mem0tray import plain
from mem0tray.actions import network, requests
from mem0tray.actions.find import Found
from mem0tray.actions.probe import Probe, probe
from mem0tray.errors import FileUnavailableError
from mem0tray.ledger.reader import Attempt, Known
from mem0tray.ledger.taken import PERHAPS
from mem0tray.paths import Paths
from mem0tray.server.model import Fault
from mem0tray.settings import LOCAL_URL, Settings
from mem0tray.text import one_line, short_id
from mem0tray.worker import choice, pauses
from mem0tray.worker.state import ACTION_NEEDED

NO_SERVER: Final = "no server chosen"
SERVER_DOWN: Final = "server down"
LOCAL_NETWORK: Final = "local network"
INVALID: Final = "invalid content"
REJECTED: Final = "rejected by the server"
NO_ANSWER: Final = "no answer from the server"
ACTION: Final = "action needed"
PAUSED: Final = "paused"
NOT_RUNNING: Final = "worker not running"
HELD: Final = "held"
WAITING: Final = "waiting for its time"
DUE: Final = "due now"
_ANSWERLESS: Final = frozenset({"unknown", "outage", "unanswered"})
_OURS_WITHOUT_ANSWER: Final = ("no answer after ", Fault.LOST.value)
_NO_ANSWER_REMEDY: Final = (
    "It is asked for before it is sent again. If it stays so, see the server's log."
)
_STATUS: Final = re.compile(r"[1-5][0-9][0-9]\b")


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason, and what to do; `status` is that of the answer which it is about, if any."""

    name: str
    detail: str
    remedy: str
    status: int | None = None

    @property
    def advice(self) -> str:
        """What is the matter and what to do, as sentences; a server's text may end with a stop."""
        return f"{self.detail.rstrip('.')}. {self.remedy}"

    @property
    def likeness(self) -> tuple[str, str, int | None]:
        """What those have in common of which one is told as the example for all.

        Not the whole text: a server may name each item in its own, and every item
        has its own time and command.
        """
        remedy = "" if self.name in (WAITING, HELD) else self.remedy
        return self.name, remedy, self.status


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is the same for every item: server, network, worker, pause."""

    causes: Sequence[Cause]

    @classmethod
    def look(cls, settings: Settings, paths: Paths) -> "Surroundings":
        """Ask the server once, and look at the worker."""
        running = requests.worker_runs(paths)
        found = [
            *_server(probe(settings, paths), network.trouble, running=running),
            *_worker(paths, running=running),
        ]
        return cls(found)


def _server(seen: Probe, trouble: Callable[[str], str], *, running: bool) -> list[Cause]:
    if not seen.name:
        return [Cause(NO_SERVER, "nothing is sent before you choose one", f"Type {choice.HOW}.")]
    if seen.health.healthy:
        return []
    if seen.name == LOCAL_URL and not running:
        return []  # the worker starts it: it is the worker that is missing
    local = trouble(seen.hostname)
    if local:
        return [Cause(LOCAL_NETWORK, local, "Connect this computer; work goes on by itself then.")]
    detail = f"{seen.shown}: {seen.health.reason.rstrip('.')}"
    remedy = "Nothing is counted meanwhile. Start the server, or mend server.url in the settings."
    return [Cause(SERVER_DOWN, detail, remedy)]


def _worker(paths: Paths, *, running: bool) -> list[Cause]:
    found = []
    if running:
        metrics = _metrics(paths)
        reason = str(metrics.get("reason") or "")
        if metrics.get("state") == ACTION_NEEDED and choice.CHOOSE not in reason:
            found.append(Cause(ACTION, reason, "Mend that; deliveries go on by themselves then."))
    try:
        until = pauses.read(paths)
    except FileUnavailableError as error:
        found = [Cause(ACTION, str(error), "Type `mem0tray resume`, which removes it.")]
        until = None
    if until is not None:
        when = "until you resume" if math.isinf(until) else f"until {_clock(until)}"
        found.append(Cause(PAUSED, f"you paused deliveries {when}", "Type `mem0tray resume`."))
    if not running:
        found.append(Cause(NOT_RUNNING, "nothing is sent without it", "Start it: `mem0tray run`."))
    return found


def _metrics(paths: Paths) -> dict[str, Any]:
    try:
        return items.load_object(plain.read_bytes(paths.metrics)) or {}
    except OSError:
        return {}


def _clock(at: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
    except (OverflowError, ValueError, OSError):
        return "a far day"


def causes(
    found: Found,
    around: Surroundings,
    attempt: Attempt | None,
    known: Known | None,
    now: float,
) -> list[Cause]:
    """Why this item is stuck, the reason that counts first.

    `attempt` is the last that failed, `known` what the ledger knows of it.
    """
    invalid = _invalid(found)
    rejected = _rejected(found, attempt)
    certain = [cause for cause in invalid if found.is_dead or attempt or found.item is None]
    doubtful = [] if certain else invalid
    outside = [c for c in around.causes if c.name not in (PAUSED, NOT_RUNNING)]
    ours = [c for c in around.causes if c.name in (PAUSED, NOT_RUNNING)]
    held = [_held(found)] if known is not None and known.is_held else []
    result = [*certain, *held, *outside, *rejected, *doubtful, *ours]
    if found.item is not None:
        due = next_retry(found, known, now)
        if due > now and not held:
            again = f"it is sent again at {_clock(due)}"
            result.append(Cause(WAITING, again, _waits(found)))
        elif not result:
            result.append(Cause(DUE, "it is about to be sent", "Nothing to do."))
    return result


def _held(found: Found) -> Cause:
    name = shlex.quote(short_id(found.id))
    return Cause(
        HELD,
        f"{PERHAPS}, and the server cannot tell",
        f"`mem0tray retry {name}` sends it, `mem0tray delete {name}` drops it.",
    )


def _waits(found: Found) -> str:
    """What to do about an item that only waits: `retry` takes dead letters, no entries."""
    if not found.is_dead:
        return "Nothing to do: it goes by itself."
    return f"Wait, or retry it now with `mem0tray retry {shlex.quote(short_id(found.id))}`."


def next_retry(found: Found, known: Known | None, now: float) -> float:
    """When it is sent again, Unix seconds; 0 for at once."""
    if found.item is None:
        return 0.0
    if found.is_dead:
        return items.dead_due(found.item.last_attempt, found.item.retry_count, now)
    return known.due if known is not None else 0.0


def _invalid(found: Found) -> list[Cause]:
    item = found.item
    if item is None:
        return [
            Cause(
                INVALID,
                "its content is not text; it is never sent",
                "Mend its content in the file, or delete it.",
            )
        ]
    if not item.project.strip():
        return [
            Cause(INVALID, "it names no project", "Give it a project_id in the file, or delete it.")
        ]
    for name, text in (("content", item.content), ("project_id", item.project)):
        if not _is_encodable(text):
            detail = f"its {name} holds half a character (a lone surrogate)"
            return [Cause(INVALID, detail, "Mend the text in the file, or delete it.")]
    return []


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _rejected(found: Found, attempt: Attempt | None) -> list[Cause]:
    if attempt is None:
        return _as_the_file_says(one_line(last_error(found)))
    if attempt.kind == "not sendable":
        return [Cause(INVALID, attempt.message, "Mend the item in the file, or delete it.")]
    if attempt.kind in _ANSWERLESS:
        return [Cause(NO_ANSWER, attempt.message, _NO_ANSWER_REMEDY, attempt.status)]
    status = "" if attempt.status is None else str(attempt.status)
    detail = attempt.message if status in attempt.message else f"{status}: {attempt.message}"
    return [Cause(REJECTED, detail, _remedy(attempt.status), attempt.status)]


def _as_the_file_says(reason: str) -> list[Cause]:
    """Without a ledger that remembers the attempt: our own words begin with what it came to."""
    if not reason:
        return []
    if reason.startswith(_OURS_WITHOUT_ANSWER):
        return [Cause(NO_ANSWER, reason, _NO_ANSWER_REMEDY)]
    named = _STATUS.match(reason)
    status = int(named[0]) if named else None
    return [Cause(REJECTED, reason, _remedy(status), status)]


def _remedy(status: int | None) -> str:
    match status:
        case 401 | 403:
            return "Check server.api_key, and what the server allows for this project."
        case 404 | 405:
            return "Check server.url, and whether the server knows this project."
        case 429:
            return "The server asked for a break; it is tried again by itself."
        case int() if status >= 500:  # noqa: PLR2004  (the server's own faults)
            return "The fault is the server's: see its log. It is tried again by itself."
    return "Mend the text in the file, or delete it; see the server's log for more."


def last_error(found: Found) -> str:
    """The reason that stands in the file."""
    value = (items.load_object(found.raw) or {}).get("last_error")
    return value if isinstance(value, str) else ""
