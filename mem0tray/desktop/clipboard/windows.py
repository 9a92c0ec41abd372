"""The clipboard of Windows. Its program `clip.exe` would open a console for a moment."""

import ctypes
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

_TEXT: Final = 13  # CF_UNICODETEXT: UTF-16 with a zero at its end
_MOVEABLE: Final = 2
_NO_SCREEN: Final = -3  # HWND_MESSAGE: the parent of a window that is never shown
_PATIENCE: Final = 1.0  # seconds: other programs hold it for a moment
_PAUSE: Final = 0.02

if sys.platform == "win32":
    from ctypes import wintypes

    def copy(text: str) -> None:
        """Put a text on the clipboard, where it stays when this process ends. Raises OSError."""
        user32, kernel32 = _libraries()
        data = text.encode("utf-16-le", "replace") + b"\0\0"
        with _opened(user32):
            memory = _checked(kernel32.GlobalAlloc(_MOVEABLE, len(data)))
            ctypes.memmove(_checked(kernel32.GlobalLock(memory)), data, len(data))
            kernel32.GlobalUnlock(memory)
            _checked(user32.EmptyClipboard())
            _checked(user32.SetClipboardData(_TEXT, memory))  # from now on the memory is Windows'

    @contextmanager
    def _opened(user32: Any) -> Iterator[None]:
        """Open the clipboard for us alone, in a window's name: Windows needs one."""
        window = _checked(
            user32.CreateWindowExW(0, "STATIC", None, 0, 0, 0, 0, 0, _NO_SCREEN, None, None, None)
        )
        try:
            end = time.monotonic() + _PATIENCE
            while not user32.OpenClipboard(window):
                if time.monotonic() > end:
                    raise ctypes.WinError(ctypes.get_last_error())
                time.sleep(_PAUSE)
            try:
                yield
            finally:
                user32.CloseClipboard()
        finally:
            user32.DestroyWindow(window)

    def _checked(result: int | None) -> int:
        if not result:
            raise ctypes.WinError(ctypes.get_last_error())
        return result

    def _libraries() -> tuple[Any, Any]:
        user32 = ctypes.WinDLL("user32", use_last_error=True)
        kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
        user32.CreateWindowExW.restype = wintypes.HWND
        user32.CreateWindowExW.argtypes = (
            wintypes.DWORD, wintypes.LPCWSTR, wintypes.LPCWSTR, wintypes.DWORD,
            ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int,
            wintypes.HWND, wintypes.HMENU, wintypes.HINSTANCE, ctypes.c_void_p,
        )  # fmt: skip
        for of_window in (user32.OpenClipboard, user32.DestroyWindow):
            of_window.argtypes = (wintypes.HWND,)
        user32.SetClipboardData.restype = wintypes.HANDLE
        user32.SetClipboardData.argtypes = (wintypes.UINT, wintypes.HANDLE)
        kernel32.GlobalAlloc.restype = wintypes.HGLOBAL
        kernel32.GlobalAlloc.argtypes = (wintypes.UINT, ctypes.c_size_t)
        kernel32.GlobalLock.restype = ctypes.c_void_p
        for of_memory in (kernel32.GlobalLock, kernel32.GlobalUnlock):
            of_memory.argtypes = (wintypes.HGLOBAL,)
        return user32, kernel32
