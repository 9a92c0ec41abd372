"""Notifications by plyer: a balloon on Windows, osascript on macOS, a Flatpak's portal."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from mem0tray.desktop import session
from mem0tray.desktop.notify import Notice, NotShownError, fitted
from mem0tray.system import programs
from mem0tray.system.paths import APP

NO_DESKTOP: Final = "there is no desktop here: no session bus"
_BY_BUS: Final = "the session bus is the way here"
_SECONDS: Final = 10  # plyer takes whole seconds only
_PATIENCE: Final = 9.0  # seconds for osascript
# plyer puts both texts into a quoted GVariant.
_GVARIANT: Final = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n"})
_SHOW: Final = """\
on run {myTitle, myText, myName}
  display notification myText with title myTitle subtitle myName
end run
"""


class PlyerBackend:
    """plyer's way for this system; elsewhere on Linux there is `Daemon`, as `missing` says."""

    def __init__(
        self,
        icon: Callable[[str], Path] | None = None,
        clicked: Callable[[], None] = lambda: None,
        platform: str = "",
    ) -> None:
        self._icon = icon
        self._clicked = clicked
        self._platform = platform or sys.platform
        self.missing = missing(self._platform)
        self.tells_failure = self._platform == "win32"
        way = {"win32": "Windows", "darwin": "osascript"}.get(self._platform, "desktop portal")
        self.name = f"plyer ({'none' if self.missing else way})"

    def show(self, notice: Notice) -> None:
        """Show it. Slow the first time, as it imports plyer's class."""
        if self.missing:
            raise NotShownError(self.missing)
        title, body = fitted(notice)
        icon = str(self._icon(notice.base)) if self._icon else ""
        words = {"title": title, "message": body, "app_name": APP, "app_icon": icon}
        if self._platform == "win32":
            from mem0tray.desktop.notify import windows

            windows.show(self._clicked, _SECONDS, words)
        elif self._platform == "darwin":
            _script_notification().notify(**words)
        else:
            from plyer.platforms.linux.notification import NotifyDesktopPortals

            quoted = {name: text.translate(_GVARIANT) for name, text in words.items()}
            NotifyDesktopPortals().notify(**quoted, timeout=_SECONDS)

    def withdraw(self, kind: str) -> None:
        """Do nothing: it disappears by itself."""


def _script_notification() -> Any:
    """Make plyer's notification by `osascript`: the system shows it as Script Editor's.

    plyer's own class needs pyobjus, and a service of the system that only apps in a bundle have.
    """
    from plyer.facades import Notification

    class ScriptNotification(Notification):  # type: ignore[misc]  # plyer has no types
        def _notify(self, **given: Any) -> None:
            words = (given["title"], given["message"], given["app_name"])
            programs.run_applescript(_SHOW, words, _PATIENCE)

    return ScriptNotification()


def missing(platform: str) -> str:
    """Return why plyer has no way here; empty if it has one. Imports nothing."""
    if platform in ("win32", "darwin") or session.in_flatpak():
        return ""
    return _BY_BUS if session.bus_address(os.environ) else NO_DESKTOP
