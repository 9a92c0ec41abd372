"""A controller with stand-ins for dialogs and start at login."""

import queue
from typing import TYPE_CHECKING, Any

from mem0tray.actions.standing import DeadLetter, oldest
from mem0tray.config.settings import Settings
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.language import Language
from mem0tray.desktop.autostart import DESKTOP, AutostartState
from mem0tray.desktop.controller import Controller, Surface
from mem0tray.desktop.dialogs import Question
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
        self.answer: Callable[[], bool] = lambda: True
        self.questions: list[Question] = []
        self.told: list[tuple[str, str, str]] = []
        self.said: list[tuple[str, str]] = []
        self.warned: list[tuple[str, str]] = []  # of these
        self.failed: list[Verb | None] = []  # what each of these was about
        self.at_login: bool | None = None
        self.quits = 0
        self.brought_over: list[str] = []
        self.done: queue.SimpleQueue[None] = queue.SimpleQueue()
        login: Any = self
        self.controller = Controller(
            Settings,
            lambda: self.language,
            Surface(self, login, self._say, self._warn, self._quit, self._changed, self.bring_over),
        )

    def bring_over(self, server: str) -> None:
        """Write down which server it is."""
        self.brought_over.append(server)

    def _say(self, title: str, text: str) -> None:
        self.said.append((title, text))

    def _warn(self, title: str, text: str, failed: Verb | None) -> None:
        self.warned.append((title, text))
        self.failed.append(failed)
        self._say(title, text)

    def _quit(self) -> None:
        self.quits += 1

    def _changed(self) -> None:
        self.done.put(None)

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

    # As Dialogs

    def ask(self, question: Question) -> bool:
        """Answer as the test wants."""
        self.questions.append(question)
        return self.answer()

    def tell(self, title: str, text: str, close: str) -> None:
        """Write it down."""
        self.told.append((title, text, close))

    # As Autostart

    where = command = ""
    kind, is_foreign = DESKTOP, False

    def state(self) -> AutostartState:
        """What is set up."""
        return AutostartState("enabled" if self.at_login else "disabled")

    def enable(self) -> list[str]:
        """Start at login."""
        self.at_login = True
        return []

    def disable(self) -> list[str]:
        """Do not, or fail."""
        if self.at_login is None:
            raise Mem0TrayError("The entry cannot be removed.")
        self.at_login = False
        return []

    def advice(self) -> list[str]:
        """Nothing to do."""
        return []

    def mend(self) -> bool:
        """Nothing to mend."""
        return False
