"""What a person sees on an X display, and does with mouse and keyboard."""

import contextlib
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from PIL import Image, ImageChops, ImageGrab
from Xlib import X
from Xlib.display import Display
from Xlib.error import ConnectionClosedError, XError

from tests.support.machine import tool
from tests.support.processes import PATIENCE, wait_until

_MENUS: Final = frozenset({"POPUP_MENU", "DROPDOWN_MENU", "MENU"})
DIALOGS: Final = frozenset({"zenity", "kdialog", "Mem0tray"})
_STROKE: Final = 20  # milliseconds between two letters
_CLOSE: Final = 12  # how far a colour may be off, of 255: panels scale icons


class Point(NamedTuple):
    """A place on the screen, in pixels from the upper left corner."""

    x: int
    y: int


@dataclass(frozen=True)
class Window:
    """A window that is to be seen; place and size in pixels, `kind` as NORMAL or POPUP_MENU."""

    id: int
    title: str
    program: str
    kind: str
    x: int
    y: int
    width: int
    height: int

    def row(self, number: int, rows: int) -> Point:
        """The middle of one of so many rows, counted from 0: of a menu without its separators."""
        return Point(
            self.x + self.width // 2, self.y + self.height * (2 * number + 1) // (2 * rows)
        )


def in_colour(picture: Image.Image, colour: tuple[int, int, int], close: int) -> Image.Image:
    """A mask of what has this colour, or one that is so `close` to it, of 255."""
    far = ImageChops.difference(picture, Image.new("RGB", picture.size, colour))
    red, green, blue = far.point(lambda value: 255 * (value <= close)).split()
    return ImageChops.darker(ImageChops.darker(red, green), blue)


class Screen:
    """The screen of the display of that name; `environ` is that of programs on it."""

    def __init__(self, name: str, environ: Mapping[str, str]) -> None:
        self._name, self._environ = name, dict(environ)
        self._display: Any = Display(name)

    def close(self) -> None:
        with contextlib.suppress(ConnectionClosedError):
            self._display.close()

    # Seeing -----------------------------------------------------------------------

    def picture(self) -> Image.Image:
        return ImageGrab.grab(xdisplay=self._name).convert("RGB")

    def screenshot(self, path: Path) -> Path:
        self.picture().save(path, "PNG")
        return path

    def find(self, colour: tuple[int, int, int]) -> Point | None:
        box = in_colour(self.picture(), colour, _CLOSE).getbbox()
        return Point((box[0] + box[2]) // 2, (box[1] + box[3]) // 2) if box else None

    def windows(self) -> list[Window]:
        root = self._display.screen().root
        listed = root.get_full_property(self._atom("_NET_CLIENT_LIST"), X.AnyPropertyType)
        numbers = list(listed.value) if listed else []
        numbers += [window.id for window in root.query_tree().children]
        found = [self._window(number) for number in dict.fromkeys(numbers)]
        return [window for window in found if window]

    def menus(self) -> list[Window]:
        return [window for window in self.windows() if window.kind in _MENUS]

    def wait_window(
        self, wanted: Callable[[Window], bool], timeout: float = PATIENCE, what: str = "a window"
    ) -> Window:
        seen = lambda: next(filter(wanted, self.windows()), None)  # noqa: E731
        return wait_until(seen, timeout, what, explain=self.describe)

    def wait_dialog(self, timeout: float = PATIENCE) -> Window:
        """Wait for a window in which the tray asks or tells something, by whatever program."""
        return self.wait_window(lambda window: window.program in DIALOGS, timeout, "a dialog")

    def wait_menu(self, timeout: float = PATIENCE) -> Window:
        return self.wait_window(lambda window: window.kind in _MENUS, timeout, "a menu")

    def wait_active(self, window: Window, timeout: float = PATIENCE) -> None:
        def active() -> bool:
            found = self._display.screen().root.get_full_property(
                self._atom("_NET_ACTIVE_WINDOW"), X.AnyPropertyType
            )
            return bool(found) and window.id in found.value and self._has_focus(window.id)

        wait_until(active, timeout, f"{window} active", explain=self.describe)

    def _has_focus(self, number: int) -> bool:
        focus = self._display.get_input_focus().focus
        while hasattr(focus, "id") and focus.id != number:
            focus = focus.query_tree().parent
        return hasattr(focus, "id")

    def has_manager(self) -> bool:
        root = self._display.screen().root
        check = self._atom("_NET_SUPPORTING_WM_CHECK")
        return root.get_full_property(check, X.AnyPropertyType) is not None

    def describe(self) -> str:
        return "\n".join(["windows:", *map(str, self.windows())])

    def _atom(self, name: str) -> Any:
        return self._display.intern_atom(name)

    def _window(self, number: int) -> Window | None:
        window = self._display.create_resource_object("window", number)
        try:
            shape = window.get_geometry()
            program = window.get_wm_class()
            if window.get_attributes().map_state != X.IsViewable or program is None:
                return None
            place = window.translate_coords(self._display.screen().root, 0, 0)
            return Window(
                id=number,
                title=self._text(window, "_NET_WM_NAME"),
                program=str(program[1]),
                kind=self._kind(window),
                x=-place.x,
                y=-place.y,
                width=shape.width,
                height=shape.height,
            )
        except XError:
            return None

    def _text(self, window: Any, name: str) -> str:
        found = window.get_full_property(self._atom(name), X.AnyPropertyType)
        return bytes(found.value).decode("utf-8", "replace") if found else ""

    def _kind(self, window: Any) -> str:
        found = window.get_full_property(self._atom("_NET_WM_WINDOW_TYPE"), X.AnyPropertyType)
        if not found:
            return ""
        return str(self._display.get_atom_name(found.value[0]).removeprefix("_NET_WM_WINDOW_TYPE_"))

    # Doing ------------------------------------------------------------------------

    def mouse(self, x: int, y: int, button: int = 1) -> None:
        """Move the mouse there and click: 1 left, 2 middle, 3 right."""
        self.point(x, y)
        self._xdotool("click", button)

    def point(self, x: int, y: int) -> None:
        # Two steps: a menu follows what moves over it, not what appears there.
        self._xdotool("mousemove", x - 1, y, "mousemove", x, y)

    def keys(self, *names: str) -> None:
        self._xdotool("key", "--clearmodifiers", *names)

    def write(self, text: str) -> None:
        """Type it, slowly enough for a browser that draws each letter."""
        self._xdotool("type", "--delay", _STROKE, text)

    def _xdotool(self, *arguments: object) -> None:
        subprocess.run(
            [tool("xdotool"), *map(str, arguments)], env=self._environ, check=True, timeout=PATIENCE
        )
