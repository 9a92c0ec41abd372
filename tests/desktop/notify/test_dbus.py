"""Notifications on a real session bus: what arrives at a daemon, and what a click does."""

import os
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mem0tray.desktop.bus import SessionBus
from mem0tray.desktop.notify import Notice, NotShownError, Offer, SilentDaemonError, Urgency
from mem0tray.desktop.notify.dbus import BUS_NAME, Daemon
from tests.support.notifyd import Mode
from tests.support.processes import PATIENCE, wait_until
from tests.support.session import Session, needs_dbus

pytestmark = needs_dbus
STATUS = (Offer.STATUS, "Open mem0tray")
RETRY = (Offer.RETRY, "Retry")
TOKEN = "XDG_ACTIVATION_TOKEN"  # noqa: S105  (the name of a variable)


def notice(title: str = "Title", body: str = "Body", kind: str = "") -> Notice:
    return Notice("Title", title, body, kind=kind, actions=(STATUS, RETRY))


class Desk:
    """Our side of the session; `clicks` is what was clicked."""

    def __init__(self, bus_session: Session) -> None:
        self.clicks: queue.SimpleQueue[Offer] = queue.SimpleQueue()
        self.bus = SessionBus(bus_session.environ["DBUS_SESSION_BUS_ADDRESS"])
        self.daemon = Daemon(
            self.bus, lambda base: Path(f"/icons/{base}.png"), self.clicks.put, PATIENCE
        )

    def clicked(self) -> Offer:
        return self.clicks.get(timeout=PATIENCE)


@pytest.fixture
def desk(bus_session: Session) -> Iterator[Desk]:
    made = Desk(bus_session)
    yield made
    made.bus.close()


def test_a_notice_arrives_whole(bus_session: Session, desk: Desk) -> None:
    bus_session.start_daemon()
    look: dict[str, Any] = {"base": "down", "urgency": Urgency.LOW}
    desk.daemon.show(Notice("name", "title", "é\n<2>", **look, actions=(STATUS, RETRY)))
    (shown,) = bus_session.shown
    assert (shown.title, shown.body) == ("title", "é\n&lt;2&gt;")
    assert (shown.app, shown.icon, shown.timeout) == ("mem0tray", "/icons/down.png", 10_000)
    hints = {"desktop-entry": "mem0tray", "urgency": 0}
    assert shown.hints == hints
    assert shown.actions == ("default", "Open mem0tray", "retry", "Retry")


@pytest.mark.parametrize(
    ("without", "body", "buttons"),
    [("body-markup", "‹b› ＆ ü", True), ("actions", "&lt;b&gt; &amp; ü", False)],
)
def test_a_daemon_is_given_what_it_can_show(
    bus_session: Session, desk: Desk, without: str, body: str, *, buttons: bool
) -> None:
    bus_session.start_daemon(without=without)
    desk.daemon.show(notice(body="<b> & ü"))
    assert [(shown.body, bool(shown.actions)) for shown in bus_session.shown] == [(body, buttons)]


def test_a_click_is_heard_once(bus_session: Session, desk: Desk) -> None:
    daemon = bus_session.start_daemon()
    desk.daemon.show(notice())
    daemon.act(bus_session.shown[0], "default")
    assert desk.clicked() is Offer.STATUS
    daemon.act(bus_session.shown[0], "default")
    desk.daemon.show(notice("last"))
    daemon.act(bus_session.shown[1], "retry")
    assert desk.clicked() is Offer.RETRY
    assert desk.clicks.empty()
    wait_until(lambda: daemon.closed == [1, 2], what="the end of both")


def test_what_a_click_opens_may_come_to_the_front(
    bus_session: Session, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TOKEN, raising=False)
    daemon = bus_session.start_daemon()
    desk.daemon.show(notice())
    number = bus_session.shown[0].id
    emit = daemon._bus.emit
    emit("/org/freedesktop/Notifications", BUS_NAME, "ActivationToken", "us", [number + 1, "no"])
    emit("/org/freedesktop/Notifications", BUS_NAME, "ActivationToken", "us", [number, "front"])
    daemon.act(bus_session.shown[0])
    assert desk.clicked() is Offer.STATUS
    assert os.environ[TOKEN] == "front"
    monkeypatch.delenv(TOKEN)


def test_a_notice_takes_the_place_of_its_kind(bus_session: Session, desk: Desk) -> None:
    daemon = bus_session.start_daemon()
    for kind in ("server", "", "", "server"):
        desk.daemon.show(notice(kind=kind))
    assert [shown.replaces for shown in bus_session.shown] == [0, 0, 0, 1]
    daemon.act(bus_session.shown[-1])
    desk.clicked()
    desk.daemon.show(notice(kind="server"))
    assert bus_session.shown[-1].replaces == 0, "what was closed is not replaced"


ANSWERS = [("yes", "Delete"), ("no", "Cancel")]


def test_a_question_that_nobody_answers_is_taken_away(bus_session: Session, desk: Desk) -> None:
    daemon = bus_session.start_daemon()
    assert desk.daemon.ask(notice(), ANSWERS, 0.01) == ""
    wait_until(lambda: daemon.closed, what="its end")


def test_a_question_ends_with_its_daemon(bus_session: Session, desk: Desk) -> None:
    daemon = bus_session.start_daemon()
    answers: queue.SimpleQueue[str] = queue.SimpleQueue()

    asking = threading.Thread(target=lambda: answers.put(desk.daemon.ask(notice(), ANSWERS, 60.0)))
    asking.start()
    daemon.wait()
    wait_until(lambda: desk.daemon._shown, what="its number")
    bus_session.stop_daemon()
    assert answers.get(timeout=PATIENCE) == ""
    asking.join()


def test_no_question_where_there_are_no_buttons(bus_session: Session, desk: Desk) -> None:
    bus_session.start_daemon(without="actions")
    with pytest.raises(NotShownError, match="no buttons"):
        desk.daemon.ask(notice(), ANSWERS, 10.0)
    assert bus_session.shown == []


@pytest.mark.parametrize("mode", ["deaf", "hang"])
def test_a_daemon_that_hangs(bus_session: Session, desk: Desk, mode: Mode) -> None:
    daemon = bus_session.start_daemon(mode)
    desk.daemon._patience = 0.2
    with pytest.raises(SilentDaemonError, match="does not answer"):
        desk.daemon.show(notice())
    desk.daemon._patience = PATIENCE
    daemon.answer()
    desk.daemon.show(notice("Last"))
    assert bus_session.shown[-1].title == "Last"


def test_the_end_of_the_bus_is_told(bus_session: Session, desk: Desk) -> None:
    bus_session.start_daemon()
    desk.daemon.show(notice())
    bus_session.bus.kill()
    wait_until(lambda: not desk.daemon._shown, what="the end of the bus")
    with pytest.raises(NotShownError, match="cannot be reached"):
        desk.daemon.show(notice())
