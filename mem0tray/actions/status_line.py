"""How things stand in one short line: for a prompt, and for Claude Code's own status line."""

from typing import Final

from mem0tray.actions import worker_report
from mem0tray.config import settings
from mem0tray.config.settings import Settings
from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError, SettingsError
from mem0tray.core.reasons import Reason
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, PAUSED, REFUSES, STARTING
from mem0tray.core.text import one_line, plural

NAME: Final = "mem0"
WELL: Final = "✓"
WRONG: Final = "!"
NO_FOLDER: Final = "no folder at paths.claude_dir"
_LONGEST: Final = 40  # characters of a reason


def read(now: float) -> str:
    """Return the line at `now` (Unix seconds), which says what is wrong if that is all there is."""
    try:
        return _read(settings.load().settings, now)
    except SettingsError:
        return wrong("settings")
    except Mem0TrayError as error:
        return wrong(error.message)


def _read(found: Settings, now: float) -> str:
    """Return what the worker has counted; without one, what the ledger counts."""
    told = worker_report.told_lately(found.locations(), now)
    if told is not None:
        return line(told.state.name, told.state.reason, told.queue, told.dlq)
    # Slow to import, and not needed for a prompt while a worker runs.
    from mem0tray.actions import standing

    seen = standing.read(found, now)
    if seen.folder and seen.worker is None:
        return wrong(NO_FOLDER)  # which says why nothing is counted
    made = standing.overview(seen)
    return line(made.state, made.reason, made.queue, made.dlq)


def line(state: str, reason: Reason, queue: int | None, dead: int | None) -> str:
    """The line for a state, the number of fresh entries and of dead letters (None: unknown)."""
    counts = [
        "? waiting" if queue is None else f"{queue:,} waiting" if queue else "",
        "? dead letters" if dead is None else plural(dead, "dead letter") if dead else "",
    ]
    told = ", ".join(filter(None, (_said(state, reason), *counts)))
    return f"{NAME} {told or WELL}"


def wrong(why: str) -> str:
    """The line that says why nothing can be read."""
    return f"{NAME} {WRONG} {one_line(why, _LONGEST)}"


def _said(state: str, reason: Reason) -> str:
    """A state in a few words; nothing where all is well."""
    if state == HEALTHY:
        return ""
    if state == DOWN:
        return f"{WRONG} server down"
    if state == ACTION_NEEDED:
        return f"{WRONG} {_short(reason)}"
    return state if state in {STARTING, PAUSED} else f"{WRONG} {state}"


def _short(reason: Reason) -> str:
    """What is wrong: the status of a refusal, else the beginning of the reason."""
    refusal = reason.find(REFUSES)
    if refusal is not None and refusal.get("status"):
        return str(refusal.get("status"))
    return one_line(str(reasons.bare(reasons.parted(reason)[0])), _LONGEST)
