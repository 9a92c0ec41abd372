"""Pasting as another program does: on X by its protocol, on Wayland by wl-paste."""

import select
import subprocess
import time
from collections.abc import Mapping
from typing import Any, Final

from Xlib import X
from Xlib.display import Display

_LIMIT: Final = 5.0  # seconds


def on_wayland(env: Mapping[str, str]) -> str:
    """What can be pasted; empty where there is nothing."""
    command = ["wl-paste", "--no-newline"]
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, check=False, timeout=_LIMIT
    )
    return done.stdout


def on_x(name: str) -> str:
    """What can be pasted on the display of that name; empty where there is nothing."""
    display: Any = Display(name)
    try:
        window = display.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
        clipboard, text = display.intern_atom("CLIPBOARD"), display.intern_atom("UTF8_STRING")
        window.convert_selection(clipboard, text, text, X.CurrentTime)
        display.flush()
        answer = _answer(display)
        if answer is None or answer.property == X.NONE:
            return ""
        return bytes(window.get_full_property(text, X.AnyPropertyType).value).decode()
    finally:
        display.close()


def _answer(display: Any) -> Any:
    """The owner's answer; None when it is too late."""
    deadline = time.monotonic() + _LIMIT
    while (left := deadline - time.monotonic()) > 0:
        if not display.pending_events():
            select.select([display], [], [], left)
        while display.pending_events():
            event = display.next_event()
            if event.type == X.SelectionNotify:
                return event
    return None
