"""Questions on Linux: which program shows them, what it is told, and how it is answered."""

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from mem0tray.core.errors import Mem0TrayError
from mem0tray.desktop.bus.session_bus import SessionBus
from mem0tray.desktop.dialogs import Question, linux
from mem0tray.desktop.dialogs.linux import ChildDialogs, NoticeDialogs
from mem0tray.desktop.notify.daemon import Daemon
from tests.desktop.programs import Programs
from tests.support.desktop import Desktop
from tests.support.home import import_path
from tests.support.machine import system_has
from tests.support.processes import Process, wait_until
from tests.support.session import needs_dbus, session

if TYPE_CHECKING:
    from tests.support.screen import Window

QUESTION: Final = Question("Delete?", "Project: a\nID: 1", "Back up and delete", "Cancel")
HOSTILE: Final = "--help <b>a</b> &amp; \\n \"x\" 'y' %s $(z) `w` <!-- v -->"
WAYS: Final = [
    *(["zenity"] if shutil.which("zenity") else []),
    *(name for name in ("gtk", "tk") if system_has(name)),
]
ASK: Final = """
import sys
from mem0tray.desktop.dialogs import Question, linux
from tests.desktop.test_dialogs_linux import Refused
question = Question(*sys.argv[2:])
linux.SYSTEM_PYTHON, python = "/none", linux.SYSTEM_PYTHON
wanted = sys.argv[1]
real = linux.shutil.which
linux.shutil.which = lambda name: real(name) if name in (wanted, "setpriv") else None
if wanted == "gtk":
    linux.SYSTEM_PYTHON = python
elif wanted == "tk":
    linux._children = lambda question, environ: [linux._window("tk_window.py", python, question)]
print(linux.ChildDialogs(Refused()).ask(question))
"""


class Refused:
    """What is asked when no program can."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def ask(self, question: Question) -> bool:
        """Say yes, which no program has said."""
        self.asked.append(question.title)
        return True

    def tell(self, title: str, text: str, close: str) -> None:
        """Write it down."""
        del text, close
        self.asked.append(title)


class Room:
    """A place without any program that shows windows; the stand-ins of a test excepted."""

    def __init__(self, programs: Programs) -> None:
        self.programs = programs
        self.otherwise = Refused()
        self.dialogs = ChildDialogs(self.otherwise)

    def words(self, name: str) -> list[str]:
        """The words that a stand-in was called with, without what goes before them."""
        file = self.programs.folder / f"{name}.words"
        return file.read_text(encoding="utf-8").split("\0")[:-1]

    def add(self, name: str, code: int = 0, says: str = "") -> None:
        """Stand in for a program that ends with this code, and writes a word before."""
        keep = f"printf '%s\\0' \"$@\" > '{self.programs.folder / name}.words'"
        self.programs.add(name, f"{keep}\necho {says}\nexit {code}")


@pytest.fixture
def room(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> Room:
    """Take every program away."""
    programs.only()
    monkeypatch.setattr(linux, "SYSTEM_PYTHON", "/none")
    monkeypatch.setattr(sys, "executable", "/none")
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", "XFCE")
    return Room(programs)


# Answers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "confirmed"), [(0, True), (1, False)])
def test_the_exit_code_is_the_answer(room: Room, code: int, *, confirmed: bool) -> None:
    """Zero is yes, what the program ends with on Cancel or when it is closed is no."""
    room.add("zenity", code)
    assert room.dialogs.ask(QUESTION) is confirmed
    assert room.otherwise.asked == []


@pytest.mark.parametrize(
    ("says", "code", "confirmed"),
    [("yes", 0, True), ("no", 0, False), ("", 0, False), ("yes", 1, False), ("", 2, False)],
)
def test_kdialog_says_what_was_chosen(room: Room, says: str, code: int, *, confirmed: bool) -> None:
    """Nothing but the word for it is yes: no code alone, as some are those of a failure too."""
    room.add("kdialog", code, says)
    assert room.dialogs.ask(QUESTION) is confirmed
    assert room.otherwise.asked == []


def test_kdialog_has_chosen_no_before_anything_is_pressed(room: Room) -> None:
    """So Return, which presses its OK, does nothing."""
    room.add("kdialog")
    room.dialogs.ask(QUESTION)
    assert room.words("kdialog")[-6:] == ["no", "Cancel", "on", "yes", "Back up and delete", "off"]


@pytest.mark.parametrize("code", [255, 127, 3])
def test_a_program_that_cannot_show_it_is_followed_by_the_next(room: Room, code: int) -> None:
    """Without a display or a library it has asked nobody."""
    room.add("zenity", code)
    room.add("kdialog", 1)
    assert room.dialogs.ask(QUESTION) is False
    assert room.words("kdialog")
    room.add("kdialog", 254)
    assert room.dialogs.ask(QUESTION) is True
    assert room.otherwise.asked == ["Delete?"]


@pytest.mark.parametrize("way", WAYS)
def test_a_display_that_is_gone_asks_nobody(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """A tray that outlived its display takes no program's failure to open it for an answer."""
    monkeypatch.setenv("DISPLAY", ":4711")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    window = linux._window(f"{way}_window.py", linux.SYSTEM_PYTHON, QUESTION)
    child = linux._zenity("zenity", QUESTION) if way == "zenity" else window
    monkeypatch.setattr(linux, "_children", lambda *_: [child])
    otherwise = Refused()
    assert ChildDialogs(otherwise).ask(QUESTION) is True
    assert otherwise.asked == [QUESTION.title]


def test_qt_without_its_display_asks_nobody(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends by a signal then, and says why on standard error once it is told to."""
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", "KDE")
    room.programs.add(
        "kdialog",
        '[ "$QT_FORCE_STDERR_LOGGING" ] || kill -ABRT $$\n'
        "echo no Qt platform plugin could be initialized >&2\nkill -ABRT $$",
    )
    assert room.dialogs.ask(QUESTION) is True
    assert room.otherwise.asked == [QUESTION.title]


def test_a_program_that_is_killed_means_no(room: Room) -> None:
    """Nobody has confirmed it."""
    room.programs.add("zenity", "kill -KILL $$")
    assert room.dialogs.ask(QUESTION) is False


def test_a_program_that_hangs_means_no(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a long while the question is taken away."""
    monkeypatch.setattr(linux, "PATIENCE", 0.2)
    room.programs.add("zenity", "exec /bin/sleep 60")
    assert room.dialogs.ask(QUESTION) is False


def test_a_text_is_shown_until_it_is_closed(room: Room) -> None:
    """However it is closed; it has one button."""
    room.add("zenity", 1)
    room.dialogs.tell("title", "text", "Close")
    assert "--info" in room.words("zenity")
    assert not [word for word in room.words("zenity") if word.startswith("--cancel")]
    assert room.otherwise.asked == []


# What a program is told ------------------------------------------------------------------------


def test_zenity_is_told_texts_and_no_options(room: Room) -> None:
    """Each text is the value of an option; nothing in it is markup."""
    room.add("zenity")
    room.dialogs.ask(Question(HOSTILE, HOSTILE, "yes", "no"))
    words = room.words("zenity")
    assert f"--title={HOSTILE}" in words
    assert f"--text={HOSTILE}" in words
    assert {"--no-markup", "--default-cancel", "--ok-label=yes", "--cancel-label=no"} < set(words)
    assert all(word.startswith("--") for word in words)


@pytest.mark.parametrize(
    ("version", "option", "base"),
    [("3.44.0", "--window-icon", "healthy"), ("4.1.90", "--icon", "action-needed")],
)
def test_zenity_shows_our_icon(room: Room, version: str, option: str, base: str) -> None:
    """Its option for that has changed with its version; beside a question stands no tick."""
    keep = f"printf '%s\\0' \"$@\" > '{room.programs.folder}/zenity.words'"
    room.programs.add("zenity", f'[ "$1" = --version ] && echo {version} && exit\n{keep}')
    room.dialogs.ask(QUESTION)
    (icon,) = [word for word in room.words("zenity") if word.startswith(f"{option}=")]
    file = Path(icon.partition("=")[2])
    assert (file.name, file.is_file()) == (f"{base}-256.png", True)


def test_kdialog_is_told_texts_and_no_options(room: Room) -> None:
    """It would render markup: so all is, with every sign of a text escaped."""
    room.add("kdialog")
    room.dialogs.ask(Question(HOSTILE, f"{HOSTILE}\nsecond", "yes", "no"))
    words = room.words("kdialog")
    assert f"--title={HOSTILE}" in words
    (text,) = [word for word in words if word.startswith("--radiolist=")]
    assert text.endswith("<br>second</qt>")
    assert "&lt;b&gt;a&lt;/b&gt; &amp;amp; \\\\n" in text
    assert [word for word in words if not word.startswith("--")] == [
        "no", "no", "on", "yes", "yes", "off",
    ]  # fmt: skip
    room.dialogs.tell(HOSTILE, HOSTILE, "Close")
    assert all(word.startswith("--") for word in room.words("kdialog"))


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "\x1b[31m"])
def test_what_no_program_takes_is_no_obstacle(room: Room, text: str) -> None:
    """NUL, lone surrogates and controls are replaced by a sign."""
    room.add("zenity")
    assert room.dialogs.ask(Question(text, text, "yes", "no"))
    (title,) = [word for word in room.words("zenity") if word.startswith("--title=")]
    assert "\ufffd" in title


@pytest.mark.parametrize(
    ("desktop", "first"),
    [("KDE", "kdialog"), ("LXQt", "kdialog"), ("ubuntu:GNOME", "zenity"), ("", "zenity")],
)
def test_the_desktop_has_its_own(
    room: Room, monkeypatch: pytest.MonkeyPatch, desktop: str, first: str
) -> None:
    """Where both are there, that of the desktop's library is taken."""
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", desktop)
    room.add("zenity")
    room.add("kdialog")
    room.dialogs.ask(QUESTION)
    called = [name for name in ("zenity", "kdialog") if f"{name}.words" in _files(room)]
    assert called == [first]


def _files(room: Room) -> set[str]:
    return {path.name for path in room.programs.folder.iterdir()}


# Real windows -----------------------------------------------------------------------------------


def test_there_is_a_way_to_look_at() -> None:
    """What `packaging/test` installs is there, so that what follows looks at a window at least."""
    if not WAYS:
        pytest.skip("no zenity, and no GTK or Tk in the system's Python")


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """One of the ways to show a window that are here."""
    return str(request.param)


class Asking:
    """A process that asks by one way, and the window that it has opened."""

    def __init__(self, desktop: Desktop, way: str, question: Question) -> None:
        self.desktop = desktop
        texts = (question.title, question.text, question.confirm, question.cancel)
        command = [sys.executable, "-c", ASK, way, *texts]
        env = {**import_path(), "GSK_RENDERER": "cairo", "GDK_BACKEND": "x11"}
        self.process: Process = desktop.start(command, env=env, name="asking")
        self.window: Window = desktop.screen.wait_dialog()
        desktop.screen.wait_active(self.window)

    def answer(self, *keys: str) -> str:
        """Press keys; what is said then."""
        self.desktop.screen.keys(*keys)
        self.process.wait()
        return self.process.out.strip()


@pytest.mark.parametrize(
    ("keys", "said"),
    [(["Tab", "Return"], "True"), (["Return"], "False"), (["Escape"], "False")],
    ids=["confirm", "default", "close"],
)
def test_a_window_is_answered_by_keys(
    desktop: Desktop, way: str, keys: list[str], said: str
) -> None:
    """Cancel is what Return means; Tab leads to the button that does it; Escape closes."""
    assert Asking(desktop, way, QUESTION).answer(*keys) == said


def test_a_window_is_not_wider_than_its_text_needs(desktop: Desktop, way: str) -> None:
    """A long text is broken into lines; the window stays on the screen."""
    text = "word " * 100
    asking = Asking(desktop, way, Question("Delete?", text, "Delete", "Cancel"))
    assert asking.window.width < 700
    assert asking.window.height < 600
    asking.answer("Escape")


def test_a_window_ends_with_us(desktop: Desktop, way: str) -> None:
    """However we end, nobody is left to be asked."""
    asking = Asking(desktop, way, QUESTION)
    os.kill(asking.process.pid, signal.SIGKILL)
    screen = desktop.screen
    wait_until(lambda: asking.window not in screen.windows(), what="no window")


# A notification in the place of a window ----------------------------------------------------------


@needs_dbus
@pytest.mark.parametrize(("click", "confirmed"), [("yes", True), ("no", False)])
def test_a_notification_asks_where_no_program_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, click: str, *, confirmed: bool
) -> None:
    """Its buttons are those of the question; a text needs none, and nothing waits for its end."""
    with (
        session(tmp_path) as found,
        SessionBus(found.environ["DBUS_SESSION_BUS_ADDRESS"]) as bus,
    ):
        found.start_daemon(click=click)
        monkeypatch.setattr(linux, "_children", lambda *_: [])
        asking = ChildDialogs(NoticeDialogs(Daemon(bus, Path)))
        assert asking.ask(QUESTION) is confirmed
        asking.tell("title", "text", "Close")
        question, told = found.shown
    assert (question.title, question.body) == (QUESTION.title, QUESTION.text)
    assert question.actions == ("yes", "Back up and delete", "no", "Cancel")
    assert question.icon == told.icon == "action-needed", "no tick"
    assert (told.title, told.body, told.actions) == ("title", "text", ())
    assert told.timeout == 0, "it stays until somebody has read it"


@needs_dbus
def test_a_text_is_told_where_there_are_no_buttons(tmp_path: Path) -> None:
    """A daemon without buttons asks nothing, and shows what is only to be read."""
    with session(tmp_path) as found, SessionBus(found.environ["DBUS_SESSION_BUS_ADDRESS"]) as bus:
        found.start_daemon(without="actions")
        dialogs = NoticeDialogs(Daemon(bus, Path))
        dialogs.tell("title", "text", "Close")
        with pytest.raises(Mem0TrayError, match="No program here"):
            dialogs.ask(QUESTION)
        assert [shown.title for shown in found.shown] == ["title"]


def test_where_nothing_can_ask_it_is_said() -> None:
    """Without windows and notifications nothing is confirmed, and what to install is named."""
    with pytest.raises(Mem0TrayError, match="No program here can show a window") as raised:
        NoticeDialogs(None).ask(QUESTION)
    assert "zenity" in str(raised.value.reason)
