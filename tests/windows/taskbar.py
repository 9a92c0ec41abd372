"""What a test asks Windows about windows and icons, as another program."""

import ctypes
import functools
from ctypes import wintypes
from typing import Any, Final

# The windows of a tray, by the names of their classes: pystray's, and plyer's balloons.
TRAY: Final = "SystemTrayIcon"
BALLOON: Final = "PlyerTaskbar"
_PATIENCE: Final = 20_000  # milliseconds
_NIM_MODIFY: Final = 1
_NIM_DELETE: Final = 2
_api: Any = ctypes  # much of it is there on Windows alone


def windows(pid: int, kind: str) -> list[int]:
    """The windows of a process whose class has `kind` in its name."""
    found: list[int] = []

    def look(window: int, _: int) -> bool:
        name = ctypes.create_unicode_buffer(200)
        _user32().GetClassNameW(wintypes.HWND(window), name, 200)
        owner = wintypes.DWORD()
        _user32().GetWindowThreadProcessId(wintypes.HWND(window), ctypes.byref(owner))
        if owner.value == pid and kind in name.value:
            found.append(window)
        return True

    of_each = _api.WINFUNCTYPE(wintypes.BOOL, wintypes.HWND, wintypes.LPARAM)
    _user32().EnumWindows(of_each(look), 0)
    return found


def titled(title: str) -> int:
    return int(_user32().FindWindowW(None, title) or 0)


def send(window: int, message: int, wparam: int = 0, lparam: int = 0) -> int | None:
    """What a window answers; None when it does not, or is gone."""
    answer = ctypes.c_size_t()
    done = _user32().SendMessageTimeoutW(
        window, message, wparam, lparam, 0, _PATIENCE, ctypes.byref(answer)
    )
    return answer.value & 0xFFFFFFFF if done else None


def registered(name: str) -> int:
    return int(_user32().RegisterWindowMessageW(name))


def has_icon(window: int) -> bool:
    return bool(_tell(_NIM_MODIFY, window))


def lose_icon(window: int) -> None:
    """Take the icon out of the taskbar, as its end does."""
    _tell(_NIM_DELETE, window)


def _tell(what: int, window: int) -> int:
    from pystray._util import win32

    data = win32.NOTIFYICONDATAW(cbSize=ctypes.sizeof(win32.NOTIFYICONDATAW), hWnd=window)
    return int(_api.WinDLL("shell32").Shell_NotifyIconW(what, ctypes.byref(data)))


@functools.cache
def _user32() -> Any:
    library = _api.WinDLL("user32", use_last_error=True)
    library.SendMessageTimeoutW.argtypes = (
        wintypes.HWND, wintypes.UINT, wintypes.WPARAM, wintypes.LPARAM,
        wintypes.UINT, wintypes.UINT, ctypes.POINTER(ctypes.c_size_t),
    )  # fmt: skip
    library.FindWindowW.restype = wintypes.HWND
    return library
