"""Questions and answers: what each system is asked, and that no text becomes more than a text."""

import ctypes
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest

from mem0tray.core.errors import Mem0TrayError
from mem0tray.desktop import dialogs
from mem0tray.desktop.bus import SessionBus
from mem0tray.desktop.dialogs import Dialogs
from mem0tray.desktop.notify.dbus import Daemon
from tests.desktop.programs import Programs
from tests.support import needs
from tests.support.desktop import Desktop
from tests.support.home import import_path
from tests.support.processes import PATIENCE
from tests.support.session import Session, needs_dbus

QUESTION: Final = ("Delete?", "Project: “a & b”\nID: 1", "Back up and delete", "Cancel")
HOSTILE: Final = "--help <b>a</b> &amp; \\n \"x\" 'y' %s $(z) `w` <!-- v -->"


@pytest.mark.parametrize(("answer", "confirmed"), [(1, True), (2, False), (0, False)])
def test_windows_asks_with_cancel_as_the_default(
    monkeypatch: pytest.MonkeyPatch, answer: int, *, confirmed: bool
) -> None:
    calls: list[tuple[int, str, str, int]] = []

    def show(*call: Any) -> int:
        calls.append(call)
        return answer

    library = SimpleNamespace(user32=SimpleNamespace(MessageBoxW=show))
    monkeypatch.setattr(ctypes, "windll", library, raising=False)
    monkeypatch.setattr(sys, "platform", "win32")
    assert Dialogs().ask(*QUESTION) is confirmed
    ((owner, text, title, style),) = calls
    assert (owner, title) == (0, QUESTION[0])
    assert text == f"{QUESTION[1]}\n\nOK: Back up and delete", "what the system's button does"
    assert style == 0x50131, "OK and Cancel, which is the default; a warning in front of all"
    Dialogs().show("title", "text", "Close")
    assert calls[1:] == [(0, "text", "title", 0x40 | 0x10000 | 0x40000)]


class Room:
    """A place without any program that shows windows; the stand-ins of a test excepted."""

    def __init__(self, programs: Programs) -> None:
        self.programs = programs
        self.dialogs = Dialogs()

    def words(self, name: str) -> list[str]:
        file = self.programs.folder / f"{name}.words"
        return file.read_text(encoding="utf-8").split("\0")[:-1] if file.exists() else []

    def add(self, name: str, code: int = 0) -> None:
        keep = f"printf '%s\\0' \"$@\" > '{self.programs.folder / name}.words'"
        self.programs.add(name, f"{keep}\nexit {code}")


@pytest.fixture
def room(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> Room:
    programs.only()
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", "XFCE")
    return Room(programs)


@needs.SHELL
@pytest.mark.parametrize(("code", "confirmed"), [(0, True), (1, False), (2, False)])
def test_the_exit_code_is_the_answer(room: Room, code: int, *, confirmed: bool) -> None:
    room.add("kdialog", code)
    assert room.dialogs.ask(*QUESTION) is confirmed


@needs.SHELL
@pytest.mark.parametrize("code", [255, 127, 3])
def test_a_program_that_cannot_show_it_is_followed_by_the_next(room: Room, code: int) -> None:
    room.add("zenity", code)
    room.add("kdialog", 1)
    assert room.dialogs.ask(*QUESTION) is False
    assert room.words("kdialog")
    room.add("kdialog", 254)
    with pytest.raises(Mem0TrayError, match="No program here can show a window") as raised:
        room.dialogs.ask(*QUESTION)
    assert "zenity" in str(raised.value.reason)


@needs.SHELL
@pytest.mark.parametrize("body", ["kill -KILL $$", "exec /bin/sleep 60"], ids=["killed", "hangs"])
def test_a_window_without_an_answer_means_no(
    room: Room, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.setattr(dialogs, "PATIENCE", 0.2)
    room.programs.add("zenity", body)
    assert room.dialogs.ask(*QUESTION) is False


@needs.SHELL
def test_zenity_takes_texts_as_no_options_and_a_memory_first(room: Room) -> None:
    room.add("zenity")
    room.dialogs.ask(f"a\0\ud800\x1b[31m{HOSTILE}", HOSTILE, "yes", "no", "“Likes tea”")
    words = room.words("zenity")
    (title,) = [word for word in words if word.startswith("--title=")]
    assert title.startswith("--title=a\ufffd")
    assert title.endswith(HOSTILE)
    assert f"--text=“Likes tea”\n\n{HOSTILE}" in words
    assert {"--no-markup", "--default-cancel", "--ok-label=yes", "--cancel-label=no"} < set(words)
    assert all(word.startswith("--") for word in words)


@needs.SHELL
def test_kdialog_takes_texts_as_no_options_and_asks_with_labelled_buttons(room: Room) -> None:
    room.add("kdialog")
    room.dialogs.ask(HOSTILE, f"{HOSTILE}\nsecond", "Delete", "Cancel", "“Likes tea”")
    title, *labels, text = room.words("kdialog")
    assert title == f"--title={HOSTILE}"
    assert labels == ["--continue-label=Delete", "--cancel-label=Cancel"]
    assert text.startswith("--warningcontinuecancel=<qt>“Likes tea”<br><br>--help")
    assert text.endswith("<br>second</qt>")
    assert "&lt;b&gt;a&lt;/b&gt; &amp;amp; \\\\n" in text
    room.dialogs.show(HOSTILE, HOSTILE, "Close", "“Likes tea”")
    title, label, text = room.words("kdialog")
    assert label == "--ok-label=Close"
    assert text.startswith("--msgbox=<qt>“Likes tea”<br><br>--help")


@needs.SHELL
@pytest.mark.parametrize(
    ("desktop", "first"),
    [("KDE", "kdialog"), ("LXQt", "kdialog"), ("ubuntu:GNOME", "zenity"), ("", "zenity")],
)
def test_the_desktops_own_program_comes_first(
    room: Room, monkeypatch: pytest.MonkeyPatch, desktop: str, first: str
) -> None:
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", desktop)
    room.add("zenity")
    room.add("kdialog")
    room.dialogs.ask(*QUESTION)
    assert [name for name in ("zenity", "kdialog") if room.words(name)] == [first]


ASK: Final = """
import sys
from mem0tray.desktop.dialogs import Dialogs
print(Dialogs().ask(*sys.argv[1:]))
"""


@needs.program("zenity")
@pytest.mark.parametrize(
    ("keys", "confirmed"),
    [(["Tab", "Return"], "True"), (["Return"], "False"), (["Escape"], "False")],
    ids=["confirm", "default", "close"],
)
def test_a_window_is_answered_by_keys_and_not_too_wide(
    desktop: Desktop, keys: list[str], confirmed: str
) -> None:
    command = [sys.executable, "-c", ASK, "Delete?", "word " * 100, "Delete", "Cancel"]
    env = {**import_path(), "GSK_RENDERER": "cairo", "GDK_BACKEND": "x11"}
    process = desktop.start(command, env=env, name="asking")
    window = desktop.screen.wait_dialog()
    desktop.screen.wait_active(window)
    assert (window.width < 700, window.height < 600) == (True, True)
    desktop.screen.keys(*keys)
    process.wait()
    assert process.out.strip() == confirmed


@needs_dbus
@pytest.mark.parametrize(("click", "confirmed"), [("yes", True), ("no", False)])
def test_a_notification_asks_where_no_program_can(
    bus_session: Session, monkeypatch: pytest.MonkeyPatch, click: str, *, confirmed: bool
) -> None:
    monkeypatch.setattr(dialogs, "_windows", lambda *_: [])
    bus_session.start_daemon(click=click)
    with SessionBus(bus_session.environ["DBUS_SESSION_BUS_ADDRESS"]) as bus:
        asking = Dialogs(Daemon(bus, Path, patience=PATIENCE))
        assert asking.ask(*QUESTION, memory="secret") is confirmed
        asking.show("title", "text", "Close", memory="secret")
    question, shown = bus_session.shown
    assert question.title == QUESTION[0]
    assert question.body.startswith("Project: "), "no notification has a memory's text"
    assert question.actions == ("yes", "Back up and delete", "no", "Cancel")
    assert question.icon == shown.icon == "action-needed", "no tick"
    assert (shown.title, shown.body, shown.actions) == ("title", "text", ())
    assert shown.timeout == 0, "it stays until somebody has read it"
