"""What a person at a Mac sees and does: the menu bar, clicks, and the end of a session."""

import time
from collections.abc import Callable
from typing import Any, Final

from mem0tray.desktop.tray import Tray
from tests.desktop.macos.runtime import Machine, act, responds

_PATIENCE: Final = 20.0  # seconds
_PAUSE: Final = 0.02
Step = Callable[[], None]


class User:
    """Sits at a Mac. All is done on its main thread, as AppKit does it."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.ends: Step = lambda: None  # what is called when the system ends the process
        self.at_open: Callable[[], object] = lambda: None
        self.hidden: list[str] = []  # whenever it was said that the icon cannot be seen
        self._opened: Any = None

    def runs(self, tray: Tray, *steps: Callable[[], object]) -> None:
        self.plans(*steps, tray.stop)
        tray.run(lambda: None, self.ends, self.at_open, lambda: self.hidden.append("hidden"))

    def plans(self, *steps: Callable[[], object]) -> None:
        """Take the steps in turn, once an icon is seen and whenever nothing else is done."""
        self._machine.idle = iter(steps)
        self._machine.ready = lambda: any(each.button()._image for each in self.items)

    def wait(self) -> None:
        """Let time pass, until all is done that was to be done later."""
        later, self._machine.later = self._machine.later, []
        for work in later:
            work()

    def wait_for_more(self) -> None:
        """Let time pass; what is done then may be waiting for another thread."""
        begun = time.monotonic()
        while not self._machine.later and time.monotonic() < begun + _PATIENCE:
            if not self._machine.waiting.empty():
                return
            time.sleep(_PAUSE)
        if self._machine.waiting.empty():
            time.sleep(_PAUSE)
            self.wait()

    def until(self, holds: Callable[[], object], what: str) -> Step:
        """A step that goes on to the next once something holds; meanwhile the loop goes on."""
        begun: list[float] = []

        def look() -> None:
            begun.append(time.monotonic())
            assert begun[-1] - begun[0] < _PATIENCE, f"not within {_PATIENCE} s: {what}"
            if not holds():
                time.sleep(_PAUSE)
                self._machine.waiting.put(look)

        return look

    @property
    def items(self) -> list[Any]:
        bar = self._machine.shared.get("NSStatusBar")
        return vars(bar).get("_items", []) if bar is not None else []

    @property
    def _item(self) -> Any:
        (item,) = self.items
        return item

    @property
    def tooltip(self) -> str:
        return str(self._item.button()._toolTip)

    @property
    def icon(self) -> Any:
        return self._item.button()._image

    def menu(self, *path: str) -> list[str]:
        """The lines of the menu, which is opened for that, or of one in it, with their ticks."""
        opened = self._opened is not None
        if not opened:
            self.open_menu()
        shown = [_shown(each) for each in self.lines(*path)]
        if not opened:
            self.close_menu()
        return shown

    def answer(self, title: str) -> Any:
        """Press the button of the alert on the screen; return the alert."""
        (alert,) = self._machine.alerts
        next(each for each in alert._buttons if each._title == title).performClick_(None)
        return alert

    def line(self, *path: str) -> Any:
        *above, last = path
        return next(each for each in self.lines(*above) if each._title == last)

    def open_menu(self) -> None:
        """Open the menu, which is filled as it opens."""
        self._opened = self._item._menu
        _tell(self._opened, "menuNeedsUpdate:")

    def close_menu(self) -> None:
        opened, self._opened = self._opened, None
        _tell(opened, "menuDidClose:")

    def click(self, *path: str) -> None:
        """Click on a line, as far as it can be clicked; AppKit closes the menu before it acts."""
        if self._opened is None:
            self.open_menu()
        line = self.line(*path)
        assert line._enabled
        self.close_menu()
        act(line._target, line._action, line)

    def see_icon(self, sight: bool) -> None:  # noqa: FBT001  (that is the question)
        self._item.button().window()._visible = sight

    def start_again(self) -> None:
        """Open the application in the Finder while it runs."""
        delegate = self._machine.shared["NSApplication"]._delegate
        reopen = responds(delegate, "applicationShouldHandleReopen:hasVisibleWindows:")
        assert reopen is not None
        reopen(None, False)  # noqa: FBT003

    def lines(self, *path: str) -> list[Any]:
        menu = self._opened or self._item._menu
        for title in path:
            menu = next((each._submenu for each in _of(menu) if each._title == title), None)
        return _of(menu)

    def kill(self, number: int) -> None:
        handler = self._machine.signals.get(number)
        assert handler is not None, "AppKit's loop would not notice"
        handler(number)

    def log_out(self) -> None:
        self._machine.shared["NSApplication"].terminate_(None)


def _shown(line: Any) -> str:
    if line._separator:
        return "—"
    return f"{'✓ ' if line._state else ''}{line._title}"


def _tell(menu: Any, selector: str) -> None:
    tell = menu.delegate() and responds(menu.delegate(), selector)
    if tell:
        tell(menu)


def _of(menu: Any) -> list[Any]:
    return list(menu._items) if menu is not None else []
