"""Putting a text where the user can paste it; on X a process of ours keeps it there."""

import ctypes
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.system import programs

_OWNER: Final = programs.ourselves("mem0tray.desktop.clipboard")
_KINDS: Final = {"UTF8_STRING": "utf-8", "text/plain;charset=utf-8": "utf-8", "STRING": "latin-1"}
_PATIENCE: Final = 5.0  # seconds
_HELD: Final = 1.0  # seconds: other programs of Windows hold its clipboard for a moment
_TEXT: Final = 13  # CF_UNICODETEXT: UTF-16 with a zero at its end
_MOVEABLE: Final = 2
_NO_SCREEN: Final = -3  # HWND_MESSAGE: the parent of a window that is never shown


def copy(text: str) -> None:
    """Copy `text`. Raises Mem0TrayError, OSError, SubprocessError: then it was not copied."""
    if sys.platform == "win32":
        _copy_on_windows(text)
        return
    environ = programs.child_environment()
    command = _OWNER
    if sys.platform == "darwin":
        command = ("pbcopy",)
        environ["LC_CTYPE"] = "UTF-8"  # not set for an app started from the Dock
    elif os.environ.get("WAYLAND_DISPLAY"):
        # A program without a window copies nothing there, without an error; this one makes one.
        command = ("wl-copy",)
        if shutil.which("wl-copy") is None:
            raise Mem0TrayError(
                Reason("No program that can copy was found."),
                Reason("Install {package}.", package="wl-clipboard"),
            )
    subprocess.run(  # noqa: S603  (programs of the system; the text is none of their words)
        command,
        input=text.encode("utf-8", "replace"),
        stdout=subprocess.DEVNULL,  # the process that holds the text must not hold our pipe
        stderr=subprocess.DEVNULL,
        env=environ,
        start_new_session=True,
        check=True,
        timeout=_PATIENCE,
    )


# The process that holds a text on X ------------------------------------------------------------


def main() -> None:
    """Take the clipboard, report that by ending with 0, and hold it in a child."""
    text = sys.stdin.buffer.read()
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        os._exit(0 if os.read(reading, 1) else 1)
    os.close(reading)
    _hold(text.decode("utf-8", "replace"), lambda: os.write(writing, b"1"))


def _hold(text: str, held: Callable[[], object]) -> None:
    from Xlib import X, Xatom
    from Xlib.display import Display
    from Xlib.protocol.event import SelectionNotify

    display: Any = Display()
    clipboard, targets = display.intern_atom("CLIPBOARD"), display.intern_atom("TARGETS")
    kinds = {
        display.intern_atom(name): text.encode(code, "replace") for name, code in _KINDS.items()
    }
    owner = display.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
    owner.set_selection_owner(clipboard, X.CurrentTime)
    if display.get_selection_owner(clipboard) != owner:
        sys.exit(1)
    held()
    while (event := display.next_event()).type != X.SelectionClear:
        if event.type != X.SelectionRequest:
            continue
        place = event.property or event.target  # old programs name no property
        if event.target == targets:
            event.requestor.change_property(place, Xatom.ATOM, 32, [targets, *kinds])
        elif event.target in kinds:
            event.requestor.change_property(place, event.target, 8, kinds[event.target])
        else:
            place = X.NONE
        asked = {
            name: getattr(event, name) for name in ("time", "requestor", "selection", "target")
        }
        event.requestor.send_event(SelectionNotify(**asked, property=place))
        display.flush()


if sys.platform == "win32":
    from contextlib import contextmanager
    from ctypes import wintypes

    def _copy_on_windows(text: str) -> None:
        user32 = ctypes.WinDLL("user32", use_last_error=True)
        kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
        calls = (kernel32.GlobalAlloc, kernel32.GlobalLock, user32.SetClipboardData)
        for call in (user32.CreateWindowExW, *calls):
            call.restype = ctypes.c_void_p
        data = text.encode("utf-16-le", "replace") + b"\0\0"
        with _opened(user32):
            memory = ctypes.c_void_p(
                _checked(kernel32.GlobalAlloc(_MOVEABLE, ctypes.c_size_t(len(data))))
            )
            ctypes.memmove(_checked(kernel32.GlobalLock(memory)), data, len(data))
            kernel32.GlobalUnlock(memory)
            _checked(user32.EmptyClipboard())
            _checked(user32.SetClipboardData(_TEXT, memory))  # from now on the memory is Windows'

    @contextmanager
    def _opened(user32: Any) -> Iterator[None]:
        parent = wintypes.HWND(_NO_SCREEN)
        names = (wintypes.LPCWSTR("STATIC"), None)
        window = wintypes.HWND(
            _checked(user32.CreateWindowExW(0, *names, 0, 0, 0, 0, 0, parent, None, None, None))
        )
        try:
            end = time.monotonic() + _HELD
            while not user32.OpenClipboard(window):
                if time.monotonic() > end:
                    raise ctypes.WinError(ctypes.get_last_error())
                time.sleep(0.02)
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


if __name__ == "__main__":
    main()
