"""The icon on macOS: pystray's, as an item of the menu bar, with one menu for life.

All of it is on the main thread: AppKit's rule, which `Tray` keeps.
"""

import io
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

POINTS: Final = 18
# AppKit's loop runs nothing of Python, and so none of Python's signal handlers.
_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Looked at so many seconds after the start, and again so many later: a bar may be hidden for a
# moment, as by a film that fills the screen.
_LOOKS: Final = (10.0, 60.0)
_EVENT: Final = (
    "otherEventWithType_location_modifierFlags_timestamp_windowNumber_context_subtype_data1_data2_"
)
_PYSTRAY: Any = object  # stands for pystray's class, which is a base too
_Place = tuple[object, ...]  # the identities of a line and of those above it


def icon_class(library: Any) -> Any:
    """Pystray's class for this system; once in a process, as Objective-C keeps its delegate's."""
    return type("MacosIcon", (_MenuBarIcon, library.Icon), {"separator": library.Menu.SEPARATOR})


class _MenuBarIcon(_PYSTRAY):  # type: ignore[misc]  # pystray has no types
    """The system's part of pystray's `Icon`; `icon` is one picture at 1x and at 2x.

    `at_end` is called as the system ends the process, `at_open` as the menu opens, `hidden` if
    nothing of the icon can be seen.
    """

    at_end: Callable[[], None]
    at_open: Callable[[], object]
    hidden: Callable[[], object]
    separator: Any

    def __init__(self, *arguments: Any) -> None:
        import AppKit

        self._kit: Any = AppKit
        super().__init__(*arguments)
        self._told = _delegate_class().alloc().init()  # AppKit does not keep a reference
        self._told.icon = self
        self._app = self._kit.NSApplication.sharedApplication()
        # Else Python's bundle would appear in the Dock, and its name in the menu bar.
        self._app.setActivationPolicy_(self._kit.NSApplicationActivationPolicyAccessory)
        self._bar = self._kit.NSStatusBar.systemStatusBar()
        self._item = self._bar.statusItemWithLength_(self._kit.NSVariableStatusItemLength)
        self._item.setAutosaveName_(self.name)  # by which its place in the bar is kept
        self.shown: dict[_Place, Any] = {}  # the lines of the menu while it is open
        menu = self._kit.NSMenu.alloc().initWithTitle_(self.name)
        menu.setDelegate_(self._told)
        self._item.setMenu_(menu)

    def _run(self) -> None:
        import Foundation
        from PyObjCTools import MachSignals

        self._app.setDelegate_(self._told)
        # App Nap would slow down the worker's timers, as we have no window. The
        # computer may sleep all the same.
        self._awake = Foundation.NSProcessInfo.processInfo().beginActivityWithOptions_reason_(
            Foundation.NSActivityUserInitiatedAllowingIdleSystemSleep, "memories are delivered"
        )
        for number in _ENDING:
            MachSignals.signal(number, lambda _: self.stop())
        self._mark_ready()
        try:
            self._app.run()
        finally:
            self.visible = False  # its place in the bar is given back

    def _stop(self) -> None:
        self._app.stop_(None)
        # The loop looks at that after an event alone; AppKit: NSApplication, stop:.
        kind, place = self._kit.NSEventTypeApplicationDefined, self._kit.NSPoint(0, 0)
        event = getattr(self._kit.NSEvent, _EVENT)(kind, place, 0, 0.0, 0, None, 0, 0, 0)
        self._app.postEvent_atStart_(event, True)  # noqa: FBT003  (AppKit's own order)

    def _show(self) -> None:
        from PyObjCTools import AppHelper

        self._update_title()
        AppHelper.callLater(_LOOKS[0], self._look, *_LOOKS[1:])

    def _hide(self) -> None:
        self._bar.removeStatusItem_(self._item)

    def _update_icon(self) -> None:
        import Foundation

        image = self._kit.NSImage.alloc().initWithSize_((POINTS, POINTS))
        for picture in self.icon:
            data = io.BytesIO()
            picture.save(data, "png")
            drawn = self._kit.NSBitmapImageRep.imageRepWithData_(Foundation.NSData(data.getvalue()))
            drawn.setSize_((POINTS, POINTS))  # in points, which makes the larger one that for 2x
            image.addRepresentation_(drawn)
        # The bar gives a template its own colour: only what has none may be one.
        image.setTemplate_(all(each.mode == "LA" for each in self.icon))
        self._item.button().setImage_(image)
        self._icon_valid = True

    def _update_title(self) -> None:
        button = self._item.button()
        button.setToolTip_(self.title)
        button.setAccessibilityLabel_(self.title.partition("\n")[0])  # what VoiceOver says

    def _update_menu(self) -> None:
        """Change words and ticks of an open menu in place: a line stays under the pointer."""
        self._mend(self.menu, ())

    def fill(self, menu: Any, lines: Any, above: _Place = ()) -> Any:
        """Fill a menu that is about to open, and return it."""
        menu.removeAllItems()
        menu.setAutoenablesItems_(False)
        for place, line in _placed(lines, above):
            if line is self.separator:
                menu.addItem_(self._kit.NSMenuItem.separatorItem())
                continue
            item = self._kit.NSMenuItem.alloc()
            item = item.initWithTitle_action_keyEquivalent_(line.text, "chosen:", "")
            item.setTarget_(self._told)
            self._word(item, line)
            if line.submenu:
                below = self._kit.NSMenu.alloc().initWithTitle_(line.text)
                item.setSubmenu_(self.fill(below, line.submenu, place))
            menu.addItem_(item)
            self.shown[place] = item
        return menu

    def _mend(self, lines: Any, above: _Place) -> None:
        for place, line in _placed(lines, above):
            if place in self.shown:
                self._word(self.shown[place], line)
                self._mend(line.submenu, place)

    def _word(self, item: Any, line: Any) -> None:
        item.setTitle_(line.text)
        item.setEnabled_(bool(line.enabled))
        on, off = self._kit.NSControlStateValueOn, self._kit.NSControlStateValueOff
        item.setState_(on if line.checked else off)
        item.setRepresentedObject_(line)  # which a click carries out

    def _look(self, *waits: float) -> None:
        """Look whether macOS shows it; the settings of the bar and a notch may hide it.

        Its window says so, as Apple's engineers answered FB7087526: NSWindow, occlusionState.
        """
        from PyObjCTools import AppHelper

        window = self._item.button().window()
        seen = window is not None and window.isVisible() and window.occlusionState()
        if not self._visible or (seen and seen & self._kit.NSWindowOcclusionStateVisible):
            return
        if waits:
            AppHelper.callLater(waits[0], self._look, *waits[1:])
        else:
            self.hidden()


def _placed(lines: Any, above: _Place) -> Iterator[tuple[_Place, Any]]:
    """Yield the lines with their places; no two have the same, and each keeps its own."""
    seen: Counter[object] = Counter()
    for line in lines or ():
        identity = getattr(line, "identity", line.text)
        yield (*above, identity, seen[identity]), line
        seen[identity] += 1


def _delegate_class() -> Any:
    import Foundation

    class Mem0trayDelegate(Foundation.NSObject):  # type: ignore[misc]  # it has no types
        """Called by AppKit about application and menu; after `exit` no Python runs."""

        def applicationWillTerminate_(self, _: Any) -> None:  # noqa: N802  (AppKit's name)
            self.icon.at_end()

        def applicationShouldHandleReopen_hasVisibleWindows_(self, _: Any, __: Any) -> bool:  # noqa: N802
            self.icon()  # a second start of the bundle, which macOS makes none
            return False

        def menuNeedsUpdate_(self, menu: Any) -> None:  # noqa: N802
            self.icon.at_open()
            self.icon.shown = {}
            self.icon.fill(menu, self.icon.menu)

        def menuDidClose_(self, _: Any) -> None:  # noqa: N802
            self.icon.shown = {}  # what comes now is for the next time

        def chosen_(self, item: Any) -> None:
            item.representedObject()(self.icon)

    return Mem0trayDelegate
