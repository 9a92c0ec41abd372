"""A controller with stand-ins for dialogs and start at login."""

import queue
from typing import TYPE_CHECKING, Any

from mem0tray.actions.standing import DeadLetter, oldest
from mem0tray.config.settings import Settings
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.language import Language
from mem0tray.desktop.autostart import DESKTOP, AutostartState
from mem0tray.desktop.controller import Controller
from mem0tray.desktop.dialogs import Dialogs, Question
from mem0tray.desktop.notify import Notice
from mem0tray.desktop.tray.menu import MenuCommand, Verb
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths
from tests.actions.scene import worker

if TYPE_CHECKING:
    from collections.abc import Callable


class Desk:
    """A controller and what came of its work; `answer` is what dialogs are told."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.language = Language("en")
        self.settings = Settings()
        self.answer: Callable[[], bool] = lambda: True
        self.questions: list[Question] = []
        self.told: list[tuple[str, str, str]] = []
        self.said: list[tuple[str, str]] = []
        self.notices: list[Notice] = []
        self.at_login: bool | None = None
        self.quits = 0
        self.done: queue.SimpleQueue[None] = queue.SimpleQueue()
        this: Any = self
        self.controller = Controller(
            lambda: self.settings,
            lambda: self.language,
            _Dialogs(self),
            this,
            notify=self._notify,
            end=self._quit,
            changed=lambda: self.done.put(None),
        )

    def _notify(self, notice: Notice) -> None:
        self.notices.append(notice)
        self.said.append((notice.title, notice.body))

    def _quit(self) -> None:
        self.quits += 1

    def click(self, verb: Verb, **fields: Any) -> list[tuple[str, str]]:
        """Click, wait for the end of the work; what was said."""
        self.said.clear()
        self.controller.do(MenuCommand(verb, **fields))
        self.done.get(timeout=20)
        return self.said

    def letters(self) -> dict[str, DeadLetter]:
        """The dead letters that the menu shows, by project."""
        with worker(self.paths), Reader(self.paths.ledger) as reader:
            return {letter.project: letter for letter in oldest(reader, 10)}

    # As Autostart

    where = command = ""
    kind, is_foreign = DESKTOP, False

    def state(self) -> AutostartState:
        return AutostartState("enabled" if self.at_login else "disabled")

    def enable(self) -> list[str]:
        self.at_login = True
        return []

    def disable(self) -> list[str]:
        if self.at_login is None:
            raise Mem0TrayError("The entry cannot be removed.")
        self.at_login = False
        return []

    def advice(self) -> list[str]:
        return []

    def mend(self) -> bool:
        return False


class _Dialogs(Dialogs):
    """Answers as the test wants, and notes what is shown."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def ask(self, question: Question) -> bool:
        self._desk.questions.append(question)
        return self._desk.answer()

    def show(self, title: str, text: str, close: str) -> None:
        self._desk.told.append((title, text, close))
