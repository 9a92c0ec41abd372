"""Looking for an older panel, staying in it, and leaving it."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from mem0tray.desktop import session
from mem0tray.desktop.session import STATUS_NOTIFIER, XEMBED
from mem0tray.desktop.tray import xembed
from mem0tray.desktop.tray.xembed import OlderPanel
from tests.support.processes import PATIENCE

NEVER = (3600.0,)
LEAVE = "StatusNotifierHostRegistered"


class Watched:
    """A panel to find: what shows icons is `by`; `looks` and icons `made` and `drawn` are counted.

    It stands in for pystray's icon too, which the panel throws out at once.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.by = ""
        self.looks = self.made = self.drawn = 0
        self.report = mock.Mock()
        self.open = False
        self.panels: list[OlderPanel] = []
        self._signals: dict[str, Any] = {}
        monkeypatch.setattr(session, "shown_by", self._shown_by)
        monkeypatch.setattr(xembed, "_icon", self.make)

    def _shown_by(self, _: object) -> str:
        self.looks += 1
        return self.by

    def another_comes(self) -> None:
        self.by = STATUS_NOTIFIER
        self._signals[LEAVE]([])

    def look(self, looks: tuple[float, ...] = (0.0, 0.0)) -> OlderPanel:
        subscribe = lambda match, heard: self._signals.update({match.member: heard})  # noqa: E731
        bus: Any = SimpleNamespace(subscribe=subscribe)
        made = OlderPanel(bus, self.report, lambda: None)
        self.panels.append(made)
        made.start(looks)
        return made

    def ended(self, panel: OlderPanel) -> bool:
        panel._thread.join(PATIENCE)
        return not (panel._thread.is_alive() or self.open)

    def make(self, _: object) -> "Watched":
        self.made += 1
        self.open = True
        return self

    def draw(self, _: object) -> bool:
        self.drawn += 1
        return False

    def close(self) -> None:
        self.open = False


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    made = Watched(monkeypatch)
    yield made
    for panel in made.panels:
        panel.stop()
        panel._thread.join(PATIENCE)


def test_no_panel_is_reported(watched: Watched) -> None:
    assert watched.ended(watched.look())
    watched.report.assert_called_once_with()
    assert watched.looks == 2


def test_a_panel_makes_it_silent(watched: Watched) -> None:
    watched.by = STATUS_NOTIFIER
    assert watched.ended(watched.look())
    assert (watched.report.called, watched.looks) == (False, 1)
    assert watched.made == 0


def test_it_waits_for_the_login(watched: Watched) -> None:
    panel = watched.look(NEVER)
    assert panel._thread.is_alive()
    panel.stop()
    assert watched.ended(panel)
    assert (watched.report.called, watched.looks) == (False, 0)


def test_leaving_just_before_the_stay_shows_no_icon(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = OlderPanel._found

    def leave_after(panel: OlderPanel) -> str:
        watched.by = XEMBED if not watched.looks else STATUS_NOTIFIER
        said = found(panel)
        watched.another_comes()
        return said

    monkeypatch.setattr(OlderPanel, "_found", leave_after)
    assert watched.ended(watched.look())
    assert (watched.looks, watched.made) == (2, 0)


def test_leaving_while_the_icon_is_made_ends_it(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave_first(click: object) -> Watched:
        watched.another_comes()
        return watched.make(click)

    watched.by = XEMBED
    monkeypatch.setattr(xembed, "_icon", leave_first)
    assert watched.ended(watched.look())
    assert (watched.made, watched.drawn) == (1, 0)


def test_a_panel_that_throws_it_out_is_none(watched: Watched) -> None:
    watched.by = XEMBED
    assert watched.ended(watched.look())
    assert watched.made == 10
    watched.report.assert_called_once_with()
