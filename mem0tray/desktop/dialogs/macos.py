"""Dialogs of macOS by `osascript`: a process of its own, so the tray's main loop goes on."""

import subprocess
from typing import Final

from mem0tray.desktop.dialogs import Question
from mem0tray.system import osascript

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
        osascript.run(script, words)
    except (OSError, subprocess.SubprocessError):
        return False
    return True
