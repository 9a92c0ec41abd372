"""The stand-ins are held against the real names, and let nothing else pass."""

import importlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.desktop.macos import kit
from tests.desktop.macos.runtime import Machine


@pytest.mark.usefixtures("mac")
def test_no_stand_in_has_a_name_of_its_own() -> None:
    assert kit.wrong() == []


MISSPELT: dict[str, Callable[[Any], object]] = {
    "a selector": lambda kit: kit.NSImage.alloc().setTemplat_(False),
    "an underscore too few": lambda kit: kit.NSMenu.alloc().addItem(None),
    "a selector of another class": lambda kit: kit.NSMenuItem.alloc().setToolTip_("x"),
    "a class": lambda kit: kit.NSStatusbar,
    "a constant": lambda kit: kit.NSVariableStatusLength,
    "an attribute": lambda kit: setattr(kit.NSMenuItem.alloc().init(), "title", "x"),
}


@pytest.mark.parametrize("use", MISSPELT.values(), ids=list(MISSPELT))
def test_what_macos_has_not_is_no_attribute(mac: Machine, use: Callable[[Any], object]) -> None:
    with pytest.raises(AttributeError):
        use(importlib.import_module("AppKit"))
    assert len(mac.faults) == 1
    mac.faults.clear()
