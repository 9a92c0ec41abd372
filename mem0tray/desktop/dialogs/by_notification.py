"""Questions where no program shows windows (Linux): a notification with buttons."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.desktop.dialogs import Question
from mem0tray.desktop.notify.backends import NotShownError
from mem0tray.desktop.notify.notice import Notice, Urgency
from mem0tray.desktop.notify.notice_texts import NEEDS_USER

if TYPE_CHECKING:
    from mem0tray.desktop.notify.daemon import Daemon

T = TypeVar("T")
_YES: Final = "yes"
_NO: Final = "no"
_PATIENCE: Final = 600.0  # seconds; a notification is easily overlooked
_NOTHING_ASKS: Final = Reason("No program here can show a window.")
_INSTALL: Final = Reason("Install zenity or kdialog.")


class NoticeDialogs:
    """Asks through the notification daemon; Mem0TrayError without a daemon, or without buttons."""

    def __init__(self, daemon: "Daemon | None") -> None:
        self._daemon = daemon

    def ask(self, question: Question) -> bool:
        """See `Dialogs.ask`."""
        answers = [(_YES, question.confirm), (_NO, question.cancel)]
        asked = _notice(question.title, question.text)
        return self._by(lambda daemon: daemon.ask(asked, answers, _PATIENCE)) == _YES

    def tell(self, title: str, text: str, close: str) -> None:
        """Show a text until the user closes it; nothing waits for that."""
        del close  # a notification can be closed without a button
        self._by(lambda daemon: daemon.show(_notice(title, text)))

    def _by(self, show: Callable[["Daemon"], T]) -> T:
        if self._daemon is None:
            raise Mem0TrayError(_NOTHING_ASKS, _INSTALL)
        try:
            return show(self._daemon)
        except NotShownError as error:
            raise Mem0TrayError(_NOTHING_ASKS, _INSTALL) from error


def _notice(title: str, text: str) -> Notice:
    return Notice(title, title, text, base=NEEDS_USER, urgency=Urgency.CRITICAL)
