"""Notifications on a real session bus: what arrives at a daemon, and what a click does."""

import os
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dbus_fast import Message

from mem0tray.desktop.bus import DBUS, DBUS_PATH, SessionBus
from mem0tray.desktop.notify import Notice, NotShownError, Offer, SilentDaemonError, Urgency
from mem0tray.desktop.notify.dbus import BUS_NAME, Daemon
from tests.support.notifyd import Mode
from tests.support.processes import PATIENCE, wait_until
from tests.support.session import Session, needs_dbus, session

pytestmark = needs_dbus
STATUS = (Offer.STATUS, "Show status")
RETRY = (Offer.RETRY, "Retry")
TOKEN = "XDG_ACTIVATION_TOKEN"  # noqa: S105  (the name of a variable)


def notice(title: str = "Title", body: str = "Body", kind: str = "") -> Notice:
    return Notice("Title", title, body, kind=kind, actions=(STATUS, RETRY))


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[Session]:
    with session(tmp_path) as found:
        yield found


class Desk:
    """Our side of the session; `clicks` is what was clicked."""

    def __init__(self, desktop: Session) -> None:
        self.clicks: queue.SimpleQueue[Offer] = queue.SimpleQueue()
        self.bus = SessionBus(desktop.environ["DBUS_SESSION_BUS_ADDRESS"])
        self.daemon = Daemon(
            self.bus, lambda base: Path(f"/icons/{base}.png"), self.clicks.put, PATIENCE
        )

    def clicked(self) -> Offer:
        return self.clicks.get(timeout=PATIENCE)

    def gone(self) -> None:
        what = (DBUS, DBUS_PATH, DBUS, "NameHasOwner")
        wait_until(
            lambda: self.bus.call(Message(*what, signature="s", body=[BUS_NAME])) == [False],
            what="no daemon on the bus",
        )


@pytest.fixture
def desk(desktop: Session) -> Iterator[Desk]:
    made = Desk(desktop)
    yield made
    made.bus.close()


def test_a_notice_arrives_whole(desktop: Session, desk: Desk) -> None:
    desktop.start_daemon()
    look: dict[str, Any] = {"base": "down", "urgency": Urgency.LOW}
    desk.daemon.show(Notice("name", "title", "é\n<2>", **look, actions=(STATUS, RETRY)))
    (shown,) = desktop.shown
    assert (shown.title, shown.body) == ("title", "é\n&lt;2&gt;")
    assert (shown.app, shown.icon, shown.timeout) == ("mem0tray", "/icons/down.png", 10_000)
    hints = {"desktop-entry": "mem0tray", "urgency": 0}
    assert shown.hints == hints
    assert shown.actions == ("default", "Show status", "retry", "Retry")


def test_a_daemon_is_given_what_it_can_show(desktop: Session, desk: Desk) -> None:
    daemon = desktop.start_daemon(without="body-markup")
    desk.daemon.show(notice(body="<b> & ü"))
    assert desktop.shown[0].body == "‹b› ＆ ü"
    daemon.close()
    desk.gone()
    desktop.start_daemon(without="actions")
    desk.daemon.show(notice())
    assert desktop.shown[0].actions == ()


def test_a_click_is_heard_once(desktop: Session, desk: Desk) -> None:
    daemon = desktop.start_daemon()
    desk.daemon.show(notice())
    daemon.act(desktop.shown[0], "default")
    assert desk.clicked() is Offer.STATUS
    daemon.act(desktop.shown[0], "default")
    desk.daemon.show(notice("last"))
    daemon.act(desktop.shown[1], "retry")
    assert desk.clicked() is Offer.RETRY
    assert desk.clicks.empty()
    wait_until(lambda: daemon.closed == [1, 2], what="the end of both")


def test_a_click_that_comes_before_the_number_is_heard(desktop: Session, desk: Desk) -> None:
    desktop.start_daemon(click="retry")
    for _ in range(2):
        desk.daemon.show(notice())
    assert [desk.clicked(), desk.clicked()] == [Offer.RETRY, Offer.RETRY]
    assert desk.clicks.empty()


def test_what_a_click_opens_may_come_to_the_front(
    desktop: Session, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TOKEN, raising=False)
    daemon = desktop.start_daemon()
    desk.daemon.show(notice())
    number = desktop.shown[0].id
    emit = daemon._bus.emit
    emit("/org/freedesktop/Notifications", BUS_NAME, "ActivationToken", "us", [number + 1, "no"])
    emit("/org/freedesktop/Notifications", BUS_NAME, "ActivationToken", "us", [number, "front"])
    daemon.act(desktop.shown[0])
    assert desk.clicked() is Offer.STATUS
    assert os.environ[TOKEN] == "front"
    monkeypatch.delenv(TOKEN)


def test_a_notice_takes_the_place_of_its_kind(desktop: Session, desk: Desk) -> None:
    daemon = desktop.start_daemon()
    for kind in ("server", "", "", "server"):
        desk.daemon.show(notice(kind=kind))
    assert [shown.replaces for shown in desktop.shown] == [0, 0, 0, 1]
    daemon.act(desktop.shown[-1])
    desk.clicked()
    desk.daemon.show(notice(kind="server"))
    assert desktop.shown[-1].replaces == 0, "what was closed is not replaced"


def test_the_numbers_of_another_daemon_are_not_ours(desktop: Session, desk: Desk) -> None:
    desktop.start_daemon()
    desk.daemon.show(notice(kind="server"))
    desktop.stop_daemon()
    desk.gone()
    desktop.start_daemon()
    desk.daemon.show(notice(kind="server"))
    assert desktop.shown[0].replaces == 0


ANSWERS = [("yes", "Delete"), ("no", "Cancel")]


def test_a_question_that_nobody_answers_is_taken_away(desktop: Session, desk: Desk) -> None:
    daemon = desktop.start_daemon()
    assert desk.daemon.ask(notice(), ANSWERS, 0.01) == ""
    wait_until(lambda: daemon.closed, what="its end")


def test_a_question_ends_with_its_daemon(desktop: Session, desk: Desk) -> None:
    daemon = desktop.start_daemon()
    answers: queue.SimpleQueue[str] = queue.SimpleQueue()

    asking = threading.Thread(target=lambda: answers.put(desk.daemon.ask(notice(), ANSWERS, 60.0)))
    asking.start()
    daemon.wait()
    wait_until(lambda: desk.daemon._shown, what="its number")
    desktop.stop_daemon()
    assert answers.get(timeout=PATIENCE) == ""
    asking.join()


def test_no_question_where_there_are_no_buttons(desktop: Session, desk: Desk) -> None:
    desktop.start_daemon(without="actions")
    with pytest.raises(NotShownError, match="no buttons"):
        desk.daemon.ask(notice(), ANSWERS, 10.0)
    assert desktop.shown == []


@pytest.mark.parametrize("mode", ["deaf", "hang"])
def test_a_daemon_that_hangs(desktop: Session, desk: Desk, mode: Mode) -> None:
    daemon = desktop.start_daemon(mode)
    desk.daemon._patience = 0.2
    with pytest.raises(SilentDaemonError, match="does not answer"):
        desk.daemon.show(notice())
    desk.daemon._patience = PATIENCE
    daemon.answer()
    desk.daemon.show(notice("Last"))
    assert desktop.shown[-1].title == "Last"


def test_the_end_of_the_bus_is_told(desktop: Session, desk: Desk) -> None:
    desktop.start_daemon()
    desk.daemon.show(notice())
    desktop.bus.kill()
    wait_until(lambda: not desk.daemon._shown, what="the end of the bus")
    with pytest.raises(NotShownError, match="cannot be reached"):
        desk.daemon.show(notice())
