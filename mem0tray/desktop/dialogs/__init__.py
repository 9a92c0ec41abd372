"""Questions and answers in a window: one small class per system behind one interface."""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mem0tray.desktop.notify.daemon import Daemon


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
        """Whether the user confirmed. Closing the window means no."""

    def tell(self, title: str, text: str, close: str) -> None:
        """Show a text until the user closes it."""


def for_this_system(daemon: "Daemon | None") -> Dialogs:
    """The one class that fits; `daemon` shows notifications (Linux)."""
    if sys.platform == "win32":
        import ctypes

        from mem0tray.desktop.dialogs.system import MessageBoxes

        return MessageBoxes(ctypes.windll.user32.MessageBoxW)
    if sys.platform == "darwin":
        from mem0tray.desktop.dialogs.system import AppleScript

        return AppleScript()
    from mem0tray.desktop.dialogs.linux import ChildDialogs, NoticeDialogs

    return ChildDialogs(NoticeDialogs(daemon))
