"""The icon on macOS, with stand-ins for AppKit."""

import io
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from mem0tray.desktop.tray.icon import IconLook, compose
from mem0tray.desktop.tray.macos_icon import icon_class


class NSImage:
    """As AppKit's: it keeps what it is given."""

    def __init__(self) -> None:
        self.size: Any = None
        self.template: bool | None = None
        self.data = b""

    @classmethod
    def alloc(cls) -> "NSImage":
        """Make one."""
        return cls()

    def initWithData_(self, data: bytes) -> "NSImage":  # noqa: N802  (AppKit's name)
        """Take a file's bytes."""
        self.data = data
        return self

    def setSize_(self, size: tuple[int, int]) -> None:  # noqa: N802
        """Set how large it is shown, in points."""
        self.size = size

    def setTemplate_(self, template: bool) -> None:  # noqa: N802, FBT001
        """Say whether it is drawn in one colour."""
        self.template = template


def test_it_is_sharp_and_in_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """All 44 pixels reach AppKit, to be shown at 22 points, and not as a template."""
    kit: Any = ModuleType("AppKit")
    kit.NSImage = NSImage
    foundation: Any = ModuleType("Foundation")
    foundation.NSData = bytes
    monkeypatch.setitem(sys.modules, "AppKit", kit)
    monkeypatch.setitem(sys.modules, "Foundation", foundation)
    shown: list[NSImage] = []
    button = SimpleNamespace(setImage_=shown.append)
    icon: Any = icon_class(SimpleNamespace(Icon=SimpleNamespace))()
    picture = compose(IconLook("down", "red", "3"), 44)
    icon._icon, icon._status_item = picture, SimpleNamespace(button=lambda: button)
    icon._assert_image()
    (image,) = shown
    assert (image.size, image.template) == ((22, 22), False)
    assert image is icon._icon_image  # the status item does not hold it
    with Image.open(io.BytesIO(image.data)) as read:
        assert read.tobytes() == picture.tobytes()
