"""The stand-ins are held against the real names, and let nothing else pass."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.desktop.macos import kit, names
from tests.desktop.macos.names import Names, NoNamesError
from tests.desktop.macos.runtime import BadPrototypeError, Machine, act


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


def test_the_wheels_tell_thousands(real_names: Names) -> None:
    assert len(real_names.values) > 5000
    assert sum(map(len, real_names.selectors.values())) > 4000
    assert real_names.values["NSVariableStatusItemLength"] == -1
    assert real_names.values["NSOnState"] == 1


def test_they_are_fetched_once(
    real_names: Names, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(subprocess, "run", None)
    assert names.folder() == real_names.modules
    assert capsys.readouterr().err == ""


def test_without_a_network_it_is_said_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    packaging = tmp_path / "packaging"
    packaging.mkdir()
    (packaging / "constraints.txt").write_text('pyobjc-core==0.1 ; sys_platform == "darwin"\n')
    monkeypatch.setattr(names, "ROOT", tmp_path)
    monkeypatch.setattr(names, "_PINS", packaging / "constraints.txt")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(NoNamesError, match=r"pyobjc-core==0\.1 cannot be downloaded: ERROR: No m"):
        names.folder()
    assert "Downloading" in capsys.readouterr().err
    assert [each.name for each in (tmp_path / ".cache").iterdir()] == ["lock"]


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
@pytest.mark.parametrize("value", [None, 7, b"text"])
def test_a_text_is_a_text(value: object) -> None:
    with pytest.raises(TypeError, match="is no text"):
        _kit().NSMenu.alloc().initWithTitle_(value)


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


@pytest.mark.usefixtures("mac")
def test_our_own_methods_take_what_their_selectors_say() -> None:
    import Foundation
    import objc

    with pytest.raises(BadPrototypeError):
        type("One", (Foundation.NSObject,), {"done_": lambda self: None, "__module__": "x"})  # noqa: ARG005
    with pytest.raises(BadPrototypeError):
        objc.namedSelector(b"done:with:")(lambda self, one: None)  # noqa: ARG005


def test_an_action_that_nobody_answers_to_is_a_fault(faulty: Machine) -> None:
    with pytest.raises(AttributeError, match="unrecognized selector"):
        act(_kit().NSMenuItem.alloc().init(), b"activat:", None)
    assert faulty.faults


@pytest.mark.usefixtures("faulty")
def test_what_nothing_stands_in_for_is_named() -> None:
    with pytest.raises(AttributeError, match="which nothing here stands in for"):
        _kit().NSImage.alloc().setFlipped_(True)


@pytest.mark.parametrize("turn", ["first", "second"])
def test_it_is_a_mac_for_one_test_alone(request: pytest.FixtureRequest, turn: str) -> None:
    del turn
    left = [name for name in kit.there() if name != "pystray" and "pystray." not in name]
    assert left == [] or sys.platform == "darwin"
    request.getfixturevalue("mac")
    assert "AppKit" in kit.there()
    assert _kit().NSMenu is not None
