"""The ways to show a notification: plyer's on a real D-Bus session, the others with stand-ins."""

import importlib.util
import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mem0tray.desktop import backends
from mem0tray.desktop.backends import IconBackend, PlyerBackend, UnavailableError, clipped, fitted
from mem0tray.desktop.notice_texts import Notice
from mem0tray.desktop.restore_button import RestoreButton
from mem0tray.desktop.sending import Outcome, Sender
from tests.support.processes import Process, wait_until
from tests.support.session import Session, needs_dbus, session

PLYER = "plyer (dbus-python)"
HOSTILE = "-x <b>\0bold</b> & \ud800 \x1b[31m \u202e <img src='x'> \U0001f600"


def notice(title: str = "Title", body: str = "Body") -> Notice:
    """Make a notice."""
    return Notice("Title", title, body)


# plyer on a real bus ----------------------------------------------------------------


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[Session]:
    """Start a private session without a daemon."""
    with session(tmp_path) as found:
        yield found


class Shower:
    """Shows notices in a process of its own, one at a time."""

    def __init__(self, desktop: Session, timeout: float, *options: str) -> None:
        command = [sys.executable, "-m", "tests.support.show_notices", str(timeout), *options]
        env = {**desktop.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        self.process = Process(
            command, env=env, output=desktop.folder / "shower", stdin=subprocess.PIPE
        )
        self._shown = 0

    def show(self, title: str = "Title", body: str = "Body") -> Outcome:
        """Show one; how it fared."""
        stdin = self.process.popen.stdin
        assert stdin is not None
        stdin.write(json.dumps([title, body]).encode() + b"\n")
        stdin.flush()
        self._shown += 1
        wait_until(
            lambda: len(self.process.out.splitlines()) >= self._shown,
            timeout=30,
            what="an outcome",
            explain=lambda: self.process.err,
        )
        return Outcome(*json.loads(self.process.out.splitlines()[self._shown - 1]))

    def end(self) -> int:
        """Close its input; the exit code."""
        stdin = self.process.popen.stdin
        assert stdin is not None
        stdin.close()
        return self.process.wait()


@pytest.fixture
def shower(desktop: Session) -> Iterator[Shower]:
    """Start one that waits a second for a daemon."""
    found = Shower(desktop, 1.0)
    yield found
    found.process.kill()


@needs_dbus
def test_plyer_shows_it(desktop: Session, shower: Shower) -> None:
    """Title, body, our name and ten seconds arrive at the daemon."""
    desktop.start_daemon()
    assert shower.show("DLQ recovered", "é\n2") == Outcome(PLYER)
    (shown,) = desktop.shown
    assert (shown["title"], shown["body"]) == ("DLQ recovered", "é\n2")
    assert (shown["app"], shown["timeout"]) == ("mem0tray", 10_000)
    assert shown["hints"] == {"desktop-entry": "mem0tray"}
    assert shower.end() == 0
    assert shower.process.out.endswith("bye\n")


@needs_dbus
def test_hostile_text_is_shown_as_text(desktop: Session, shower: Shower) -> None:
    """NUL and lone surrogates are dropped, markup is escaped for a daemon that renders it."""
    desktop.start_daemon()
    assert shower.show(HOSTILE, HOSTILE).way == PLYER
    (shown,) = desktop.shown
    assert shown["title"] == "-x <b> bold</b> & [31m <img src='x'> \U0001f600"
    escaped = "-x &lt;b&gt; bold&lt;/b&gt; &amp; [31m &lt;img src='x'&gt; \U0001f600"
    assert shown["body"] == escaped


@needs_dbus
def test_nothing_is_escaped_without_markup(desktop: Session, shower: Shower) -> None:
    """A daemon that shows text as it is gets it as it is."""
    desktop.start_daemon("--no-markup")
    assert shower.show(body="<b> & ü").way == PLYER
    assert desktop.shown[0]["body"] == "<b> & ü"


@needs_dbus
def test_an_error_of_the_daemon_is_told(desktop: Session, shower: Shower) -> None:
    """The reason is the daemon's own, in one line."""
    desktop.start_daemon("--error")
    outcome = shower.show()
    assert outcome.way == ""
    assert outcome.reason.startswith(f"{PLYER}: DBusException: org.example.Refused: nothing is")


@needs_dbus
def test_no_daemon(desktop: Session, shower: Shower) -> None:
    """It is told; a daemon that comes later is found."""
    outcome = shower.show()
    assert outcome.way == ""
    assert "org.freedesktop.Notifications" in outcome.reason
    desktop.start_daemon()
    assert shower.show().way == PLYER


@needs_dbus
def test_a_daemon_that_hangs(desktop: Session, shower: Shower) -> None:
    """It costs one time-out; while it hangs no further thread is spent; then it goes on."""
    daemon = desktop.start_daemon()
    daemon.signal(signal.SIGSTOP)
    assert shower.show() == Outcome("", f"{PLYER} did not answer within 1 s")
    assert shower.show() == Outcome("", f"{PLYER} still hangs")
    daemon.signal(signal.SIGCONT)
    wait_until(lambda: shower.show("Last").way == PLYER, what="the daemon to answer again")
    assert desktop.shown[-1]["title"] == "Last"


@needs_dbus
def test_the_end_of_the_bus_is_not_ours(desktop: Session, shower: Shower) -> None:
    """When the session's bus dies the process lives on, and says what is wrong."""
    desktop.start_daemon()
    assert shower.show().way == PLYER
    desktop.bus.kill()
    assert shower.show().way == ""
    assert shower.end() == 0
    assert shower.process.out.endswith("bye\n")


# The button ---------------------------------------------------------------------------


@pytest.fixture
def clicker(desktop: Session) -> Iterator[Shower]:
    """Start one whose notices can be restored."""
    found = Shower(desktop, 5.0, "--button")
    yield found
    found.process.kill()


@needs_dbus
def test_the_button_restores(desktop: Session, clicker: Shower) -> None:
    """A click on Restore is heard once, one on another's notification is not."""
    desktop.start_daemon("--click", "restore")
    assert clicker.show(body="<b> & \0") == Outcome("PyGObject")
    (shown,) = desktop.shown
    assert shown["actions"] == ["restore", "Restore"]
    assert shown["body"] == "&lt;b&gt; &amp;"
    wait_until(lambda: "restored" in clicker.process.err, what="the click")
    assert clicker.show().way == "PyGObject"
    wait_until(lambda: clicker.process.err.count("restored") == 2, what="the second click")
    assert clicker.process.err == "restored\n" * 2


@needs_dbus
def test_another_button_restores_nothing(desktop: Session, clicker: Shower) -> None:
    """A click on the notification itself only closes it."""
    desktop.start_daemon("--click", "default")
    assert clicker.show().way == "PyGObject"
    desktop.stop_daemon()
    desktop.start_daemon("--click", "restore")
    assert clicker.show().way == "PyGObject"
    wait_until(lambda: "restored" in clicker.process.err, what="the click that counts")
    assert clicker.process.err.count("restored") == 1


@needs_dbus
def test_no_button_where_none_is_shown(desktop: Session, clicker: Shower) -> None:
    """A daemon without buttons gets the notification through plyer."""
    desktop.start_daemon("--no-actions")
    assert clicker.show() == Outcome(PLYER)
    assert desktop.shown[0]["actions"] == []


def test_what_cannot_be_restored_has_no_button() -> None:
    """Every other notice goes the usual way, and no reason is told for it."""
    usual = _Recorded()
    button = RestoreButton(lambda: "Restore", lambda: None)
    assert Sender([button, usual]).send(notice()) == Outcome("way")


# The order of ways -------------------------------------------------------------------


class _Recorded:
    """A backend that keeps what it is shown, or fails, or hangs."""

    def __init__(self, name: str = "way", *, error: Exception | None = None) -> None:
        self.name = name
        self.error = error
        self.shown: list[Notice] = []
        self.free = threading.Event()
        self.free.set()

    def show(self, notice: Notice) -> None:
        """Do as told."""
        self.free.wait()
        if self.error is not None:
            raise self.error
        self.shown.append(notice)


def test_the_first_way_that_works() -> None:
    """A way that fails is followed by the next, and only by that."""
    first = _Recorded("one", error=UnavailableError("not here"))
    second, third = _Recorded("two"), _Recorded("three")
    assert Sender([first, second, third]).send(notice()) == Outcome("two", "one: not here")
    assert second.shown == [notice()]
    assert third.shown == []


def test_every_way_fails() -> None:
    """All reasons are told, in one line each."""
    first = _Recorded("one", error=ValueError("a\nb"))
    second = _Recorded("two", error=OSError("c"))
    outcome = Sender([first, second]).send(notice())
    assert outcome == Outcome("", "one: ValueError: a b; two: OSError: c")
    assert Sender([]).send(notice()) == Outcome("", "there is no way to show it")


def test_a_way_that_hangs_stops_nothing() -> None:
    """The send is given up; the icon, which may lead to the same daemon, is not tried."""
    first, icon = _Recorded("one"), _Recorded("icon")
    first.free.clear()
    sender = Sender([first, icon], 0.05)
    before = threading.active_count()
    assert sender.send(notice()) == Outcome("", "one did not answer within 0.05 s")
    for _ in range(10):
        assert sender.send(notice()) == Outcome("", "one still hangs")
    assert threading.active_count() == before + 1
    assert icon.shown == []
    first.free.set()
    wait_until(lambda: sender.send(notice()).way == "one")


def test_the_icon_shows_it() -> None:
    """Title and body, without what a daemon may take for markup, and clipped."""
    shown: list[tuple[str, str]] = []
    IconBackend(lambda title, body: shown.append((title, body))).show(
        notice("T\nitle", "<b>\0 & \ud800\n\nx")
    )
    assert shown == [("T itle", "‹b› ＆\nx")]


# Limits ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("platform", "title", "body"),
    [("win32", 63, 255), ("darwin", 63, 256), ("linux", 100, 500)],
)
@pytest.mark.parametrize("text", ["x" * 1000, "\U0001f600" * 1000, "é\n" * 1000])
def test_nothing_is_longer_than_the_platform_takes(
    platform: str, title: int, body: int, text: str
) -> None:
    """Counted in UTF-16 units, as Windows does; no character is cut in two."""
    found = fitted(notice(text, text), platform)
    for part, most in zip(found, (title, body), strict=True):
        units = len(part.encode("utf-16-le")) // 2
        assert units <= most
        assert part
    assert fitted(notice("short", "a\nb"), platform) == ("short", "a\nb")


def test_clipping_is_shown() -> None:
    """What is cut ends in an ellipsis, what fits stays whole."""
    assert clipped("abcdef", 6) == "abcdef"
    assert clipped("abcdefg", 6) == "abcde…"
    assert clipped("abcd\U0001f600f", 6) == "abcd…"


# Which way plyer has ------------------------------------------------------------------


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Take every way of plyer's away."""
    monkeypatch.setattr(backends, "_FLATPAK", tmp_path / "none")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
    return monkeypatch


def test_the_ways_on_linux(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Flatpak's portal, then dbus-python, then notify-send; else it says what to install."""
    way = backends.plyer_way("linux")
    assert "python3-dbus" in way.missing
    bare.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert backends.plyer_way("linux").name == "notify-send"
    bare.setattr(importlib.util, "find_spec", lambda name: name)
    assert backends.plyer_way("linux").name == "dbus-python"
    bare.setattr(backends, "_FLATPAK", tmp_path)
    assert backends.plyer_way("linux").name == "desktop portal"


def test_no_session_is_no_desktop(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without an address only a bus in the runtime folder counts; none is ever started."""
    bare.delenv("DBUS_SESSION_BUS_ADDRESS")
    bare.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert backends.plyer_way("linux").missing == backends.NO_DESKTOP
    (tmp_path / "bus").touch()
    assert backends.plyer_way("linux").missing != backends.NO_DESKTOP


def test_the_ways_elsewhere(bare: pytest.MonkeyPatch) -> None:
    """On Windows always, on macOS with pyobjus only."""
    assert backends.plyer_way("win32").missing == ""
    assert "pyobjus" in backends.plyer_way("darwin").missing
    bare.setattr(importlib.util, "find_spec", lambda name: name)
    assert backends.plyer_way("darwin").missing == ""


def test_a_missing_way_says_why(bare: pytest.MonkeyPatch) -> None:
    """Showing raises what is missing, and nothing of plyer's is imported for it."""
    del bare
    with pytest.raises(UnavailableError, match="python3-dbus"):
        PlyerBackend().show(notice())


def test_notify_send_loses_nothing(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A leading dash is no option of the real command line, and markup is none."""
    kept = tmp_path / "kept"
    command = tmp_path / "notify-send"
    command.write_text(f'#!/bin/sh\nfor word; do echo "[$word]"; done > "{kept}"\n')
    command.chmod(0o755)
    bare.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    bare.setattr(shutil, "which", lambda _: str(command))
    PlyerBackend().show(notice("-title", "--body <b> &"))
    title, body, *_ = kept.read_text(encoding="utf-8").splitlines()
    assert title == "[\u2060-title]"
    assert body == "[\u2060--body ‹b› ＆]"


def test_the_portal_gets_quoted_text(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Quotes, backslashes and line breaks do not end plyer's own quotes."""
    kept = tmp_path / "kept"
    command = tmp_path / "gdbus"
    command.write_text(f'#!/bin/sh\nfor word; do last=$word; done; printf %s "$last" > "{kept}"\n')
    command.chmod(0o755)
    bare.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    bare.setattr(backends, "_FLATPAK", tmp_path)
    PlyerBackend().show(notice("it's", "a\\b\nc"))
    assert kept.read_text(encoding="utf-8") == ("{'title': <'it\\'s'>, 'body': <'a\\\\b\\nc'>}")


def test_windows_is_given_what_it_takes(bare: pytest.MonkeyPatch) -> None:
    """The one of plyer's choice gets whole seconds, a clipped text and the icon file."""
    calls: list[dict[str, Any]] = []
    bare.setattr(
        backends, "plyer_way", lambda: _Native(lambda **arguments: calls.append(arguments))
    )
    PlyerBackend(Path("icon.ico")).show(notice())
    assert calls == [
        {
            "title": "Title",
            "message": "Body",
            "app_name": "mem0tray",
            "app_icon": "icon.ico",
            "timeout": 10,
            "hints": {},
        }
    ]


class _Native(backends.NativeWay):
    """plyer as it is elsewhere."""

    def __init__(self, notify: Any) -> None:
        super().__init__("Windows")
        self._notify = notify

    def make(self) -> Any:
        """Stand in for plyer's own choice."""
        return SimpleNamespace(notify=self._notify)
