"""Dialogs of macOS by `osascript`: a process of its own, so the tray's main loop goes on."""

import subprocess
from typing import Final

from mem0tray.desktop.dialogs import Question

OSASCRIPT: Final = "/usr/bin/osascript"
# The texts are arguments: nothing in them can become part of the script.
_ASK: Final = """\
on run {title, message, confirm, cancel}
  display alert title message message as critical ¬
    buttons {confirm, cancel} default button cancel cancel button cancel
end run
"""
_TELL: Final = """\
on run {title, message, close}
  display alert title message message buttons {close} default button close
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
    command = [OSASCRIPT, "-e", script, *words]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode  # noqa: S603  (a fixed script)
    except OSError:
        return 1
