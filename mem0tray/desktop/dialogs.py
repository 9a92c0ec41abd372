"""Questions and answers in a window of the system's own."""

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from html import escape
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.core.text import lines
from mem0tray.desktop import macos
from mem0tray.desktop.notify import NEEDS_USER, Notice, NotShownError, Urgency

if TYPE_CHECKING:
    from mem0tray.desktop.notify.dbus import Daemon

PATIENCE: Final = 1800.0  # seconds that a window stays open, or a program hangs
_OVERLOOKED: Final = 600.0  # seconds; a notification is easily overlooked
_WIDTH: Final = 440  # pixels
_YES: Final = "yes"
_NO: Final = (1, 2)  # exit codes; a window that was killed, as by its compositor, means no too
_Answer = TypeVar("_Answer")

# Windows' message boxes: OK and Cancel (the second is the default) with a warning, and a text;
# both in the foreground, above all other windows.
_QUESTION: Final = 0x50131
_INFORMATION: Final = 0x50040
_OK: Final = 1


class Dialogs:
    """Dialogs, called from a thread of their own; both methods wait until the window is closed.

    On Linux they are windows of zenity or kdialog, which are processes of their own; without these
    notifications by `daemon`, and Mem0TrayError where nothing can ask. `memory`, the beginning of
    one's text, stands first in a window, and in no notification.
    """

    def __init__(self, daemon: "Daemon | None" = None) -> None:
        self._daemon = daemon

    def ask(self, title: str, text: str, confirm: str, cancel: str, memory: str = "") -> bool:
        """Return whether the user chose the button `confirm`; kdialog has it as the default.

        Elsewhere that is `cancel`, and on macOS none. Closing it, or half an hour, means no.
        """
        whole = _whole(memory, text)
        if sys.platform == "win32":  # the system labels the buttons
            return bool(_message_box(_whole(whole, f"OK: {confirm}"), title, _QUESTION) == _OK)
        if sys.platform == "darwin":
            return macos.ask(title, whole, (confirm, cancel), PATIENCE)
        for command in _windows(title, whole, confirm, cancel):
            answer = _answer(command)
            if answer is not None:
                return answer
        buttons, notice = [(_YES, confirm), ("no", cancel)], _notice(title, text)
        return self._notify(lambda daemon: daemon.ask(notice, buttons, _OVERLOOKED)) == _YES

    def show(self, title: str, text: str, close: str, memory: str = "") -> None:
        """Show a text until the user closes it; nothing waits for the end of a notification."""
        whole = _whole(memory, text)
        if sys.platform == "win32":
            _message_box(whole, title, _INFORMATION)
        elif sys.platform == "darwin":
            macos.ask(title, whole, (close,), PATIENCE)
        elif all(_answer(command) is None for command in _windows(title, whole, close, "")):
            self._notify(lambda daemon: daemon.show(_notice(title, text)))

    def _notify(self, show: Callable[["Daemon"], _Answer]) -> _Answer:
        with suppress(NotShownError):
            if self._daemon is not None:
                return show(self._daemon)
        raise Mem0TrayError(
            Reason("No program here can show a window."), Reason("Install zenity or kdialog.")
        )


def _whole(*paragraphs: str) -> str:
    return "\n\n".join(filter(None, paragraphs))


def _message_box(text: str, title: str, style: int) -> int:
    windll: Any = getattr(ctypes, "windll")  # noqa: B009  (Windows alone has it)
    return int(windll.user32.MessageBoxW(0, text, title, style))


def _notice(title: str, text: str) -> Notice:
    return Notice(title, title, lines(text), base=NEEDS_USER, urgency=Urgency.CRITICAL)


def _windows(title: str, text: str, confirm: str, cancel: str) -> Iterator[list[str]]:
    """Yield the programs that are here, the desktop's own first; no text could be an option."""
    text = lines(text)
    kind = ["--question", f"--cancel-label={cancel}", "--default-cancel"] if cancel else ["--info"]
    zenity = [*kind, f"--ok-label={confirm}", "--no-markup", f"--text={text}", f"--width={_WIDTH}"]
    options = {"zenity": zenity, "kdialog": _kdialog(text, confirm, cancel)}
    desktops = os.environ.get("XDG_CURRENT_DESKTOP", "").lower().split(":")
    for name in sorted(options, reverse=not {"kde", "lxqt"} & {*desktops}):
        program = shutil.which(name)
        if program is not None:
            yield [program, f"--title={lines(title)}", *options[name]]


def _kdialog(text: str, confirm: str, cancel: str) -> list[str]:
    """Escape the text: kdialog takes what looks like markup for markup, and obeys a backslash."""
    rich = "<qt>" + escape(text).replace("\n", "<br>").replace("\\", "\\\\") + "</qt>"
    if not cancel:
        return [f"--ok-label={confirm}", f"--msgbox={rich}"]
    labels = [f"--continue-label={confirm}", f"--cancel-label={cancel}"]
    return [*labels, f"--warningcontinuecancel={rich}"]


def _answer(command: list[str]) -> bool | None:
    """Return whether a window was answered with yes; None if none was shown."""
    try:
        done = subprocess.run(  # noqa: S603  (programs of the system, and texts that are no options)
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            start_new_session=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    except OSError:
        return None
    if done.returncode < 0 or done.returncode in _NO:
        return False
    return True if done.returncode == 0 else None
