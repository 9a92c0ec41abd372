"""Putting a text where the user can paste it from."""

import subprocess
import sys
from typing import Final

_PROGRAMS: Final = {"darwin": ("/usr/bin/pbcopy", "utf-8"), "win32": ("clip.exe", "utf-16")}
_PATIENCE: Final = 5.0


def copy(text: str) -> None:
    """Copy `text`. Raises OSError, subprocess.SubprocessError."""
    if sys.platform in _PROGRAMS:
        program, encoding = _PROGRAMS[sys.platform]
        data = text.encode(encoding, "replace")
        subprocess.run([program], input=data, check=True, timeout=_PATIENCE)  # noqa: S603  (the system's own)
        return
    from gi.repository import Gdk, GLib, Gtk

    def put() -> bool:
        clipboard = Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD)
        clipboard.set_text(text, -1)
        clipboard.store()
        return bool(GLib.SOURCE_REMOVE)

    GLib.idle_add(put)
