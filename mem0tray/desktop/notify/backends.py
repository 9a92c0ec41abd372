"""The ways to show a notification: plyer's, and the tray icon's own.

A backend shows one notice or raises; it may block for as long as it likes,
as a thread of its own waits for it (see `sending`).
"""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

from mem0tray.desktop.bus.address import address_of
from mem0tray.desktop.notify.fitting import fitted, plain
from mem0tray.desktop.notify.notice import Notice
from mem0tray.system.paths import APP

NO_DESKTOP: Final = "there is no desktop here: no session bus"
_SECONDS: Final = 10  # plyer takes whole seconds only
BUS_NAME: Final = "org.freedesktop.Notifications"
BUS_PATH: Final = "/org/freedesktop/Notifications"
_FLATPAK: Final = Path("/.flatpak-info")


class UnavailableError(Exception):
    """This way does not exist here; the message says why."""


class NotShownError(Exception):
    """The program that shows notifications has refused; other ways would lead to the same one."""


class SilentDaemonError(NotShownError):
    """The program that shows notifications does not answer."""


class NoticeBackend(Protocol):
    """A way to show a notification."""

    @property
    def name(self) -> str:
        """The name for `doctor` and the log."""

    def show(self, notice: Notice) -> None:
        """Show the notice. Raises UnavailableError, NotShownError, or any error of the library."""

    def withdraw(self, kind: str) -> None:
        """Remove the notice of that kind, if possible; at once, and without an error."""


class IconBackend:
    """The tray icon's own way; `notify` takes title and body, from any thread."""

    name = "the tray icon"

    def __init__(self, notify: Callable[[str, str], None]) -> None:
        self._notify = notify

    def show(self, notice: Notice) -> None:
        """Show the notice; characters that may be taken for markup are replaced by similar ones."""
        title, body = fitted(notice)
        if sys.platform not in ("win32", "darwin"):
            body = plain(body)
        self._notify(title, body)

    def withdraw(self, kind: str) -> None:
        """Nothing: it disappears by itself."""


class PlyerBackend:
    """plyer, by a way that it has on this system.

    On Linux that is the second choice: none of its ways there reports clicks. `icon` gives the
    file (.ico on Windows) for the base of a notice; `clicked` is called for a click on a notice.
    """

    def __init__(
        self, icon: Callable[[str], Path] | None = None, clicked: Callable[[], None] | None = None
    ) -> None:
        self._icon = icon
        self.way = plyer_way(sys.platform)
        self.way.clicked = clicked

    @property
    def name(self) -> str:
        """The name, such as `plyer (notify-send)`."""
        return f"plyer ({self.way.name})"

    def show(self, notice: Notice) -> None:
        """Show it."""
        if self.way.missing:
            raise UnavailableError(self.way.missing)
        title, body = self.way.prepare(*fitted(notice))
        self.way.make().notify(
            title=title,
            message=body,
            app_name=APP,
            app_icon=str(self._icon(notice.base)) if self._icon else "",
            timeout=_SECONDS,
        )

    def withdraw(self, kind: str) -> None:
        """Nothing: it disappears by itself."""


class Way:
    """One of plyer's implementations; `missing` says why it cannot be used, if it cannot."""

    name = ""
    missing = ""
    tells_failure = True
    clicked: Callable[[], None] | None = None  # only Windows' way reports clicks

    def make(self) -> Any:
        """Import plyer's class and make an instance. Slow the first time."""
        raise UnavailableError(self.missing)

    def prepare(self, title: str, body: str) -> tuple[str, str]:
        """Escape what this way would misread."""
        return title, body


class PortalWay(Way):
    """Out of a Flatpak."""

    name = "desktop portal"
    tells_failure = False

    def make(self) -> Any:
        """Go through the portal's gdbus."""
        from plyer.platforms.linux.notification import NotifyDesktopPortals

        return NotifyDesktopPortals()

    def prepare(self, title: str, body: str) -> tuple[str, str]:
        """Escape for plyer, which puts the texts into a quoted GVariant."""
        return _gvariant(title), _gvariant(body)


class NotifySendWay(Way):
    """The command `notify-send`."""

    name = "notify-send"
    tells_failure = False

    def make(self) -> Any:
        """Call the command."""
        from plyer.platforms.linux.notification import NotifySendNotification

        return NotifySendNotification()

    def prepare(self, title: str, body: str) -> tuple[str, str]:
        """Escape what may be rendered as markup, and a leading dash, which would be an option."""
        return _no_option(title), _no_option(plain(body))


class BalloonWay(Way):
    """The taskbar of Windows."""

    name = "Windows"

    def make(self) -> Any:
        """Show plyer's balloon, by a class of ours."""
        from mem0tray.desktop.notify.windows_balloon import BalloonNotification

        return BalloonNotification(self.clicked or (lambda: None))


class ScriptWay(Way):
    """The command `osascript` of macOS."""

    name = "osascript"
    tells_failure = False

    def make(self) -> Any:
        """Call the command."""
        from mem0tray.desktop.notify.macos import ScriptNotification

        return ScriptNotification()


class NoWay(Way):
    """plyer has none here."""

    name = "none"

    def __init__(self, missing: str) -> None:
        self.missing = missing


def plyer_way(platform: str) -> Way:
    """The best way that plyer has here. Imports nothing."""
    if platform == "win32":
        return BalloonWay()
    return ScriptWay() if platform == "darwin" else _linux_way()


def _linux_way() -> Way:
    if in_flatpak():
        return PortalWay()
    if not address_of(os.environ):
        return NoWay(NO_DESKTOP)
    if shutil.which("notify-send"):
        return NotifySendWay()
    return NoWay("notify-send is not there")


def in_flatpak() -> bool:
    """Whether this is a Flatpak, which sees nothing of the session's bus but the portal.

    plyer takes any folder /app for a Flatpak; only this file proves it.
    """
    return _FLATPAK.exists()


def _gvariant(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")


def _no_option(text: str) -> str:
    return f"\u2060{text}" if text.startswith("-") else text
