"""The icon on macOS: sharp on Retina displays, and in colour."""

import io
from typing import Any, Final

POINTS: Final = 22


def icon_class(library: Any) -> Any:
    """Pystray's class with an image of its own: it would shrink ours to 22 pixels."""
    import AppKit
    import Foundation

    class MacosIcon(library.Icon):  # type: ignore[misc]  # chosen by the library when it runs
        def _assert_image(self) -> None:
            buffer = io.BytesIO()
            self._icon.save(buffer, "png")
            data = Foundation.NSData(buffer.getvalue())
            image = AppKit.NSImage.alloc().initWithData_(data)
            image.setSize_((POINTS, POINTS))
            image.setTemplate_(False)  # a template would lose its colours
            self._icon_image = image
            self._status_item.button().setImage_(image)

    return MacosIcon
