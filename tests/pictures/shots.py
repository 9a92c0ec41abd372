"""One function for each picture; sizes are pixels of the screen."""

import io
import subprocess
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from mem0tray.desktop.tray import icon
from mem0tray.desktop.tray.icon import AMBER, RED, IconLook
from tests.pictures import scene
from tests.pictures.scene import FONT, SCALE, WALLPAPER
from tests.support import browser
from tests.support.desktop import Desktop
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.machine import tool
from tests.support.processes import wait_until
from tests.support.screen import Point, Window
from tests.support.shapes import entry
from tests.support.standin import Standin

Box = tuple[int, int, int, int]
LINES: Final = 13
LETTERS: Final = 4
_MARGIN: Final = 24 * SCALE
_ICON: Final = Point(13 * SCALE, 16 * SCALE)  # the only one on the panel
_PAGE_SCALE: Final = 1.5
_PAGE: Final = (980, 1000)  # as the browser counts
_PAPER: Final = 'background = "#ffffff"\nforeground = "#22282d"\ntimeout = 0'
_DUNST: Final = f"""\
[global]
font = {FONT} 10
scale = {SCALE}
width = 340
offset = (16, 16)
origin = top-left
frame_width = 1
frame_color = "#aebac2"
separator_height = 1
separator_color = "#dfe6ea"
padding = 13
horizontal_padding = 15
text_icon_padding = 13
max_icon_size = 32
format = "<b>%s</b>\\n%b"
line_height = 3
show_indicators = no
[urgency_low]
{_PAPER}
[urgency_normal]
{_PAPER}
"""


# The icon -----------------------------------------------------------------------------

_CELL: Final = (190, 116)
_SIDE: Final = 88  # of an icon: 22 points at four times their size
_PANELS: Final = ((0xF6F5F4, 0x3A4147), (0x23272B, 0xC3CBD1))  # paper and ink of a panel
_BADGES: Final = ((None, ""), (AMBER, "3"), (RED, "9+"))
_COLUMNS: Final = (
    ("healthy", "healthy"),
    ("down", "down"),
    ("paused", "paused"),
    ("action-needed", "action needed"),
)


def icons() -> Image.Image:
    """Every base with every badge, on a light and on a dark panel."""
    width, height = _CELL[0] * len(_COLUMNS), _CELL[1] * len(_BADGES) + 52
    whole = Image.new("RGB", (width * 2, height))
    for number, (paper, ink) in enumerate(_PANELS):
        whole.paste(_panel((width, height), _rgb(paper), _rgb(ink)), (number * width, 0))
    return whole


def _panel(
    size: tuple[int, int], paper: tuple[int, int, int], ink: tuple[int, int, int]
) -> Image.Image:
    made = Image.new("RGB", size, paper)
    draw = ImageDraw.Draw(made)
    font = ImageFont.truetype(_font_file(), 22)
    for column, (base, name) in enumerate(_COLUMNS):
        left = column * _CELL[0]
        draw.text((left + _CELL[0] // 2, 34), name, ink, font, anchor="mm")
        for row, (colour, text) in enumerate(_BADGES):
            picture = icon.compose(IconLook(base, colour, text), _SIDE)
            place = (left + (_CELL[0] - _SIDE) // 2, 58 + row * _CELL[1])
            made.paste(picture, place, picture)
    return made


def _font_file() -> str:
    found = subprocess.run(
        [tool("fc-match"), "--format=%{file}", FONT], capture_output=True, text=True, check=True
    )
    return found.stdout


def _rgb(colour: int) -> tuple[int, int, int]:
    return colour >> 16, colour >> 8 & 255, colour & 255


# The menu -----------------------------------------------------------------------------


def menu(desktop: Desktop, home: Home) -> Image.Image:
    """The menu, open down to what can be done about a dead letter."""
    desktop.panel()
    process = home.start(env={**desktop.session, "GDK_SCALE": str(SCALE)})
    home.wait(lambda: home.published_by(process) and home.state()[0] == "healthy", 20, "healthy")
    wait_until(lambda: _is_shown(desktop), what="the icon with its badge")
    screen = desktop.screen
    desktop.screen.mouse(*_ICON, 3)
    top = screen.wait_menu()
    letters = _below(desktop, top, top.row(LETTERS, LINES))
    row = letters.row(1, 3)
    verbs = _below(desktop, letters, row)
    screen.point(verbs.x + verbs.width // 2, verbs.row(0, 4).y)
    picture = screen.picture()
    assert len(screen.menus()) == 3, screen.describe()
    process.stop()
    right = max(each.x + each.width for each in (top, letters, verbs))
    return picture.crop((0, 0, right + _MARGIN, top.y + top.height + _MARGIN))


def _is_shown(desktop: Desktop) -> bool:
    return desktop.screen.find((242, 161, 31)) is not None


def _below(desktop: Desktop, above: Window, place: Point) -> Window:
    screen = desktop.screen
    before = {each.id for each in screen.menus()}
    assert above.id in before
    desktop.screen.mouse(*place)
    wait_until(lambda: {each.id for each in screen.menus()} - before, what="a submenu")
    return next(each for each in screen.menus() if each.id not in before)


# Notifications ------------------------------------------------------------------------


def notifications(desktop: Desktop, home: Home, server: Standin) -> Image.Image:
    """A memory moves to the DLQ, and is delivered when it is retried."""
    daemon = desktop.dunst(_DUNST)
    server.script(Answer(500), content="story", forever=True)
    process = home.start(env=desktop.session)
    home.write_queue([entry("story", "garden", id="823fbe3a-5d0c-4c1e-9d7b-2f6f0a7be001")])
    wait_until(lambda: "Moved to DLQ" in daemon.out, 20, "Moved to DLQ")
    server.clear_scripts()
    home.ok("retry", "--all")
    wait_until(lambda: "DLQ recovered" in daemon.out, 20, "DLQ recovered")
    wait_until(lambda: _notification(desktop).height > 90 * SCALE, what="both notifications")
    shown = _notification(desktop)
    picture = desktop.screen.picture()
    process.stop()
    daemon.stop()
    margin = _MARGIN // 2
    return _framed(
        picture.crop((shown.x, shown.y, shown.x + shown.width, shown.y + shown.height)), margin
    )


def _notification(desktop: Desktop) -> Window:
    return desktop.screen.wait_window(lambda window: window.kind == "NOTIFICATION")


def _framed(picture: Image.Image, margin: int) -> Image.Image:
    size = picture.width + 2 * margin, picture.height + 2 * margin
    made = Image.new("RGB", size, _rgb(WALLPAPER))
    made.paste(picture, (margin, margin))
    return made


# The window ---------------------------------------------------------------------------


def window(home: Home, *, dark: bool) -> Image.Image:
    process = home.start("run")
    home.wait(lambda: home.published_by(process) and home.state()[0] == "healthy", 20, "healthy")
    scene.save(home)
    with browser.chromium() as chromium, browser.Window(home, chromium) as shown:
        tab = shown.open(
            viewport={"width": _PAGE[0], "height": _PAGE[1]},
            device_scale_factor=_PAGE_SCALE,
            color_scheme="dark" if dark else "light",
        )
        tab.sees("Roses want sun")
        data = tab.page.screenshot()
    process.stop()
    with Image.open(io.BytesIO(data)) as taken:
        return taken.convert("RGB")
