"""The icon on Windows: pystray's, sharp at each density, and ended in order.

Windows asks each window before a session ends, and ends the process as soon as it has the answer.
"""

import ctypes
import io
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ctypes import wintypes
from functools import partial
from typing import Any, Final

WM_CLOSE: Final = 0x10
WM_QUERYENDSESSION: Final = 0x11
WM_ENDSESSION: Final = 0x16
WM_TIMER: Final = 0x113
WM_RBUTTONUP: Final = 0x205
_WM_ADD: Final = 0x8000  # our own message to the window's thread: put the icon into the taskbar
_NIM_MODIFY: Final = 1
_SM_CXSMICON: Final = 49  # the width of a taskbar icon, in pixels
_ICON_VERSION: Final = 0x30000
_DENSITY_OF_EACH_SCREEN: Final = -4
_AGAIN: Final = 1_000  # milliseconds until we try a taskbar again that did not take the icon
_PYSTRAY: Any = object  # stands for pystray's class, which is a base too
_CLOSES: Final = 2  # this event of a console and higher ones end the process once handled
_PATIENCE: Final = 5.0  # seconds that Windows gives it


def icon_class(library: Any, user32: Any) -> Callable[..., Any]:
    """Pystray's class for this system; `user32` is Windows' library of that name."""
    return partial(type("WindowsIcon", (_TaskbarIcon, library.Icon), {}), user32)


def user32() -> Any:
    """Windows' library of windows. From now on this process draws for each screen's density."""
    library: Any = getattr(ctypes, "WinDLL")("user32")  # noqa: B009  (Windows alone has it)
    library.CreateIconFromResourceEx.restype = wintypes.HICON
    library.PostMessageW.argtypes = (
        wintypes.HWND, wintypes.UINT, wintypes.WPARAM, wintypes.LPARAM,
    )  # fmt: skip
    library.SetTimer.argtypes = (wintypes.HWND, ctypes.c_size_t, wintypes.UINT, ctypes.c_void_p)
    library.KillTimer.argtypes = (wintypes.HWND, ctypes.c_size_t)
    with suppress(AttributeError):  # an older Windows 10
        library.SetProcessDpiAwarenessContext(ctypes.c_void_p(_DENSITY_OF_EACH_SCREEN))
    return library


class _TaskbarIcon(_PYSTRAY):  # type: ignore[misc]  # pystray has no types
    """The part that pystray's class lacks; `at_end` is called as the session ends."""

    at_end: Callable[[], None]
    _icon_handle: int | None

    def __init__(self, user32: Any, *arguments: Any) -> None:
        self._user32 = user32
        self._drawing = threading.RLock()
        self._menus = threading.RLock()
        self._menu_is_open = self._menu_is_old = self._is_to_be_added = False
        super().__init__(*arguments)
        self._message_handlers |= {
            WM_CLOSE: lambda *_: self.stop(),  # as `taskkill` asks for
            WM_QUERYENDSESSION: lambda *_: True,  # pystray says no, so that nobody could log out
            WM_ENDSESSION: self._on_end_of_session,
            WM_TIMER: self._on_add,
            _WM_ADD: self._on_add,
        }

    def _show(self) -> None:
        """Put the icon into the taskbar, now or as soon as one takes it."""
        if not self._is_to_be_added:
            self._is_to_be_added = True
            self._user32.PostMessageW(self._hwnd, _WM_ADD, 0, 0)

    def _on_add(self, *_: int) -> None:
        self._is_to_be_added = False
        with self._drawing:
            with suppress(OSError):  # already there: a taskbar may announce itself twice
                super()._hide()
            try:
                super()._show()
            except OSError:
                self._user32.SetTimer(self._hwnd, 1, _AGAIN, None)
            else:
                self._user32.KillTimer(self._hwnd, 1)

    def _on_display_change(self, *_: int) -> None:
        with self._drawing:
            self._release_icon()
        self._show()

    def _update_icon(self) -> None:
        with self._drawing:
            super()._update_icon()

    def _message(self, code: int, flags: int, **values: Any) -> None:
        """Send to the taskbar; if it does not know the icon, add the icon as it is then."""
        try:
            super()._message(code, flags, **values)
        except OSError:
            if code != _NIM_MODIFY:
                raise
            self._show()

    def _assert_icon_handle(self) -> None:
        """Make the picture that fits an icon of Windows; pystray would shrink a larger one."""
        if self._icon_handle:
            return
        size = self._user32.GetSystemMetrics(_SM_CXSMICON)
        picture = next((each for each in self.icon if each.width >= size), self.icon[-1])
        data = io.BytesIO()
        picture.save(data, "png")
        self._icon_handle = self._user32.CreateIconFromResourceEx(
            data.getvalue(), len(data.getvalue()), 1, _ICON_VERSION, *picture.size, 0
        )
        if not self._icon_handle:
            raise OSError("Windows made no icon of a picture")

    def _on_notify(self, wparam: int, lparam: int) -> None:
        if lparam != WM_RBUTTONUP:
            super()._on_notify(wparam, lparam)
            return
        with self._menus:
            if self._menu_is_open:
                return
            self._menu_is_open = True
        try:
            super()._on_notify(wparam, lparam)  # returns when the menu is closed
        finally:
            with self._menus:
                self._menu_is_open = False
                if self._menu_is_old:
                    self._update_menu()

    def _update_menu(self) -> None:
        """Build the menu anew, but not while the user holds it open: it would close."""
        with self._menus:
            self._menu_is_old = self._menu_is_open
            if not self._menu_is_open:
                super()._update_menu()

    def _mainloop(self) -> None:
        with suppress(OSError):  # `taskkill` may have closed one of the two windows
            super()._mainloop()

    def _on_end_of_session(self, ends: int, _: int) -> None:
        if ends:  # else some program refused
            self.at_end()
            self.stop()


if sys.platform == "win32":

    @contextmanager
    def console_end(end: Callable[[], None]) -> Iterator[None]:
        """Call `end` at once on Ctrl-C, or when the console closes."""
        kernel32 = ctypes.WinDLL("kernel32")

        @ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.DWORD)
        def heard(event: int) -> bool:
            end()
            if event >= _CLOSES:
                time.sleep(_PATIENCE)  # meanwhile the main thread ends the process in order
            return True

        kernel32.SetConsoleCtrlHandler(heard, True)  # noqa: FBT003  (Windows' own order)
        yield
        kernel32.SetConsoleCtrlHandler(heard, False)  # noqa: FBT003
