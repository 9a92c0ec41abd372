"""The icon on macOS: pystray's, sharp on Retina displays, in colour, and ended in order."""

import io
import signal
from collections.abc import Callable
from typing import Any, Final

POINTS: Final = 22
# AppKit's loop runs nothing of Python, and so none of Python's signal handlers. Pystray catches
# SIGINT, and has AppKit end the process.
_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)


def icon_class(library: Any) -> Any:
    """Make pystray's class, with a sharp image; once in a process, as Objective-C keeps a class."""
    import AppKit
    import Foundation
    from PyObjCTools import MachSignals

    delegate = _delegate_class()

    class MacosIcon(library.Icon):  # type: ignore[misc]  # chosen by the library when it runs
        at_end: Callable[[], None]
        menu_is_open = False

        def __init__(self, *arguments: Any) -> None:
            self._told = delegate.alloc().init()  # AppKit does not keep a reference
            self._told.icon = self
            super().__init__(*arguments)
            # Else Python's bundle would appear in the Dock, and its name in the menu bar.
            self._app.setActivationPolicy_(AppKit.NSApplicationActivationPolicyAccessory)

        def _run(self) -> None:
            self._app.setDelegate_(self._told)
            # App Nap would slow down the worker's timers, as we have no window. The
            # computer may sleep all the same.
            self._awake = Foundation.NSProcessInfo.processInfo().beginActivityWithOptions_reason_(
                Foundation.NSActivityUserInitiatedAllowingIdleSystemSleep, "memories are delivered"
            )
            for number in _ENDING:
                MachSignals.signal(number, lambda _: self.stop())
            super()._run()
            self._visible = False  # its place is given back, and must not be touched again

        def _update_menu(self) -> None:
            """Replace the menu, but not while it is open: a click is for the line that is seen."""
            if not self.menu_is_open:
                super()._update_menu()
                if self._menu_handle:
                    self._menu_handle[0].setDelegate_(self._told)

        def _create_menu_item(self, line: Any, callbacks: Any) -> Any:
            """Make a line that has its own callback; pystray finds it by the line's place."""
            item = super()._create_menu_item(line, callbacks)
            item.setRepresentedObject_(self._handler(line))
            item.setTarget_(self._told)
            item.setAction_("clicked:")
            return item

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


def _delegate_class() -> Any:
    import Foundation
    from PyObjCTools import AppHelper

    class Mem0trayDelegate(Foundation.NSObject):  # type: ignore[misc]  # it has no types
        """Called by AppKit about the menu, and before `exit`, after which no Python runs."""

        def applicationWillTerminate_(self, _: Any) -> None:  # noqa: N802  (AppKit's name)
            self.icon.at_end()

        def menuWillOpen_(self, _: Any) -> None:  # noqa: N802
            self.icon.menu_is_open = True

        def menuDidClose_(self, _: Any) -> None:  # noqa: N802
            self.icon.menu_is_open = False
            AppHelper.callAfter(self.icon.update_menu)  # the click that closed it comes first

        def clicked_(self, line: Any) -> None:
            line.representedObject()()

    return Mem0trayDelegate
