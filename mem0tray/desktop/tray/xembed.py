"""The icon in a panel of the older kind (XEmbed): pystray's own, in a process of its own.

It is shown where no panel takes the icon over the bus. pystray's backend waits without end for an X
server that has gone. A click shows the status; such a panel draws no menu.

    python -m mem0tray.desktop.tray.xembed

Each line on standard input is a look as a JSON object, each on standard output a click. It ends
with its input, or its panel.
"""

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from mem0tray.core.errors import Mem0TrayError
from mem0tray.desktop import session
from mem0tray.desktop.tray import icon as icons
from mem0tray.desktop.tray.icon import IconLook
from mem0tray.files import atomic
from mem0tray.system import programs
from mem0tray.system.paths import APP

_COMMAND: Final = (sys.executable, "-P", "-m", "mem0tray.desktop.tray.xembed")
LOOKS: Final = (1.0, 5.0, 20.0, 60.0)  # seconds; after a login a panel may come late
_STAYS: Final = 10  # stays in older panels: one that throws us out again is not tried for ever
_REPORTED: Final = b"The user knows that no panel shows the icon.\n"
_INPUT: Final = 0
_PIPE: Final = 65_536  # bytes that a pipe holds: whole lines, as each is written at once
_PLANES: Final = 0xFFFFFFFF  # all
_GREY: Final = (46, 52, 54)

if TYPE_CHECKING:
    from mem0tray.desktop.bus import SessionBus


class OlderPanel:
    """Shows what it was last given, while `stay` runs. `clicked` is called on its thread."""

    def __init__(self, clicked: Callable[[], object]) -> None:
        self._clicked = clicked
        self._guard = threading.Lock()
        self._pipe: int | None = None  # the pipe to the process, while there is one
        self._left = False  # `leave` was called while there was none
        self._shown = b""

    def show(self, look: IconLook) -> None:
        """Show this look, now or once there is such a panel; from any thread, without waiting."""
        with self._guard:
            self._shown = f"{json.dumps(asdict(look))}\n".encode()
            self._write()

    def stay(self) -> None:
        """Show the icon until its panel goes, or `leave` is called; not at all if it just was."""
        with self._guard:
            left, self._left = self._left, False
            if left:
                return
            reading, self._pipe = os.pipe()
            os.set_blocking(self._pipe, False)
            self._write()
        try:
            child = subprocess.Popen(  # noqa: S603  (ourselves)
                _COMMAND,
                stdin=reading,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=programs.child_environment(),
                **programs.detached(),
            )
        except OSError:  # no process can be started: no icon
            self.leave()
            return
        finally:
            os.close(reading)
        for _ in child.stdout or ():
            self._clicked()
        self.leave()
        child.communicate()

    def leave(self) -> None:
        """Remove the icon: the process ends with its input, and `stay` returns."""
        with self._guard:
            self._left = self._pipe is None
            if self._pipe is not None:
                os.close(self._pipe)
            self._pipe = None

    def _write(self) -> None:
        if self._pipe is not None:
            with contextlib.suppress(OSError):  # the process has ended, or hangs
                os.write(self._pipe, self._shown)


class PanelWatch:
    """Brings the icon into an older panel where there is no other.

    Calls `report` once, and never again on this computer (the file `reported`), if no panel shows
    icons. A panel that takes the icon over the bus gets it by itself, whenever it comes.
    """

    def __init__(
        self, reported: Path, report: Callable[[], None], bus: "SessionBus", older: OlderPanel
    ) -> None:
        self._reported = reported
        self._report = report
        self._bus = bus
        self._older = older
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mem0tray-host", daemon=True)
        from mem0tray.desktop.bus import DBUS, Match  # the icon's own process does without

        leave = lambda _: older.leave()  # noqa: E731  (another panel has come)
        bus.subscribe(Match(session.WATCHER, "StatusNotifierHostRegistered"), leave)
        bus.subscribe(Match(DBUS, "NameOwnerChanged", sender=DBUS, first=session.WATCHER), leave)

    def start(self, looks: Sequence[float] = LOOKS) -> None:
        """Look so many seconds after the start, and after each end of an older panel."""
        self._looks = looks
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stopping.set()
        self._older.leave()

    def _run(self) -> None:
        for _ in range(_STAYS):
            found = self._found()
            if found != session.XEMBED or self._stopping.is_set():
                break
            self._older.stay()
        else:
            found = ""
        if not found and not self._stopping.is_set() and not self._reported.exists():
            self._report()
            with contextlib.suppress(Mem0TrayError):  # it is then reported again next time
                atomic.replace(self._reported, _REPORTED)

    def _found(self) -> str:
        """Return what shows icons, as soon as something does; empty when nothing has come."""
        before = 0.0
        for at in self._looks:
            if self._stopping.wait(at - before):
                break
            before = at
            if found := session.shown_by(self._bus):
                return found
        return ""


# In its own process ---------------------------------------------------------------------------


def main() -> None:
    """Show the look of the last line, until the input ends."""
    look = _told()
    click = lambda: print("click", flush=True)  # noqa: E731, T201  (the parent reads it)
    icon_class, menu = _library(click)
    icon = icon_class(APP, icons.compose(look, icons.SMALLEST), menu=menu)
    icon.look = look
    icon.run(setup=lambda _: None)


def _told() -> IconLook:
    """Wait for input; return the look of its last line. At the end of the input, end."""
    data = os.read(_INPUT, _PIPE)
    if not data:
        os._exit(0)
    return IconLook(**json.loads(data.splitlines()[-1]))


def _library(click: Callable[[], None]) -> tuple[Any, Any]:  # noqa: C901 - a class is made in it, once the backend is chosen
    """Make pystray's class for these panels, with what it lacks, and a menu that is one click."""
    os.environ["PYSTRAY_BACKEND"] = "xorg"
    import pystray
    from Xlib import X
    from Xlib.error import XError

    class Icon(pystray.Icon):  # type: ignore[misc]  # pystray has no types
        """pystray's icon; it asks for clicks, and is transparent.

        One thread does all of it: the X library loses requests that two threads make at once.
        """

        look: IconLook

        def _create_window(self) -> Any:
            window = super()._create_window()
            wanted = X.ExposureMask | X.StructureNotifyMask | X.ButtonPressMask
            window.change_attributes(event_mask=wanted)
            return window

        def _events(self) -> Iterator[Any]:
            self.visible = True
            while True:
                while self._display.pending_events():  # raises once the display has gone
                    yield self._display.next_event()
                ready, _, _ = select.select([self._display, _INPUT], [], [])
                if _INPUT in ready:
                    self.look = _told()
                    self.icon = icons.compose(self.look, icons.SMALLEST)  # it is then drawn anew

        def _dock_window(self) -> None:
            # pystray asks for docking at every change: a panel that is just docking us may lose us.
            if self._systray_manager is None:
                super()._dock_window()

        def _on_destroy_notify(self, event: Any) -> None:
            if self._systray_manager is None or event.window.id == self._systray_manager.id:
                os._exit(0)  # the panel has gone; our parent looks for another

        def _assert_icon_data(self, width: int, height: int) -> None:
            drawn = icons.compose(self.look, min(width, height))
            picture = self._background(width, height)
            picture.paste(drawn, ((width - drawn.width) // 2, (height - drawn.height) // 2), drawn)
            picture.tostring = picture.tobytes  # the X library still uses this name
            self._icon_data = picture

        def _background(self, width: int, height: int) -> Any:
            """The panel's background behind the icon."""
            try:
                self._window.change_attributes(background_pixmap=X.ParentRelative)
                self._window.clear_area(0, 0, width, height)
                found = self._window.get_image(0, 0, width, height, X.ZPixmap, _PLANES)
                return Image.frombytes("RGB", (width, height), found.data, "raw", "BGRX")
            except (XError, ValueError):  # of another depth than our window, or unreadable
                return Image.new("RGB", (width, height), _GREY)

    return Icon, pystray.Menu(pystray.MenuItem("click", click, default=True))


if __name__ == "__main__":
    main()
