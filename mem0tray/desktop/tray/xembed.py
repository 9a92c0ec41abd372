"""The icon in a panel of the older kind (XEmbed), which has no menu, by pystray's own backend.

All of it is on one thread: the X library loses requests that two make at once.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from mem0tray.core.state import STARTING
from mem0tray.desktop import session
from mem0tray.desktop.bus import DBUS, Match
from mem0tray.desktop.tray import icon as icons
from mem0tray.desktop.tray.icon import IconLook
from mem0tray.system.paths import APP
from mem0tray.system.threads import WakeUp

if TYPE_CHECKING:
    from mem0tray.desktop.bus import SessionBus

WAITS: Final = (1.0, 4.0, 15.0, 40.0)  # seconds; after a login a panel may come late
_STAYS: Final = 10  # stays in older panels: one that throws us out again is not tried for ever
_PLANES: Final = 0xFFFFFFFF  # all
_GREY: Final = (46, 52, 54)
_log: Final = logging.getLogger(__name__)


class OlderPanel:
    """Brings the icon into an older panel where there is no other.

    `clicked` is called on its thread, and `report` if no panel shows icons.
    """

    def __init__(
        self, bus: "SessionBus", report: Callable[[], None], clicked: Callable[[], None]
    ) -> None:
        self._bus = bus
        self._report = report
        self._clicked = clicked
        self._look = icons.look(STARTING, 0, 0)
        self._wake: WakeUp | None = None
        self._left = False  # whether another panel has come
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mem0tray-host", daemon=True)
        bus.subscribe(Match(session.WATCHER, "StatusNotifierHostRegistered"), self._leave)
        owner = Match(DBUS, "NameOwnerChanged", sender=DBUS, first=session.WATCHER)
        bus.subscribe(owner, self._leave)

    def start(self, waits: Sequence[float] = WAITS) -> None:
        """Look for a panel after each of these waits, and so again when an older one ends."""
        self._waits = waits
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._leave()

    def show(self, look: IconLook) -> None:
        """Show this look, now or once there is such a panel; from any thread, without waiting."""
        self._look = look
        self._set()

    def _leave(self, _: object = None) -> None:
        self._left = True
        self._set()

    def _set(self) -> None:
        if self._wake is not None:
            self._wake.set()

    def _run(self) -> None:
        for _ in range(_STAYS):
            self._left = False
            found = self._found()
            if found != session.XEMBED or self._stopping.is_set():
                break
            self._stay()
        else:
            found = ""
        if not found and not self._stopping.is_set():
            self._report()

    def _found(self) -> str:
        """Return what shows icons, as soon as something does; empty when nothing has come."""
        for wait in self._waits:
            if self._stopping.wait(wait):
                break
            if found := session.shown_by(self._bus):
                return found
        return ""

    def _stay(self) -> None:
        """Show the icon until its panel goes, or another has come; not at all if it just has."""
        with WakeUp() as self._wake:
            if self._left:
                return
            try:
                with contextlib.closing(_icon(self._clicked)) as icon:
                    while not self._left and icon.draw(self._look):
                        self._wake.wait(None, icon)
            except Exception as error:  # noqa: BLE001  (the X library's own, as the display ends)
                _log.info("The icon in the older panel is gone: %r", error)


def _background(window: Any, width: int, height: int) -> Any:
    """Return what the panel shows behind our window, else grey."""
    from Xlib import X
    from Xlib.error import XError

    try:
        window.change_attributes(background_pixmap=X.ParentRelative)
        window.clear_area(0, 0, width, height)
        found = window.get_image(0, 0, width, height, X.ZPixmap, _PLANES)
        return Image.frombytes("RGB", (width, height), found.data, "raw", "BGRX")
    except (XError, ValueError):  # of another depth than our window, or unreadable
        return Image.new("RGB", (width, height), _GREY)


def _icon(click: Callable[[], None]) -> Any:  # noqa: C901 - a class is made in it, once the backend is chosen
    """Make pystray's icon for these panels, which asks for clicks, and is transparent."""
    from pystray import Menu, MenuItem, _xorg
    from Xlib import X
    from Xlib.error import ConnectionClosedError

    class Icon(_xorg.Icon):  # type: ignore[misc]  # pystray has no types
        _look: IconLook | None = None
        _systray_manager: Any

        def draw(self, look: IconLook) -> bool:
            """Show this look, and do what the X server asks for; return whether a panel has us."""
            if look != self._look:
                self._look = look
                self.icon = icons.compose(look, icons.SMALLEST)
                self.visible = True
            while self._display.pending_events():  # raises once the display has gone
                event = self._display.next_event()
                self._message_handlers.get(event.type, lambda _: None)(event)
            return self._systray_manager is not None

        def fileno(self) -> int:
            return int(self._display.fileno())

        def close(self) -> None:
            with contextlib.suppress(ConnectionClosedError, OSError):
                self._display.close()  # with the connection the icon goes

        __del__ = close

        def _create_window(self) -> Any:
            window = super()._create_window()
            wanted = X.ExposureMask | X.StructureNotifyMask | X.ButtonPressMask
            window.change_attributes(event_mask=wanted)
            return window

        def _dock_window(self) -> None:
            # pystray asks for docking at every change: a panel that is just docking us may lose us.
            if self._systray_manager is None:
                super()._dock_window()

        def _on_destroy_notify(self, event: Any) -> None:
            if self._systray_manager is None or event.window.id == self._systray_manager.id:
                self._systray_manager = None  # the panel has gone

        def _assert_icon_data(self, width: int, height: int) -> None:
            drawn = icons.compose(self._look or icons.look(STARTING, 0, 0), min(width, height))
            picture = _background(self._window, width, height)
            picture.paste(drawn, ((width - drawn.width) // 2, (height - drawn.height) // 2), drawn)
            picture.tostring = picture.tobytes  # the X library still uses this name
            self._icon_data = picture

    icon = Icon(APP, menu=Menu(MenuItem("click", lambda: click(), default=True)))  # noqa: PLW0108  (pystray counts arguments)
    icon._thread = threading.current_thread()  # noqa: SLF001  (pystray's, where it does its work)
    return icon
