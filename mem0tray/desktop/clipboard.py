"""Putting a text where the user can paste it from."""

import os
import subprocess
import sys
from typing import Final

_PROGRAMS: Final = {"darwin": ("pbcopy", "utf-8"), "win32": ("clip.exe", "utf-16")}
_PATIENCE: Final = 5.0


def copy(text: str) -> None:
    """Copy `text`. Raises OSError, subprocess.SubprocessError."""
    if sys.platform in _PROGRAMS:
        program, encoding = _PROGRAMS[sys.platform]
        # ASCII is read alike everywhere; pbcopy goes by the locale, which the Dock does not set.
        data = text.encode("ascii" if text.isascii() else encoding, "replace")
        environ = {**os.environ, "LC_CTYPE": "UTF-8"}
        subprocess.run([program], input=data, env=environ, check=True, timeout=_PATIENCE)  # noqa: S603  (the system's own)
        return
    from gi.repository import Gdk, GLib, Gtk

    # GTK takes neither lone surrogates nor NUL.
    text = text.encode("utf-8", "replace").decode().replace("\0", "?")

    def put() -> bool:
        clipboard = Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD)
        clipboard.set_text(text, -1)
        clipboard.store()
        return bool(GLib.SOURCE_REMOVE)

    GLib.idle_add(put)
