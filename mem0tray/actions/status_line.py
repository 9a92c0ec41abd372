"""How things stand in one short line: for a prompt, and for Claude Code's own status line."""

from typing import Final

from mem0tray.actions import worker_report
from mem0tray.config import settings
from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError, SettingsError
from mem0tray.core.reasons import Reason
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, PAUSED, REFUSES, STARTING
from mem0tray.core.text import one_line, plural

WELL: Final = "✓"
_WRONG: Final = "!"
_LONGEST: Final = 40  # characters of a reason


def read(now: float) -> str:
    """Make the line at `now` (Unix seconds), which says what is wrong if that is all there is."""
    try:
        found = settings.load().settings
        ours = worker_report.told_lately(found.locations(), now)
        if ours is not None:
            return line(ours.state.name, ours.state.reason, ours.queue, ours.dlq)
        # Slow to import, and not needed for a prompt while a worker runs.
        from mem0tray.actions import standing

        look = standing.read(found, now)
        if look.folder and look.worker is None:
            return f"mem0 {_WRONG} no folder at paths.claude_dir"  # so nothing is counted
        made = standing.overview(look)
        return line(made.state, made.reason, made.queue, made.dlq)
    except SettingsError:
        return f"mem0 {_WRONG} settings"
    except Mem0TrayError as error:
        return f"mem0 {_WRONG} {one_line(error.message, _LONGEST)}"


def line(state: str, reason: Reason, queue: int | None, dead: int | None) -> str:
    """Make the line for a state, and the fresh entries and dead letters (None: unknown)."""
    short = {HEALTHY: "", STARTING: STARTING, PAUSED: PAUSED, DOWN: f"{_WRONG} server down"}
    shown = short.get(state, f"{_WRONG} {state}")
    if state == ACTION_NEEDED:
        refusal = reason.find(REFUSES)
        status = None if refusal is None else refusal.get("status")
        what = str(reasons.bare(reasons.parted(reason)[0]))
        shown = f"{_WRONG} {status or one_line(what, _LONGEST)}"
    counts = [
        "? waiting" if queue is None else f"{queue:,} waiting" if queue else "",
        "? dead letters" if dead is None else plural(dead, "dead letter") if dead else "",
    ]
    return f"mem0 {', '.join(filter(None, (shown, *counts))) or WELL}"
