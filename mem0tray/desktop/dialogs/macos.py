"""Dialogs of macOS by `osascript`: a process of its own, so the tray's main loop goes on."""

import subprocess
from typing import Final

from mem0tray.desktop.dialogs import Question

OSASCRIPT: Final = "/usr/bin/osascript"
# The texts are arguments: nothing in them can become part of the script. Names with `my`
# are none of AppleScript's words (`close` is one); ASCII, as it comes by standard input.
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
        return _run(_ASK, words) == 0

    def tell(self, title: str, text: str, close: str) -> None:
        """See `Dialogs.tell`."""
        _run(_TELL, (title, text, close))


def _run(script: str, words: tuple[str, ...]) -> int:
    # After the "-" no text is an option: a project named "-e…" would be a line of the script.
    command = [OSASCRIPT, "-", *words]
    try:
        done = subprocess.run(command, input=script.encode(), capture_output=True, check=False)  # noqa: S603  (a fixed script)
    except OSError:
        return 1
    return done.returncode
