"""How things stand in one short line: for a prompt, and for Claude Code's own status line."""

from typing import Final

from mem0tray.actions import worker_report
from mem0tray.config import settings
from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError, SettingsError
from mem0tray.core.reasons import Reason
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, PAUSED, REFUSES, STARTING
from mem0tray.core.text import one_line, plural

NAME: Final = "mem0"
WELL: Final = "✓"
WRONG: Final = "!"
_LONGEST: Final = 40  # characters of a reason


def read(now: float) -> str:
    """Make the line at `now` (Unix seconds), which says what is wrong if that is all there is."""
    try:
        found = settings.load().settings
        told = worker_report.told_lately(found.locations(), now)
        if told is not None:
            return line(told.state.name, told.state.reason, told.queue, told.dlq)
        # Slow to import, and not needed for a prompt while a worker runs.
        from mem0tray.actions import standing

        seen = standing.read(found, now)
        if seen.folder and seen.worker is None:
            return f"{NAME} {WRONG} no folder at paths.claude_dir"  # so nothing is counted
        made = standing.overview(seen)
        return line(made.state, made.reason, made.queue, made.dlq)
    except SettingsError:
        return f"{NAME} {WRONG} settings"
    except Mem0TrayError as error:
        return f"{NAME} {WRONG} {one_line(error.message, _LONGEST)}"


def line(state: str, reason: Reason, queue: int | None, dead: int | None) -> str:
    """Make the line for a state, and the fresh entries and dead letters (None: unknown)."""
    counts = [
        "? waiting" if queue is None else f"{queue:,} waiting" if queue else "",
        "? dead letters" if dead is None else plural(dead, "dead letter") if dead else "",
    ]
    told = ", ".join(filter(None, (_said(state, reason), *counts)))
    return f"{NAME} {told or WELL}"


def _said(state: str, reason: Reason) -> str:
    """Say a state in a few words; nothing where all is well."""
    if state == HEALTHY:
        return ""
    if state == DOWN:
        return f"{WRONG} server down"
    if state != ACTION_NEEDED:
        return state if state in {STARTING, PAUSED} else f"{WRONG} {state}"
    refusal = reason.find(REFUSES)
    if refusal is not None and refusal.get("status"):
        return f"{WRONG} {refusal.get('status')}"
    return f"{WRONG} {one_line(str(reasons.bare(reasons.parted(reason)[0])), _LONGEST)}"
