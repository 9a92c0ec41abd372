"""Questions and answers in a window: one small class a system behind one interface."""

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.core.text import lines
from mem0tray.desktop.notify import NEEDS_USER, Notice, NotShownError, Urgency
from mem0tray.system import programs

if TYPE_CHECKING:
    from mem0tray.desktop.notify.dbus import Daemon

PATIENCE: Final = 1800.0  # seconds that a window stays open, or a program hangs
_OVERLOOKED: Final = 600.0  # seconds; a notification is easily overlooked
_WIDTH: Final = 440  # pixels
_YES: Final = "yes"  # what kdialog writes for the line that means yes; zenity writes nothing
_NO: Final = (1, 2)  # exit codes; a window that was killed, as by its compositor, means no too
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Question:
    """`confirm` is the button for yes; the other one, `cancel`, is the default."""

    title: str
    text: str
    confirm: str
    cancel: str


class Dialogs(Protocol):
    """Dialogs, called from a thread of their own; both methods wait until the window is closed."""

    def ask(self, question: Question) -> bool:
        """Return whether the user confirmed. Closing the window means no."""

    def show(self, title: str, text: str, close: str) -> None:
        """Show a text until the user closes it."""


def for_this_system(daemon: "Daemon | None") -> Dialogs:
    """The one class that fits; `daemon` shows notifications (Linux)."""
    if sys.platform == "win32":
        return MessageBoxes(ctypes.windll.user32.MessageBoxW)
    if sys.platform == "darwin":
        return AppleScript()
    return LinuxDialogs(daemon)


# Windows -----------------------------------------------------------------------------------------

_OK_CANCEL: Final = 0x01
_WARNING: Final = 0x30
_INFORMATION: Final = 0x40
_SECOND_IS_DEFAULT: Final = 0x100
_IN_FRONT: Final = 0x50000  # in the foreground, above all others
_OK: Final = 1


class MessageBoxes:
    """Message boxes of Windows; their buttons, OK and Cancel, are in the system's language."""

    def __init__(self, show: Callable[[int, str, str, int], int]) -> None:
        self._show = show

    def ask(self, question: Question) -> bool:
        """See `Dialogs.ask`."""
        style = _OK_CANCEL | _WARNING | _SECOND_IS_DEFAULT | _IN_FRONT
        return self._show(0, question.text, question.title, style) == _OK

    def show(self, title: str, text: str, close: str) -> None:
        """See `Dialogs.show`."""
        del close  # the system labels the button
        self._show(0, text, title, _INFORMATION | _IN_FRONT)


# macOS -------------------------------------------------------------------------------------------

# Names that begin with `my` are no words of AppleScript (`close` is one).
_ASK: Final = """\
on run {myTitle, myText, myConfirm, myCancel}
  set myButtons to {myConfirm, myCancel}
  display alert myTitle message myText as critical buttons myButtons default button myCancel cancel button myCancel
end run
"""  # noqa: E501  (its sign for a continued line is not ASCII)
_SHOW: Final = """\
on run {myTitle, myText, myClose}
  display alert myTitle message myText buttons {myClose} default button myClose
end run
"""


class AppleScript:
    """Alerts by `osascript`, which ends with an error on Cancel."""

    def ask(self, question: Question) -> bool:
        """See `Dialogs.ask`."""
        words = (question.title, question.text, question.confirm, question.cancel)
        return _shown(_ASK, words)

    def show(self, title: str, text: str, close: str) -> None:
        """See `Dialogs.show`."""
        _shown(_SHOW, (title, text, close))


def _shown(script: str, words: tuple[str, ...]) -> bool:
    try:
        programs.run_applescript(script, words)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


# Linux -------------------------------------------------------------------------------------------


class LinuxDialogs:
    """Windows of zenity or kdialog; without these a notification with buttons.

    A window is a process of its own: the tray needs no library for it, and stays alive meanwhile.
    Raises Mem0TrayError where nothing can ask.
    """

    def __init__(self, daemon: "Daemon | None") -> None:
        self._daemon = daemon

    def ask(self, question: Question) -> bool:
        """See `Dialogs.ask`; a window that is killed, or open too long, means no."""
        title, text = lines(question.title), lines(question.text)
        for command in _windows(title, text, question.confirm, question.cancel):
            answer = _answer(command)
            if answer is not None:
                return answer
        answers = [(_YES, question.confirm), ("no", question.cancel)]
        notice = _notice(title, text)
        return self._notify(lambda daemon: daemon.ask(notice, answers, _OVERLOOKED)) == _YES

    def show(self, title: str, text: str, close: str) -> None:
        """See `Dialogs.show`; nothing waits for the end of a notification."""
        title, text = lines(title), lines(text)
        for command in _windows(title, text, close, ""):
            if _answer(command) is not None:
                return
        self._notify(lambda daemon: daemon.show(_notice(title, text)))

    def _notify(self, show: Callable[["Daemon"], _Answer]) -> _Answer:
        error: NotShownError | None = None
        if self._daemon is not None:
            try:
                return show(self._daemon)
            except NotShownError as refusal:
                error = refusal
        raise Mem0TrayError(
            Reason("No program here can show a window."), Reason("Install zenity or kdialog.")
        ) from error


def _notice(title: str, text: str) -> Notice:
    return Notice(title, title, text, base=NEEDS_USER, urgency=Urgency.CRITICAL)


def _windows(title: str, text: str, confirm: str, cancel: str) -> Iterator[list[str]]:
    """The programs that are here, the desktop's own first. No text stands where an option could."""
    makers = {"zenity": _zenity, "kdialog": _kdialog}
    desktops = os.environ.get("XDG_CURRENT_DESKTOP", "").lower().split(":")
    for name in sorted(makers, reverse=not {"kde", "lxqt"} & {*desktops}):
        program = shutil.which(name)
        if program is not None:
            yield [program, *makers[name](title, text, confirm, cancel)]


def _zenity(title: str, text: str, confirm: str, cancel: str) -> list[str]:
    kind = ["--question", f"--cancel-label={cancel}", "--default-cancel"] if cancel else ["--info"]
    words = [f"--title={title}", f"--text={text}", f"--ok-label={confirm}", f"--width={_WIDTH}"]
    return [*kind, "--no-markup", *words]


def _kdialog(title: str, text: str, confirm: str, cancel: str) -> list[str]:
    """Escape the text: kdialog takes what looks like markup for markup, and obeys a backslash.

    Return would press its button for yes: so it shows a list, with the line for no chosen.
    """
    rich = "<qt>" + escape(text).replace("\n", "<br>").replace("\\", "\\\\") + "</qt>"
    if not cancel:
        return [f"--title={title}", f"--ok-label={confirm}", f"--msgbox={rich}"]
    choices = ["no", cancel, "on", _YES, confirm, "off"]
    return [f"--title={title}", f"--radiolist={rich}", *choices]


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
    return done.stdout.split() in ([], [_YES.encode()]) if done.returncode == 0 else None
