"""Dialogs that the system itself has: `MessageBoxW` of Windows, and macOS' by `osascript`."""

import subprocess
from collections.abc import Callable
from typing import Final

from mem0tray.desktop.dialogs import Question
from mem0tray.system import programs

MessageBox = Callable[[int, str, str, int], int]
_OK_CANCEL: Final = 0x01
_WARNING: Final = 0x30
_INFORMATION: Final = 0x40
_SECOND_IS_DEFAULT: Final = 0x100
_FOREGROUND: Final = 0x10000
_TOPMOST: Final = 0x40000
_OK: Final = 1

# Names that begin with `my` are no words of AppleScript (`close` is one).
_ASK: Final = """\
on run {myTitle, myText, myConfirm, myCancel}
  set myButtons to {myConfirm, myCancel}
  display alert myTitle message myText as critical buttons myButtons default button myCancel cancel button myCancel
end run
"""  # noqa: E501  (its sign for a continued line is not ASCII)
_TELL: Final = """\
on run {myTitle, myText, myClose}
  display alert myTitle message myText buttons {myClose} default button myClose
end run
"""


class MessageBoxes:
    """Message boxes of Windows; their buttons, OK and Cancel, are in the system's language."""

    def __init__(self, show: MessageBox) -> None:
        self._show = show

    def ask(self, question: Question) -> bool:
        """See `Dialogs.ask`."""
        style = _OK_CANCEL | _WARNING | _SECOND_IS_DEFAULT | _FOREGROUND | _TOPMOST
        return self._show(0, question.text, question.title, style) == _OK

    def tell(self, title: str, text: str, close: str) -> None:
        """See `Dialogs.tell`."""
        del close  # the system labels the button
        self._show(0, text, title, _INFORMATION | _FOREGROUND | _TOPMOST)


class AppleScript:
    """Shows alerts. Cancelling ends `osascript` with an error, which means no."""

    def ask(self, question: Question) -> bool:
        """See `Dialogs.ask`."""
        words = (question.title, question.text, question.confirm, question.cancel)
        return _shown(_ASK, words)

    def tell(self, title: str, text: str, close: str) -> None:
        """See `Dialogs.tell`."""
        _shown(_TELL, (title, text, close))


def _shown(script: str, words: tuple[str, ...]) -> bool:
    try:
        programs.run_applescript(script, words)
    except (OSError, subprocess.SubprocessError):
        return False
    return True
