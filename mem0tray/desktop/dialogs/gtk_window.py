"""A question in a window of GTK 3, run by the system's Python: this file stands alone.

Standard input is a JSON object with title, text, confirm, cancel (empty: nothing is asked),
the icon's file, and the exit code that means no. Any code but that and 0 means that nothing
was shown. Texts are literal: none is taken for markup.
"""

import json
import sys
from typing import Any


def main() -> int:
    """Show the window until it is answered; return the exit code."""
    sys.argv = ["mem0tray"]  # a desktop finds our entry, and its icon, by this name
    import gi

    gi.require_version("Gtk", "3.0")
    from gi.repository import Gtk

    shown, _ = Gtk.init_check(None)
    if not shown:
        return 1
    said: dict[str, Any] = json.load(sys.stdin)
    kind = Gtk.MessageType.WARNING if said["cancel"] else Gtk.MessageType.INFO
    dialog = Gtk.MessageDialog(message_type=kind, buttons=Gtk.ButtonsType.NONE, text=said["title"])
    dialog.set_title("mem0tray")
    dialog.set_icon_from_file(said["icon"])
    dialog.format_secondary_text(said["text"])
    dialog.set_position(Gtk.WindowPosition.CENTER)
    dialog.set_keep_above(True)
    if said["cancel"]:
        dialog.add_button(said["cancel"], Gtk.ResponseType.CANCEL)
        dialog.set_default_response(Gtk.ResponseType.CANCEL)
    dialog.add_button(said["confirm"], Gtk.ResponseType.OK)
    return 0 if dialog.run() == Gtk.ResponseType.OK else int(said["no"])


if __name__ == "__main__":
    sys.exit(main())
