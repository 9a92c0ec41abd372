"""What `doctor` says about notifications: the way they take, and a test of it."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from mem0tray.cli.doctor.check import OK, WARN, Check
from mem0tray.config.settings import Loaded

if TYPE_CHECKING:
    from mem0tray.desktop.trial import TrialResult

_NAME: Final = "notifications"
_TIMEOUT: Final = 10.0  # seconds
_OTHERWISE: Final = "Until then the log tells of all."
_HANGS: Final = "End what hangs, or log out and in again."
_AS_SCRIPT_EDITOR: Final = (
    "If not, allow those of Script Editor in System Settings, Notifications: it is listed there"
    ' once it has shown one (`open -a "Script Editor"`, and run: display notification "x").'
)
_SHOW_THEM: Final = (
    "Start mem0tray in a session that has a desktop."
    if sys.platform in ("win32", "darwin")
    else "Start a notification daemon, such as `dunst &`"
    " (on Debian and Ubuntu: `sudo apt-get install dunst`)."
)


def notifications(loaded: Loaded, *, send: bool) -> Iterable[Check]:
    """How notifications are shown; `send` shows a test notification."""
    from mem0tray.desktop import session, trial
    from mem0tray.desktop.notify import backends

    if loaded.settings.notifications.level == "none":
        yield Check(_NAME, OK, "They are switched off by notifications.level.")
        return
    missing = backends.missing(sys.platform)
    if missing == backends.NO_DESKTOP or (sys.platform == "darwin" and session.missing()):
        yield Check(_NAME, OK, "There is no desktop here; the log says what happens.")
    else:
        words = [loaded.settings.ui.language] if send else []
        yield _judged(trial.run("notification", *words, timeout=_TIMEOUT), sent=send)


def _judged(found: "TrialResult", *, sent: bool) -> Check:
    way = found.text("name") or "this desktop"
    if found.hung_at:
        message = f"{found.hung_at} does not answer within {_TIMEOUT:.0f} s"
        return _failed(way, message, f"{_HANGS} {_OTHERWISE}")
    if found.text("failed"):
        help_ = _HANGS if found.values.get("hangs") else _SHOW_THEM
        return _failed(way, found.text("failed"), f"{help_} {_OTHERWISE}")
    daemon = found.text("daemon")
    said = f"They go through {way}" + (f" to {daemon}" if daemon else "")
    if not found.values.get("tells_failure"):
        said += ", which reports no failure: only you can see whether they are shown."
        look = "Is a test on the screen?" if sent else "Does `mem0tray doctor --notify` show one?"
        return Check(
            _NAME, WARN, said, f"{look} {_AS_SCRIPT_EDITOR}" if sys.platform == "darwin" else look
        )
    return Check(_NAME, OK, f"{said}. A test is on the screen." if sent else f"{said}.")


def _failed(way: str, reason: str, remedy: str) -> Check:
    return Check(_NAME, WARN, f"None can be shown through {way}: {reason.rstrip('.')}.", remedy)
