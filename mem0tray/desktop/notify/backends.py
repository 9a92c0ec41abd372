"""The ways to show a notification; this module has plyer's.

A backend shows one notice or raises; it may block for as long as it likes,
as a thread of its own waits for it (see `sending`).
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

from mem0tray.desktop.bus import address_of
from mem0tray.desktop.notify.notice import Notice, fitted
from mem0tray.system.paths import APP

NO_DESKTOP: Final = "there is no desktop here: no session bus"
_BY_BUS: Final = "the session bus is the way here"
_SECONDS: Final = 10  # plyer takes whole seconds only
BUS_NAME: Final = "org.freedesktop.Notifications"
BUS_PATH: Final = "/org/freedesktop/Notifications"
_FLATPAK: Final = Path("/.flatpak-info")


class NotShownError(Exception):
    """Nothing shows notifications here, or what does has refused; the message says why."""


class SilentDaemonError(NotShownError):
    """The program that shows notifications does not answer."""


class NoticeBackend(Protocol):
    """A way to show a notification."""

    @property
    def name(self) -> str:
        """The name for `doctor` and the log."""

    def show(self, notice: Notice) -> None:
        """Show the notice. Raises NotShownError, or any error of the library."""

    def withdraw(self, kind: str) -> None:
        """Remove the notice of that kind, if possible; at once, and without an error."""


class PlyerBackend:
    """plyer's way for this system: a balloon on Windows, osascript on macOS, a Flatpak's portal.

    Elsewhere on Linux there is `Daemon`; `missing` says so. `icon` gives the file (.ico on Windows)
    for the base of a notice; `clicked` is called for a click on a notice, on Windows alone.
    """

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

    @property
    def name(self) -> str:
        """The name, such as `plyer (osascript)`."""
        way = {"win32": "Windows", "darwin": "osascript"}.get(self._platform, "desktop portal")
        return f"plyer ({'none' if self.missing else way})"

    def show(self, notice: Notice) -> None:
        """Show it."""
        if self.missing:
            raise NotShownError(self.missing)
        title, body = fitted(notice)
        if self._platform not in ("win32", "darwin"):  # plyer puts both into a quoted GVariant
            title, body = _gvariant(title), _gvariant(body)
        self._implementation().notify(
            title=title,
            message=body,
            app_name=APP,
            app_icon=str(self._icon(notice.base)) if self._icon else "",
            timeout=_SECONDS,
        )

    def withdraw(self, kind: str) -> None:
        """Nothing: it disappears by itself."""

    def _implementation(self) -> Any:
        """Import plyer's class and make an instance. Slow the first time."""
        if self._platform == "win32":
            from mem0tray.desktop.notify.windows_balloon import BalloonNotification

            return BalloonNotification(self._clicked)
        if self._platform == "darwin":
            from mem0tray.desktop.notify.macos import ScriptNotification

            return ScriptNotification()
        from plyer.platforms.linux.notification import NotifyDesktopPortals

        return NotifyDesktopPortals()


def missing(platform: str) -> str:
    """Why plyer has no way here; empty if it has one. Imports nothing."""
    if platform in ("win32", "darwin") or in_flatpak():
        return ""
    return _BY_BUS if address_of(os.environ) else NO_DESKTOP


def in_flatpak() -> bool:
    """Whether this is a Flatpak, which sees nothing of the session's bus but the portal.

    plyer takes any folder /app for a Flatpak; only this file proves it.
    """
    return _FLATPAK.exists()


def _gvariant(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
