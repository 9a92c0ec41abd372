"""The icon as a panel meets it over the bus: what it shows, and what a click does."""

import os
import threading
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from PIL import Image

from mem0tray.desktop import tray
from mem0tray.desktop.bus import SessionBus
from mem0tray.desktop.tray import linux
from mem0tray.system.threads import WakeUp
from tests.support.bus import BusError
from tests.support.session import Session, needs_dbus
from tests.support.sni import TrayHost, TrayItem

pytestmark = needs_dbus
RED = (255, 0, 0, 255)


class IconDesk:
    """One icon named `lab`; `menu` and `MenuItem` are pystray's."""

    def __init__(self, address: str) -> None:
        self.library = tray.pystray(ours=True)
        self.MenuItem = self.library.MenuItem
        self.bus = SessionBus(address)
        self.bus.connect()
        self.icon = linux.icon_class(self.library, self.bus)(
            "lab", (Image.new("RGBA", (32, 32), RED),), "lab"
        )
        self.host = TrayHost(address)
        self.ran = 0  # callbacks
        self._thread = threading.Thread(target=self.icon.run, name="desk", daemon=True)

    def menu(self, *items: Any) -> None:
        self.icon.menu = self.library.Menu(*items)

    def note(self) -> None:
        self.ran += 1

    def start(self) -> TrayItem:
        self._thread.start()
        return self.host.wait_item()

    def close(self) -> None:
        self.icon.stop()
        self.bus.close()
        self.host.close()


@pytest.fixture
def desk(bus_session: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[IconDesk]:
    """Set one up; the signals of this process stay Python's, and nothing is told twice."""
    monkeypatch.setattr(linux, "Bell", WakeUp)
    monkeypatch.setattr(linux, "_AGAIN", 3600.0)
    monkeypatch.setattr(linux, "_LISTENS", 0.0)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    made = IconDesk(bus_session.environ["DBUS_SESSION_BUS_ADDRESS"])
    yield made
    made.close()


def test_what_a_panel_reads(desk: IconDesk) -> None:
    item = desk.start()
    item.wait_for(lambda: item.status == "Active")
    shown = item.properties()
    assert item.colour() == RED
    assert {name: shown[name] for name in ("Id", "Title", "Category", "ItemIsMenu", "Menu")} == {
        "Id": "lab", "Title": "lab", "Category": "ApplicationStatus", "ItemIsMenu": False,
        "Menu": "/MenuBar",
    }  # fmt: skip
    assert shown["IconName"] == shown["AttentionIconName"] == ""


def test_the_tooltip_has_a_title_and_lines(desk: IconDesk) -> None:
    item = desk.start()
    desk.icon.title = "lab <b>\nfirst & last\nsecond"
    item.wait_for(lambda: item.properties()["ToolTip"][3])
    assert [*item.properties()["ToolTip"]] == ["", [], "lab ‹b›", "first ＆ last\nsecond"]
    assert item.properties()["IconAccessibleDesc"] == "lab <b>"
    assert item.title == "lab"


def test_a_panel_that_listens_late_is_told_again(
    desk: IconDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linux, "_AGAIN", 0.1)
    item = desk.start()
    item.wait_for(lambda: item.status == "Active")
    wanted = {"NewIcon", "NewAttentionIcon", "NewToolTip", "NewStatus"}
    item.wait_for(lambda: wanted <= {name for name, _ in item.signals})
    assert item.colour() == RED


def test_a_menu_that_fails_leaves_the_last_one(
    desk: IconDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.menu(desk.MenuItem("x", desk.note))
    item = desk.start()
    desk.menu(desk.MenuItem(mock.Mock(side_effect=LookupError("on purpose")), desk.note))
    assert item.menu().labels == ["x"]
    assert "on purpose" in caplog.text


def test_that_the_menu_opens_is_told_and_of_a_submenu_it_is_not(desk: IconDesk) -> None:
    opened: list[int] = []
    desk.icon.menu_there.at_open = lambda: opened.append(0)
    desk.menu(desk.MenuItem("more", desk.library.Menu(desk.MenuItem("b", desk.note))))
    item = desk.start()
    more = item.menu().find("more")
    opened.clear()
    item.ask_menu("AboutToShow", "i", more.id)
    assert opened == []
    item.ask_menu("AboutToShow", "i", 0)
    assert opened == [0]


def test_a_part_of_the_menu(desk: IconDesk) -> None:
    below = desk.library.Menu(desk.MenuItem("b", desk.note, checked=lambda _: True))
    desk.menu(desk.MenuItem("a", desk.note), desk.MenuItem("more", below))
    item = desk.start()
    more = item.menu().find("more")
    _, (_, _, children) = item.ask_menu("GetLayout", "iias", 0, 1, ["label"])
    assert [[*child[1:]] for child in children] == [[{"label": "a"}, []], [{"label": "more"}, []]]
    _, (number, _, children) = item.ask_menu("GetLayout", "iias", more.id, -1, [])
    assert (number, len(children)) == (more.id, 1)
    (found,) = item.ask_menu("GetGroupProperties", "aias", [more.id, 4711], ["label"])
    assert [[*each] for each in found] == [[more.id, {"label": "more"}]]
    assert item.ask_menu("AboutToShow", "i", more.id) == [False]
    assert item.ask_menu("AboutToShowGroup", "ai", [more.id, 4711]) == [[], [4711]]
    for member, signature, *body in (
        ("GetLayout", "iias", 4711, -1, []),
        ("AboutToShow", "i", 4711),
    ):
        with pytest.raises(BusError, match="does not refer to a menu item"):
            item.ask_menu(member, signature, *body)


def test_lines_that_changed_are_read_again_when_they_open(desk: IconDesk) -> None:
    texts = ["b"]
    below = desk.library.Menu(lambda: [desk.MenuItem(text, desk.note) for text in texts])
    desk.menu(desk.MenuItem("a", desk.note), desk.MenuItem("more", below))
    item = desk.start()
    a, more = (item.menu().find(label).id for label in ("a", "more"))
    texts.append("c")
    desk.icon.update_menu()
    item.wait_label("more", "c")
    for _ in range(2):  # each panel asks for itself
        assert item.ask_menu("AboutToShow", "i", more) == [True]
        assert item.ask_menu("AboutToShowGroup", "ai", [a, more, 4711]) == [[more], [4711]]
    assert item.ask_menu("AboutToShow", "i", a) == [False]


def test_an_open_menu_is_changed_and_not_replaced_and_its_tick_set_right_after_a_click(
    desk: IconDesk,
) -> None:
    state = {"text": "before"}
    desk.menu(desk.MenuItem(lambda _: state["text"], desk.note, checked=lambda _: False))
    desk.icon.menu.items[0].identity = "a"
    item = desk.start()
    number = item.menu().find("before").id
    item.signals.clear()
    state["text"] = "after"
    desk.icon.update_menu()
    item.wait_label("after")
    assert item.events((number, "clicked")) == []
    item.wait_for(lambda: len(item.signals) == 2)
    assert desk.ran == 1
    assert {name for name, _ in item.signals} == {"ItemsPropertiesUpdated"}
    _, (updated, _) = item.signals[1]
    assert [(each[0], each[1]["toggle-state"].value) for each in updated] == [(number, 0)]
