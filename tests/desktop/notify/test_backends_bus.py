"""plyer, and the button of our own, on a real D-Bus session."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0tray.desktop.notify.notice import Notice
from mem0tray.desktop.notify.sending import NoticeResult
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
        env = {**desktop.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
        self.process = Process(
            command, env=env, output=desktop.folder / "shower", stdin=subprocess.PIPE
        )
        self._shown = 0

    def show(self, title: str = "Title", body: str = "Body") -> NoticeResult:
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
        return NoticeResult(*json.loads(self.process.out.splitlines()[self._shown - 1]))

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
    assert shower.show("DLQ recovered", "é\n2") == NoticeResult(PLYER)
    (shown,) = desktop.shown
    assert (shown.title, shown.body) == ("DLQ recovered", "é\n2")
    assert (shown.app, shown.timeout) == ("mem0tray", 10_000)
    assert shown.hints == {"desktop-entry": "mem0tray"}
    assert shower.end() == 0
    assert shower.process.out.endswith("bye\n")


@needs_dbus
def test_hostile_text_is_shown_as_text(desktop: Session, shower: Shower) -> None:
    """NUL and lone surrogates are dropped, markup is escaped for a daemon that renders it."""
    desktop.start_daemon()
    assert shower.show(HOSTILE, HOSTILE).way == PLYER
    (shown,) = desktop.shown
    assert shown.title == "-x <b> bold</b> & [31m <img src='x'> \U0001f600"
    escaped = "-x &lt;b&gt; bold&lt;/b&gt; &amp; [31m &lt;img src='x'&gt; \U0001f600"
    assert shown.body == escaped


@needs_dbus
def test_nothing_is_escaped_without_markup(desktop: Session, shower: Shower) -> None:
    """A daemon that shows text as it is gets it as it is."""
    desktop.start_daemon(without="body-markup")
    assert shower.show(body="<b> & ü").way == PLYER
    assert desktop.shown[0].body == "<b> & ü"


@needs_dbus
def test_an_error_of_the_daemon_is_told(desktop: Session, shower: Shower) -> None:
    """The reason is the daemon's own, in one line."""
    desktop.start_daemon("error")
    outcome = shower.show()
    assert outcome.way == ""
    assert outcome.reason.startswith(f"{PLYER}: DBusException: org.example.Refused: not now")


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
    daemon = desktop.start_daemon("deaf")
    assert shower.show() == NoticeResult("", f"{PLYER} did not answer within 1 s")
    assert shower.show() == NoticeResult("", f"{PLYER} still hangs")
    daemon.answer()
    wait_until(lambda: shower.show("Last").way == PLYER, what="the daemon to answer again")
    assert desktop.shown[-1].title == "Last"


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
    desktop.start_daemon(click="restore")
    assert clicker.show(body="<b> & \0") == NoticeResult("PyGObject")
    (shown,) = desktop.shown
    assert shown.actions == ("restore", "Restore")
    assert shown.body == "&lt;b&gt; &amp;"
    wait_until(lambda: "restored" in clicker.process.err, what="the click")
    assert clicker.show().way == "PyGObject"
    wait_until(lambda: clicker.process.err.count("restored") == 2, what="the second click")
    assert clicker.process.err == "restored\n" * 2


@needs_dbus
def test_another_button_restores_nothing(desktop: Session, clicker: Shower) -> None:
    """A click on the notification itself only closes it."""
    desktop.start_daemon(click="default")
    assert clicker.show().way == "PyGObject"
    desktop.stop_daemon()
    desktop.start_daemon(click="restore")
    assert clicker.show().way == "PyGObject"
    wait_until(lambda: "restored" in clicker.process.err, what="the click that counts")
    assert clicker.process.err.count("restored") == 1


@needs_dbus
def test_no_button_where_none_is_shown(desktop: Session, clicker: Shower) -> None:
    """A daemon without buttons gets the notification through plyer."""
    desktop.start_daemon(without="actions")
    assert clicker.show() == NoticeResult(PLYER)
    assert desktop.shown[0].actions == ()
