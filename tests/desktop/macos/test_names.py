"""The stand-ins are held against the real names, and let nothing else pass."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.desktop.macos import kit
from tests.desktop.macos.names import Names
from tests.desktop.macos.runtime import Machine


@pytest.fixture
def faulty(mac: Machine) -> Iterator[Machine]:
    yield mac
    assert len(mac.faults) == 1
    mac.faults.clear()


def test_no_stand_in_has_a_name_of_its_own(real_names: Names) -> None:
    assert kit.wrong(real_names) == []


def _kit() -> Any:
    import AppKit

    return AppKit


MISSPELT: dict[str, Callable[[], object]] = {
    "a selector": lambda: _kit().NSImage.alloc().setTemplat_(False),
    "an underscore too few": lambda: _kit().NSMenu.alloc().addItem(None),
    "a selector of another class": lambda: _kit().NSMenuItem.alloc().setToolTip_("x"),
    "a class": lambda: _kit().NSStatusbar,
    "a constant": lambda: _kit().NSVariableStatusLength,
    "an attribute": lambda: setattr(_kit().NSMenuItem.alloc().init(), "title", "x"),
}


@pytest.mark.usefixtures("faulty")
@pytest.mark.parametrize("use", MISSPELT.values(), ids=list(MISSPELT))
def test_what_macos_has_not_is_no_attribute(use: Callable[[], object]) -> None:
    with pytest.raises(AttributeError):
        use()
