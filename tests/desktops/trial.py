"""The program on one desktop, the server that it delivers to, and who looks at them."""

import contextlib
import json
import os
import select
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PIL import Image
from Xlib import X
from Xlib.display import Display

from tests.desktops.eyes import Box, Colour, Eyes, icon
from tests.desktops.nested import NOTIFICATIONS, Nested
from tests.desktops.scratch_root import PLAIN
from tests.support.bus import BusError
from tests.support.http1 import Answer
from tests.support.processes import Process, wait_until
from tests.support.screen import Point
from tests.support.shapes import Item
from tests.support.standin import Standin

if TYPE_CHECKING:
    from tests.desktops.desks import Desk

HEALTHY: Final[Colour] = (0x08, 0x60, 0x2F)  # of the icon's tick
PROGRAM: Final = os.environ.get("PROGRAM", str(PLAIN / "bin" / "mem0tray"))
_REST: Final = Point(640, 560)  # the mouse, where nothing is
_STRIP: Final = 20  # pixels: what panels are high, about
_TOLD: Final = 15.0  # seconds: a burst becomes one notification, which comes later
_NUMBERS: Final = 40
_DAEMON: Final = (NOTIFICATIONS, "/org/freedesktop/Notifications", NOTIFICATIONS)
_STEPS: Final = 8  # one jump of the mouse shows no tooltip


class Trial:
    """What the steps share; `icon` is where the icon is, `blank` the screen before it came."""

    def __init__(self, desk: "Desk", nested: Nested, server: Standin, output: Path) -> None:
        self.desk, self.nested, self.server = desk, nested, server
        self.eyes = Eyes(lambda: nested.screen.picture())  # noqa: PLW0108  (the screen may be another by then)
        self.icon = _REST
        self.before: Image.Image = self.eyes.look()
        self.before_menu = self.blank = self.before
        self.program: Process | None = None
        self._output = output
        self.environ = {
            **nested.env,
            "MEM0TRAY_SERVER_URL": server.url,
            "MEM0TRAY_SYNC_PROBE_INTERVAL": "0.5",
            "MEM0TRAY_SYNC_IDLE_PROBE_INTERVAL": "0.5",
            "MEM0TRAY_SYNC_RETRY_INTERVAL": "0.2",
            "MEM0TRAY_UI_LANGUAGE": "en",
        }
        self._claude = Path(nested.env["HOME"], ".claude")
        self._claude.mkdir(exist_ok=True)

    # The program ---------------------------------------------------------------------------

    def start(self, *options: str) -> None:
        self.program = self.nested.start([PROGRAM, *options], "mem0tray", self.environ)

    def add(self, text: str, project: str = "garden") -> None:
        self.command("add", "--project", project, text)

    def command(self, *arguments: str) -> None:
        whole = [PROGRAM, *arguments]
        subprocess.run(whole, env=self.environ, check=True, stdout=subprocess.DEVNULL, timeout=60)

    def refuse(self, text: str, project: str = "garden") -> None:
        """Add a memory that the server refuses, until its scripts are cleared."""
        self.server.script(Answer(500), content=text, forever=True)
        self.add(text, project)

    def make_letter(self, text: str) -> None:
        """Make a dead letter, of which no notification is left on the screen."""
        with self.told("Moved to DLQ"):
            self.refuse(text)
            self.wait_letters(1)

    @contextlib.contextmanager
    def told(self, title: str) -> Iterator[None]:
        """Wait for the notification of what is done meanwhile, and close it, where it is shown."""
        before = self.at_rest()
        yield
        with contextlib.suppress(AssertionError):
            self.eyes.wait_text(title, before, _TOLD)
        self.close_notifications()

    def close_notifications(self) -> None:
        for number in range(1, _NUMBERS):  # daemons count from 1
            with contextlib.suppress(BusError):
                if self.nested.bus.has_owner(NOTIFICATIONS):  # a call would start another desktop's
                    self.nested.bus.call(*_DAEMON, "CloseNotification", "u", [number])

    def wait_letters(self, number: int, timeout: float = 20.0) -> None:
        wait_until(lambda: len(self.letters()) == number, timeout, f"{number} dead letters")

    def letters(self) -> list[Item]:
        with contextlib.suppress(OSError, ValueError):
            text = (self._claude / "mem0_queue_dlq.json").read_text(encoding="utf-8")
            return list(json.loads(text)["items"])
        return []

    # What a person does --------------------------------------------------------------------

    def at_rest(self) -> Image.Image:
        """Take the mouse away and close what is open; the screen as it is then."""
        self.nested.screen.keys("Escape")
        self.nested.screen.mouse(*_REST)  # sway gives no key to a menu of waybar
        return self.nested.wait_still()

    def find_icon(self) -> Point:
        """Where the icon is now; where it was, if it is not to be seen."""
        self.icon = self.seen_icon() or self.icon
        return self.icon

    def seen_icon(self) -> Point | None:
        near_it = Box(0, self.icon.y, self.blank.width, self.icon.y)
        strip = near_it.grown(_STRIP, self.blank.size)
        found = icon(self.blank.crop(strip), self.eyes.look().crop(strip), HEALTHY)
        return found and Point(found.middle.x + strip.left, found.middle.y + strip.top)

    def hover(self, place: Point) -> None:
        """Move the mouse there in small steps, as a hand does."""
        for number in range(_STEPS, -1, -1):
            self.nested.screen.point(place.x - number, place.y)

    def activate(self) -> None:
        """Click the icon with the left button, as often as this desktop wants it."""
        place = self.find_icon()
        self.hover(place)  # a panel that has not seen the mouse come may miss the click
        for _ in range(self.desk.clicks):
            self.nested.screen.mouse(*place)

    def open_menu(self) -> Image.Image:
        """Click the icon with the right button; the screen before."""
        self.before_menu = self.at_rest()
        place = self.find_icon()
        self.hover(place)
        self.nested.screen.mouse(*place, 3)
        return self.before_menu

    def choose(self, *labels: str) -> None:
        """Click entries of the menu that is open, one below the other."""
        for label in labels:
            place = self.eyes.wait_text(label, self.before_menu).middle
            self.before_menu = self.eyes.look()
            self.nested.screen.mouse(*place)

    def pasted(self) -> str:
        """What another program pastes; empty where there is nothing."""
        env = self.nested.env
        on_wayland = "WAYLAND_DISPLAY" in env
        return pasted_on_wayland(env) if on_wayland else pasted_on_x(env["DISPLAY"])

    def shoot(self, name: str) -> None:
        self.nested.screen.screenshot(self._shot(name))

    def keep_read(self, name: str) -> None:
        """Save the picture that was read last: what was on it may have gone meanwhile."""
        assert self.eyes.read is not None, "nothing was read"
        self.eyes.read.save(self._shot(name))

    def has_shot(self, name: str) -> bool:
        return self._shot(name).exists()

    def _shot(self, name: str) -> Path:
        return self._output / f"{name.replace(' ', '-')}.png"


_LIMIT: Final = 5.0  # seconds


def pasted_on_wayland(env: Mapping[str, str]) -> str:
    command = ["wl-paste", "--no-newline"]
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, check=False, timeout=_LIMIT
    )
    return done.stdout


def pasted_on_x(name: str) -> str:
    with contextlib.closing(Display(name)) as display:
        window = display.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
        clipboard, text = display.intern_atom("CLIPBOARD"), display.intern_atom("UTF8_STRING")
        window.convert_selection(clipboard, text, text, X.CurrentTime)
        display.flush()
        answer = _answer(display)
        if answer is None or answer.property == X.NONE:
            return ""
        return bytes(window.get_full_property(text, X.AnyPropertyType).value).decode()


def _answer(display: Any) -> Any:
    """The owner's answer; None when it is too late."""
    deadline = time.monotonic() + _LIMIT
    while (left := deadline - time.monotonic()) > 0:
        if not display.pending_events():
            select.select([display], [], [], left)
        elif (event := display.next_event()).type == X.SelectionNotify:
            return event
    return None
