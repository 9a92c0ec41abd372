"""Questions where no program shows windows (Linux): a notification with buttons."""

from typing import TYPE_CHECKING, Final

from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.desktop.dialogs import Question
from mem0tray.desktop.notify.backends import NotShownError, UnavailableError
from mem0tray.desktop.notify.notice import Notice, Urgency

if TYPE_CHECKING:
    from mem0tray.desktop.notify.daemon import Daemon

_YES: Final = "yes"
_NO: Final = "no"
_PATIENCE: Final = 600.0  # seconds: a notification is easily lost sight of
_NOTHING_ASKS: Final = Reason("No program here can show a window.")
_INSTALL: Final = Reason("Install zenity or kdialog.")


class NoticeDialogs:
    """Asks by the notification daemon; Mem0TrayError where there is none, or no button."""

    def __init__(self, daemon: "Daemon | None") -> None:
        self._daemon = daemon

    def ask(self, question: Question) -> bool:
        """See `Dialogs.ask`."""
        answers = [(_YES, question.confirm), (_NO, question.cancel)]
        return self._answer(question.title, question.text, answers) == _YES

    def tell(self, title: str, text: str, close: str) -> None:
        """See `Dialogs.tell`."""
        self._answer(title, text, [(_NO, close)])

    def _answer(self, title: str, text: str, answers: list[tuple[str, str]]) -> str:
        if self._daemon is None:
            raise Mem0TrayError(_NOTHING_ASKS, _INSTALL)
        notice = Notice(title, title, text, urgency=Urgency.CRITICAL)
        try:
            return self._daemon.ask(notice, answers, _PATIENCE)
        except (NotShownError, UnavailableError) as error:
            raise Mem0TrayError(_NOTHING_ASKS, _INSTALL) from error
