"""Dialogs of GTK, on the tray's own main loop: the tray stays alive meanwhile."""

import threading
from collections.abc import Callable
from typing import Any

from mem0tray.desktop.dialogs import Question
from mem0tray.desktop.tray.icon import icon_file


class GtkDialogs:
    """Shows `Gtk.MessageDialog`, whose text is literal: no markup of others is rendered."""

    def ask(self, question: Question) -> bool:
        """See `Dialogs.ask`."""
        from gi.repository import Gtk

        def make() -> Any:
            dialog = _message(Gtk, Gtk.MessageType.WARNING, question.title, question.text)
            dialog.add_button(question.cancel, Gtk.ResponseType.CANCEL)
            button = dialog.add_button(question.confirm, Gtk.ResponseType.OK)
            button.get_style_context().add_class("destructive-action")
            dialog.set_default_response(Gtk.ResponseType.CANCEL)
            return dialog

        return bool(_answered(make) == Gtk.ResponseType.OK)

    def tell(self, title: str, text: str, close: str) -> None:
        """See `Dialogs.tell`."""
        from gi.repository import Gtk

        def make() -> Any:
            dialog = _message(Gtk, Gtk.MessageType.INFO, title, text)
            dialog.add_button(close, Gtk.ResponseType.CLOSE)
            return dialog

        _answered(make)


def _message(gtk: Any, kind: Any, title: str, text: str) -> Any:
    dialog = gtk.MessageDialog(message_type=kind, buttons=gtk.ButtonsType.NONE, text=title)
    dialog.set_title("mem0tray")
    dialog.set_icon_from_file(str(icon_file("healthy-256.png")))
    dialog.format_secondary_text(text)
    dialog.set_position(gtk.WindowPosition.CENTER)
    dialog.set_keep_above(True)
    return dialog


def _answered(make: Callable[[], Any]) -> Any:
    """Show a dialog on the main loop; wait here for the answer."""
    from gi.repository import GLib

    answers: list[Any] = []
    done = threading.Event()

    def respond(dialog: Any, answer: Any) -> None:
        answers.append(answer)
        dialog.destroy()
        done.set()

    def show() -> bool:
        try:
            dialog = make()
            dialog.connect("response", respond)
            dialog.show_all()
            dialog.present()
        except BaseException:
            done.set()
            raise
        return bool(GLib.SOURCE_REMOVE)

    GLib.idle_add(show)
    done.wait()
    return answers[0] if answers else None
