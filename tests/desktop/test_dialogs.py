"""Questions and answers: what each system is asked, and that no text becomes more than a text."""

import ctypes
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from mem0tray.desktop import dialogs
from mem0tray.desktop.dialogs import Question, macos
from mem0tray.desktop.dialogs.linux import GtkDialogs
from mem0tray.desktop.dialogs.macos import AppleScript
from mem0tray.desktop.dialogs.windows import MessageBoxes
from tests.desktop.programs import script

QUESTION = Question("Delete?", "Project: “a & b”\nID: 1", "Back up and delete", "Cancel")
HOSTILE = '-edo shell script "x" -- \\ " & (quit)'


# macOS ----------------------------------------------------------------------------------------


@pytest.fixture
def osascript(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for `osascript`: it writes down words and script, and cancels if told to."""
    log = tmp_path / "osascript"
    body = f"""
        cat > "{log}.script"
        printf '%s\\0' "$@" > "{log}.words"
        test ! -e "{log}.cancels"
        """
    monkeypatch.setattr(macos, "OSASCRIPT", str(script(tmp_path / "program", body)))
    return log


def words(log: Path) -> list[str]:
    """What `osascript` was called with."""
    return log.with_suffix(".words").read_text(encoding="utf-8").split("\0")[:-1]


def test_macos_asks(osascript: Path) -> None:
    """All texts are arguments; the button that cancels is the default."""
    assert AppleScript().ask(QUESTION)
    assert words(osascript) == [
        "-",
        *(QUESTION.title, QUESTION.text),
        "Back up and delete",
        "Cancel",
    ]
    source = osascript.with_suffix(".script").read_text(encoding="ascii")
    assert source.startswith("on run {myTitle, myText, myConfirm, myCancel}\n")
    assert "default button myCancel cancel button myCancel" in source


def test_macos_cancels(osascript: Path) -> None:
    """Cancelling, or closing, ends `osascript` with an error: no."""
    osascript.with_suffix(".cancels").touch()
    assert not AppleScript().ask(QUESTION)


def test_macos_tells(osascript: Path) -> None:
    """One button; that it ends with an error matters to nobody."""
    osascript.with_suffix(".cancels").touch()
    AppleScript().tell("title", "text", "Close")
    assert words(osascript) == ["-", "title", "text", "Close"]


def test_macos_runs_no_text_of_others(osascript: Path) -> None:
    """A project that is named like an option, or like a script, stands after the script's name."""
    AppleScript().tell(HOSTILE, HOSTILE, "Close")
    assert words(osascript) == ["-", HOSTILE, HOSTILE, "Close"]
    assert "shell" not in osascript.with_suffix(".script").read_text(encoding="ascii")


def test_macos_without_osascript(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is confirmed that nobody was asked."""
    monkeypatch.setattr(macos, "OSASCRIPT", str(tmp_path / "gone"))
    assert not AppleScript().ask(QUESTION)
    AppleScript().tell("title", "text", "Close")


# Windows ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "confirmed"), [(1, True), (2, False), (0, False)])
def test_windows_asks(answer: int, confirmed: bool) -> None:  # noqa: FBT001  (a parameter)
    """OK and Cancel, Cancel being the default, before all windows; an error is no."""
    calls: list[tuple[int, str, str, int]] = []

    def show(*call: Any) -> int:
        calls.append(call)
        return answer

    assert MessageBoxes(show).ask(QUESTION) is confirmed
    ((owner, text, title, style),) = calls
    assert (owner, text, title) == (0, QUESTION.text, QUESTION.title)
    ok_cancel, warning, second, foreground, topmost = 0x1, 0x30, 0x100, 0x10000, 0x40000
    assert style == ok_cancel | warning | second | foreground | topmost


def test_windows_tells() -> None:
    """One button."""
    calls: list[tuple[Any, ...]] = []

    def show(*call: Any) -> int:
        calls.append(call)
        return 1

    MessageBoxes(show).tell("title", "text", "Close")
    assert calls == [(0, "text", "title", 0x40 | 0x10000 | 0x40000)]


# Linux, with stand-ins for GTK ----------------------------------------------------------------


class Dialog:
    """As Gtk.MessageDialog: it writes down what it shows; `answer` responds."""

    made: "list[Dialog]"

    def __init__(self, *, text: str, **_options: Any) -> None:
        self.title, self.text = text, ""
        self.buttons: list[tuple[str, int]] = []
        self.default: int | None = None
        self.shown = self.destroyed = False
        Dialog.made.append(self)

    def set_title(self, title: str) -> None:
        """Take the window's title."""

    def set_icon_from_file(self, file: str) -> None:
        """Take the window's icon."""
        assert Path(file).is_file()

    def format_secondary_text(self, text: str) -> None:
        """Take the text."""
        if text == "refused":
            raise ValueError(text)
        self.text = text

    def set_position(self, position: int) -> None:
        """Take a place."""

    def set_keep_above(self, above: bool) -> None:  # noqa: FBT001  (GTK's)
        """Stay above."""

    def add_button(self, label: str, response: int) -> Any:
        """Add a button."""
        self.buttons.append((label, response))
        return SimpleNamespace(
            get_style_context=lambda: SimpleNamespace(add_class=lambda name: name)
        )

    def set_default_response(self, response: int) -> None:
        """Take what Return means."""
        self.default = response

    def connect(self, _signal: str, respond: Callable[[Any, int], None]) -> None:
        """Hear the answer."""
        self.respond = respond

    def show_all(self) -> None:
        """Show it."""
        self.shown = True

    def present(self) -> None:
        """Bring it to the front."""

    def destroy(self) -> None:
        """Close it."""
        self.destroyed = True


OK, CANCEL, CLOSE, DELETE_EVENT = -5, -6, -7, -4


class MainLoop:
    """As GTK's main loop, which runs when the test says so."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], bool]] = queue.SimpleQueue()
        self.idle_add = self._work.put

    def run(self) -> bool:
        """Wait for the next piece of work and do it; what it returns."""
        return self._work.get(timeout=10)()


@pytest.fixture
def main_loop(monkeypatch: pytest.MonkeyPatch) -> MainLoop:
    """Stand in for GTK."""
    made = MainLoop()
    Dialog.made = []
    repository: Any = ModuleType("gi.repository")
    repository.Gtk = SimpleNamespace(
        MessageDialog=Dialog,
        MessageType=SimpleNamespace(WARNING=1, INFO=0),
        ButtonsType=SimpleNamespace(NONE=0),
        WindowPosition=SimpleNamespace(CENTER=1),
        ResponseType=SimpleNamespace(OK=OK, CANCEL=CANCEL, CLOSE=CLOSE),
    )
    repository.GLib = SimpleNamespace(idle_add=made.idle_add, SOURCE_REMOVE=False)
    gi: Any = ModuleType("gi")
    gi.repository = repository
    monkeypatch.setitem(sys.modules, "gi", gi)
    monkeypatch.setitem(sys.modules, "gi.repository", repository)
    return made


@contextmanager
def asked(question: Question) -> Iterator[queue.SimpleQueue[bool]]:
    """Ask on a thread of its own, as the controller does."""
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
    thread = threading.Thread(target=lambda: answers.put(GtkDialogs().ask(question)), daemon=True)
    thread.start()
    yield answers
    thread.join(10)


@pytest.mark.parametrize(
    ("answer", "confirmed"), [(OK, True), (CANCEL, False), (DELETE_EVENT, False), (0, False)]
)
def test_linux_asks(main_loop: MainLoop, answer: int, confirmed: bool) -> None:  # noqa: FBT001
    """The main loop shows the window, whose default is Cancel; closing it is no."""
    with asked(QUESTION) as answers:
        assert main_loop.run() is False  # it is done once
        (dialog,) = Dialog.made
        assert dialog.shown
        assert answers.empty()
        dialog.respond(dialog, answer)
        assert answers.get(timeout=10) is confirmed
    assert (dialog.title, dialog.text) == (QUESTION.title, QUESTION.text)
    assert dialog.buttons == [("Cancel", CANCEL), ("Back up and delete", OK)]
    assert dialog.default == CANCEL
    assert dialog.destroyed


def test_linux_survives_a_window_that_cannot_be_made(main_loop: MainLoop) -> None:
    """Whoever waits for the answer is told no, and does not wait for ever."""
    with asked(Question("title", "refused", "yes", "no")) as answers:
        with pytest.raises(ValueError, match="refused"):
            main_loop.run()
        assert answers.get(timeout=10) is False


# Which one ------------------------------------------------------------------------------------


def test_each_system_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The class follows the platform."""
    assert isinstance(dialogs.for_this_system(), GtkDialogs)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert isinstance(dialogs.for_this_system(), AppleScript)
    monkeypatch.setattr(sys, "platform", "win32")
    library = SimpleNamespace(user32=SimpleNamespace(MessageBoxW=lambda *_: 1))
    monkeypatch.setattr(ctypes, "windll", library, raising=False)
    assert dialogs.for_this_system().ask(QUESTION)
