"""Holds a text for pasting, on X: a process of its own, which needs no other program.

On X only the program that copied a text keeps it. So this one goes on in the background until
another program copies something. The text comes by standard input; exit code 0 means that
it can be pasted, any other that it cannot.
"""

import os
import sys
from collections.abc import Callable
from typing import Any, Final

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.protocol.event import SelectionNotify

_KINDS: Final = {"UTF8_STRING": "utf-8", "text/plain;charset=utf-8": "utf-8", "STRING": "latin-1"}
_LARGEST: Final = 200_000  # bytes; a larger text would need a longer protocol than one answer


def main() -> None:
    """Take the clipboard, report that by ending, and hold it in a child."""
    text = sys.stdin.buffer.read(_LARGEST + 1)
    if len(text) > _LARGEST:
        sys.exit(1)
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        os._exit(0 if os.read(reading, 1) else 1)
    os.close(reading)
    _hold(text.decode("utf-8", "replace"), lambda: os.write(writing, b"1"))


def _hold(text: str, held: Callable[[], object]) -> None:
    """Give the text to whoever asks, until another program has the clipboard."""
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
        answer = SelectionNotify(
            time=event.time,
            requestor=event.requestor,
            selection=event.selection,
            target=event.target,
            property=place,
        )
        event.requestor.send_event(answer)
        display.flush()


if __name__ == "__main__":
    main()
