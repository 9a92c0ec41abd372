"""Notifications beside those of Linux: a balloon by plyer on Windows, osascript on macOS."""

import atexit
import ctypes
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mem0tray.desktop import session
from mem0tray.desktop.notify import Notice, Offer, fitted
from mem0tray.system.paths import APP

if TYPE_CHECKING:
    from mem0tray.desktop.notify.macos import NotificationCenter

_SECONDS: Final = 10  # plyer takes whole seconds only
_PATIENCE: Final = 9.0  # seconds for osascript
OSASCRIPT: Final = "/usr/bin/osascript"
_SHOW: Final = b"""\
on run {myTitle, myText, myName}
  display notification myText with title myTitle subtitle myName
end run
"""


class PlyerBackend:
    """The way of Windows, or of macOS without our bundle; Linux has `Daemon`."""

    def __init__(
        self,
        icon: Callable[[str], Path] | None = None,
        clicked: Callable[[], None] = lambda: None,
        platform: str = "",
    ) -> None:
        self._icon = icon
        self._clicked = clicked
        self._platform = platform or sys.platform
        self.tells_failure = self._platform == "win32"
        self.name = "plyer (Windows)" if self.tells_failure else "osascript"

    def show(self, notice: Notice) -> None:
        """Show it. Slow the first time, as it imports plyer's class."""
        title, body = fitted(notice)
        icon = str(self._icon(notice.base)) if self._icon else ""
        words = {"title": title, "message": body, "app_name": APP, "app_icon": icon}
        if self._platform == "win32":
            _show_balloon(self._clicked, _SECONDS, words)
        else:
            # As Script Editor's; plyer's own way needs what only apps in a bundle have.
            subprocess.run(  # noqa: S603  (a fixed script, and words of which none is an option)
                [OSASCRIPT, "-", title, body, APP],
                input=_SHOW, capture_output=True, check=True, timeout=_PATIENCE,
            )  # fmt: skip

    def withdraw(self, kind: str) -> None:
        """Do nothing: it disappears by itself."""


def of_system(
    icon: Callable[[str], Path] | None = None, clicked: Callable[[Offer], None] = lambda _: None
) -> "PlyerBackend | NotificationCenter":
    """Return this system's way where there is no daemon of a Linux desktop."""
    if session.in_bundle():
        from mem0tray.desktop.notify.macos import NotificationCenter

        return NotificationCenter(clicked)
    return PlyerBackend(icon, lambda: clicked(Offer.STATUS))


# By itself plyer keeps each balloon of Windows until the program ends, and holds up that end while
# the last one shows; its windows answer nobody, so that Windows takes the program for a hung one.
_WM_BALLOON: Final = 0x401  # our own: the taskbar's messages about the balloon
_CLICKS: Final = (0x400, 0x405)  # NIN_SELECT, on its icon, and NIN_BALLOONUSERCLICK
_NIM_MODIFY: Final = 1
_NIF_MESSAGE: Final = 1
_GWLP_WNDPROC: Final = -4
_ANY_MESSAGE: Final = 0x4FF
_REMOVE: Final = 1
_shown: Final = weakref.WeakSet[threading.Thread]()


def _show_balloon(clicked: Callable[[], None], seconds: float, words: dict[str, str]) -> None:
    """Show a balloon, or raise the error of Windows or plyer; `clicked` is called on its thread."""
    outcome: Future[None] = Future()
    arguments = (words, seconds, clicked, outcome)
    thread = threading.Thread(target=_keep, args=arguments, name="mem0tray-balloon", daemon=True)
    _shown.add(thread)
    thread.start()
    outcome.result()


def await_ends() -> None:
    """Wait until no balloon of this process is shown: its end would remove them."""
    for thread in tuple(_shown):
        thread.join()


def _keep(
    words: dict[str, str], seconds: float, clicked: Callable[[], None], outcome: "Future[None]"
) -> None:
    """Show it for so many seconds; its window belongs to this thread."""
    from plyer.platforms.win.libs import win_api_defs as api
    from plyer.platforms.win.libs.balloontip import WindowsBalloonTip

    try:
        balloon = WindowsBalloonTip(**words, timeout=0)  # with a time it would sleep as long
    except Exception as error:  # noqa: BLE001  (raised where it is awaited)
        outcome.set_exception(error)
        return
    outcome.set_result(None)

    def answer(window: int, message: int, wparam: int, lparam: int) -> int:
        if message == _WM_BALLOON and lparam & 0xFFFF in _CLICKS:
            clicked()
        return int(api.DefWindowProcW(window, message, wparam, lparam))

    procedure = api.WindowProc(answer)
    _serve(balloon, api, procedure, seconds)
    atexit.unregister(balloon.__del__)  # which would remove it on quitting
    balloon.__del__()
    del procedure  # the window that called it is gone


def _serve(balloon: Any, api: Any, procedure: Any, seconds: float) -> None:
    """Pass the taskbar's messages to `procedure`, and let the window answer, for that long."""
    if sys.platform == "win32":
        from ctypes import wintypes

        window = balloon._hwnd  # noqa: SLF001  (there is no public name)
        user32 = ctypes.WinDLL("user32")
        user32.SetWindowLongPtrW.argtypes = (wintypes.HWND, ctypes.c_int, type(procedure))
        user32.SetWindowLongPtrW.restype = ctypes.c_void_p
        user32.SetWindowLongPtrW(window, _GWLP_WNDPROC, procedure)
        data = api.get_NOTIFYICONDATAW(0, window, id(balloon), _NIF_MESSAGE, _WM_BALLOON)
        api.Shell_NotifyIconW(_NIM_MODIFY, data)
        message = wintypes.MSG()
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            user32.MsgWaitForMultipleObjects(0, None, 0, int(1_000 * left) + 1, _ANY_MESSAGE)
            while user32.PeekMessageW(ctypes.byref(message), None, 0, 0, _REMOVE):
                user32.DispatchMessageW(ctypes.byref(message))
