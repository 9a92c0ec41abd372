"""The stand-ins are held against the real names, and let nothing else pass."""

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.desktop.macos import kit
from tests.desktop.macos.names import Names
from tests.desktop.macos.runtime import Machine


@pytest.fixture
def faulty(mac: Machine) -> Iterator[Machine]:
    """Be a Mac on which something goes wrong, and is remembered."""
    yield mac
    assert len(mac.faults) == 1
    mac.faults.clear()


# The names ------------------------------------------------------------------------------------


def test_no_stand_in_has_a_name_of_its_own(real_names: Names) -> None:
    assert kit.wrong(real_names) == []


def test_a_misspelt_stand_in_is_found(real_names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.desktop.macos.appkit import NSMenu

    monkeypatch.setattr(NSMenu, "addItems_", lambda self, item: None, raising=False)  # noqa: ARG005
    monkeypatch.setitem(kit.STAND_INS, "NSMenue", NSMenu)
    assert "NSMenu has no selector addItems:" in kit.wrong(real_names)
    assert "no class NSMenue" in kit.wrong(real_names)


# What is strict -------------------------------------------------------------------------------


def _kit() -> Any:
    import AppKit

    return AppKit


MISSPELT: dict[str, Callable[[], object]] = {
    "a selector": lambda: _kit().NSImage.alloc().setTemplat_(False),
    "another case": lambda: _kit().NSMenu.alloc().setAutoEnablesItems_(False),
    "an underscore too few": lambda: _kit().NSMenu.alloc().addItem(None),
    "a selector of another class": lambda: _kit().NSMenuItem.alloc().setToolTip_("x"),
    "a class": lambda: _kit().NSStatusbar,
    "a constant": lambda: _kit().NSVariableStatusLength,
    "a number": lambda: _kit().NSApplicationActivationPolicyAccesory,
    "an attribute": lambda: setattr(_kit().NSMenuItem.alloc().init(), "title", "x"),
}


@pytest.mark.usefixtures("faulty")
@pytest.mark.parametrize("use", MISSPELT.values(), ids=list(MISSPELT))
def test_what_macos_has_not_is_no_attribute(use: Callable[[], object]) -> None:
    with pytest.raises(AttributeError):
        use()


@pytest.mark.usefixtures("faulty")
@pytest.mark.parametrize("arguments", [(), ("a", "b")], ids=["too few", "too many"])
def test_a_selector_has_its_number_of_arguments(arguments: tuple[str, ...]) -> None:
    with pytest.raises(TypeError, match=r"initWithTitle: needs 1 arguments, got"):
        _kit().NSMenu.alloc().initWithTitle_(*arguments)


@pytest.mark.usefixtures("faulty")
def test_another_thread_touches_appkit_in_vain() -> None:
    raised: list[Exception] = []

    def touch() -> None:
        try:
            _kit().NSStatusBar.systemStatusBar()
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=touch)
    thread.start()
    thread.join()
    assert len(raised) == 1


@pytest.mark.parametrize("turn", ["first", "second"])
def test_it_is_a_mac_for_one_test_alone(request: pytest.FixtureRequest, turn: str) -> None:
    del turn
    left = [name for name in kit.there() if name != "pystray" and "pystray." not in name]
    assert left == [] or sys.platform == "darwin"
    request.getfixturevalue("mac")
    assert "AppKit" in kit.there()
    assert _kit().NSMenu is not None
