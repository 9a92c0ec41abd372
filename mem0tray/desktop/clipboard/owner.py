"""Holds a text for pasting, on X: run by a Python that has GTK 3 or Tk; this file stands alone.

On X nobody keeps a copied text but who copied it. So this goes on in the background until
another program copies something. The text comes by standard input; exit code 0 means that
it can be pasted, any other that it cannot.
"""

import os
import sys
from collections.abc import Callable

_KINDS = ("UTF8_STRING", "STRING")


def main() -> None:
    """Take the clipboard, say so by ending, and hold it in a child."""
    text = sys.stdin.buffer.read().decode("utf-8", "replace").replace("\0", "\ufffd")
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        os._exit(0 if os.read(reading, 1) else 1)
    os.close(reading)

    def held() -> None:
        os.write(writing, b"1")

    try:
        _by_gtk(text, held)
    except (ImportError, ValueError):
        _by_tk(text, held)


def _by_gtk(text: str, held: Callable[[], object]) -> None:
    import gi

    gi.require_version("Gtk", "3.0")
    gi.require_version("Gdk", "3.0")
    from gi.repository import Gdk, Gtk

    if not Gtk.init_check(None)[0]:
        sys.exit(1)
    owner, board = Gtk.Invisible(), Gdk.SELECTION_CLIPBOARD
    for name in _KINDS:
        Gtk.selection_add_target(owner, board, Gdk.Atom.intern(name, False), 0)  # noqa: FBT003
    owner.connect("selection-get", lambda _, data, *__: data.set_text(text, -1))
    owner.connect("selection-clear-event", lambda *_: Gtk.main_quit())
    if Gtk.selection_owner_set(owner, board, Gdk.CURRENT_TIME):
        held()
        Gtk.main()


def _by_tk(text: str, held: Callable[[], object]) -> None:
    import tkinter as tk

    window = tk.Tk()
    window.withdraw()
    for name in _KINDS:
        window.selection_handle(
            lambda start, length: text[int(start) : int(start) + int(length)],
            selection="CLIPBOARD",
            type=name,
        )
    window.selection_own(selection="CLIPBOARD", command=window.destroy)
    window.update()
    held()
    window.mainloop()


if __name__ == "__main__":
    main()
