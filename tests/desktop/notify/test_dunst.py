"""A real notification daemon (dunst): what it shows, and a click on it with the mouse."""

import queue
from collections.abc import Iterator

import pytest

from mem0tray.desktop.bus import SessionBus
from mem0tray.desktop.notify import Notice, Offer
from mem0tray.desktop.notify.dbus import Daemon
from mem0tray.desktop.tray.icon import notice_icon
from tests.support.desktop import Desktop
from tests.support.processes import PATIENCE, wait_until
from tests.support.screen import Window

MIDDLE = 2  # the button of the mouse by which dunst does what a click on a notification does
HOSTILE = "<b>bold</b> <a href='https://example.org'>here</a> & &lt;"


@pytest.fixture
def bus(desktop: Desktop) -> Iterator[SessionBus]:
    with SessionBus(desktop.address) as made:
        yield made


def notification(desktop: Desktop) -> Window:
    return desktop.screen.wait_window(lambda window: window.kind == "NOTIFICATION")


def notice(body: str, kind: str = "") -> Notice:
    action = (Offer.STATUS, "Open mem0tray")
    return Notice("Title", "Title", body, kind=kind, actions=(action,))


def test_a_click_with_the_mouse(desktop: Desktop, bus: SessionBus) -> None:
    desktop.dunst()
    clicks: queue.SimpleQueue[Offer] = queue.SimpleQueue()
    Daemon(bus, notice_icon, clicks.put, PATIENCE).show(notice("Body"))
    shown = notification(desktop)
    desktop.screen.mouse(shown.x + shown.width // 2, shown.y + shown.height // 2, MIDDLE)
    assert clicks.get(timeout=PATIENCE) is Offer.STATUS


@pytest.mark.parametrize("markup", ["", "[global]\nmarkup = full\n"], ids=["none", "full"])
def test_no_text_becomes_markup(desktop: Desktop, bus: SessionBus, markup: str) -> None:
    daemon = desktop.dunst(markup)
    Daemon(bus, notice_icon, patience=PATIENCE).show(notice(HOSTILE))
    wait_until(lambda: "here" in daemon.out, what="dunst's list")
    assert "<b>bold" not in daemon.out
    assert "<a href" not in daemon.out


def test_what_is_over_leaves_the_screen(desktop: Desktop, bus: SessionBus) -> None:
    desktop.dunst()
    ours = Daemon(bus, notice_icon, patience=PATIENCE)
    ours.show(notice("one", "action"))
    before = notification(desktop)
    ours.show(notice("two", "action"))
    ours.about()
    # Dunst sets a few pixels more or less for other letters; a second one doubles the height.
    assert notification(desktop).height < 1.5 * before.height, "a second one stands below it"
    ours.withdraw("action")
    wait_until(
        lambda: not [each for each in desktop.screen.windows() if each.kind == "NOTIFICATION"],
        what="an empty screen",
    )
