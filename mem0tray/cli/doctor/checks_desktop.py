"""What `doctor` says about the desktop: the icon, and the notifications."""

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from mem0tray.cli.doctor.check import OK, WARN, Check
from mem0tray.config.settings import Loaded

if TYPE_CHECKING:
    from mem0tray.desktop.trial import TrialResult

_TRAY: Final = "tray"
_TRAY_TIMEOUT: Final = 8.0  # seconds
_WITHOUT: Final = "Until then `mem0tray run` is the worker without an icon."
_OLDER: Final = (
    "A panel shows tray icons of the older kind (XEmbed): a click shows the status, and there is no"
    " menu."
)
_ON_GNOME: Final = (
    "Install the GNOME extension “AppIndicator and KStatusNotifierItem Support” (on Debian and"
    " Ubuntu: `sudo apt-get install gnome-shell-extension-appindicator`), log in again, and type"
    " `gnome-extensions enable ubuntu-appindicators@ubuntu.com`."
)
_ON_XFCE: Final = "Add the tray to the panel: `xfce4-panel --add=systray`."
_ELSEWHERE: Final = (
    "Add a tray to the panel, or start one of its own, such as `stalonetray &`"
    " (on Debian and Ubuntu: `sudo apt-get install stalonetray`)."
)
_NOTICES: Final = "notifications"
_TEST_TIMEOUT: Final = 10.0  # seconds
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


def tray(loaded: Loaded) -> Iterable[Check]:
    """Session bus, and a panel that shows icons."""
    del loaded
    from mem0tray.desktop import session, trial

    system = sys.platform in ("win32", "darwin")
    if system and not session.missing():
        yield Check(_TRAY, OK, "It is part of this system.")
        return
    if system or not session.names_display(os.environ):
        yield Check(_TRAY, OK, "There is no desktop here: `mem0tray run` is the worker without it.")
        return
    found = trial.run("tray", timeout=_TRAY_TIMEOUT)
    if found.hung_at:
        yield Check(
            _TRAY,
            WARN,
            f"No icon can be shown: {found.hung_at} does not answer within {_TRAY_TIMEOUT:.0f} s.",
            f"End what hangs, or log out and in again. {_WITHOUT}",
        )
    elif found.text("failed"):
        yield Check(_TRAY, WARN, f"No icon can be shown: {found.text('failed')}.", _WITHOUT)
    elif found.text("missing"):
        yield Check(_TRAY, WARN, found.text("missing"), _WITHOUT)
    elif found.text("shown_by") == "XEmbed":
        yield Check(_TRAY, OK, _OLDER)
    elif found.text("shown_by"):
        yield Check(_TRAY, OK, f"A panel shows tray icons ({found.text('shown_by')}).")
    else:
        yield Check(_TRAY, WARN, "No panel here shows tray icons.", f"{_remedy()} {_WITHOUT}")


def _remedy() -> str:
    desktop = os.environ.get("XDG_CURRENT_DESKTOP", "").upper()
    if "GNOME" in desktop:
        return _ON_GNOME
    return _ON_XFCE if "XFCE" in desktop else _ELSEWHERE


def notifications(loaded: Loaded, *, send: bool) -> Iterable[Check]:
    """How notifications are shown; `send` shows a test notification."""
    from mem0tray.desktop import session, trial
    from mem0tray.desktop.notify import plyer_backend

    if loaded.settings.notifications.level == "none":
        yield Check(_NOTICES, OK, "They are switched off by notifications.level.")
        return
    missing = plyer_backend.missing(sys.platform)
    if missing == plyer_backend.NO_DESKTOP or (sys.platform == "darwin" and session.missing()):
        yield Check(_NOTICES, OK, "There is no desktop here; the log says what happens.")
    else:
        words = [loaded.settings.ui.language] if send else []
        yield _judged(trial.run("notification", *words, timeout=_TEST_TIMEOUT), sent=send)


def _judged(found: "TrialResult", *, sent: bool) -> Check:
    way = found.text("name") or "this desktop"
    if found.hung_at:
        message = f"{found.hung_at} does not answer within {_TEST_TIMEOUT:.0f} s"
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
            _NOTICES,
            WARN,
            said,
            f"{look} {_AS_SCRIPT_EDITOR}" if sys.platform == "darwin" else look,
        )
    return Check(_NOTICES, OK, f"{said}. A test is on the screen." if sent else f"{said}.")


def _failed(way: str, reason: str, remedy: str) -> Check:
    return Check(_NOTICES, WARN, f"None can be shown through {way}: {reason.rstrip('.')}.", remedy)
