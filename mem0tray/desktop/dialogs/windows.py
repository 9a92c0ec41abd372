"""Dialogs of Windows: `MessageBoxW`."""

from collections.abc import Callable
from typing import Final

from mem0tray.desktop.dialogs import Question

_OK_CANCEL: Final = 0x01
_WARNING: Final = 0x30
_INFORMATION: Final = 0x40
_SECOND_IS_DEFAULT: Final = 0x100
_FOREGROUND: Final = 0x10000
_TOPMOST: Final = 0x40000
_OK: Final = 1

MessageBox = Callable[[int, str, str, int], int]


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
