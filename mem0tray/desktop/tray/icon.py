"""The icon: a base for the server, a badge for the dead letters. Sizes are pixels."""

import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, PAUSED, STARTING

BASES: Final = {  # by the worker's state
    STARTING: "paused",
    HEALTHY: "healthy",
    DOWN: "down",
    PAUSED: "paused",
    ACTION_NEEDED: "action-needed",
}
AMBER: Final = "amber"
RED: Final = "red"
SMALLEST: Final = 8
LARGEST: Final = 512
_DRAWN: Final = (16, 20, 22, 24, 32, 40, 44, 48, 64, 128, 256)
_MOST: Final = 9  # a larger number does not fit: the tooltip has it
_CACHED: Final = 64

_PACKAGE: Final = Path(__file__).parents[2]
_INSTALLED: Final = _PACKAGE / "icons"  # where the build puts them
_SOURCES: Final = _PACKAGE.parent / "icons" / "png"  # where they are in a checkout


@dataclass(frozen=True, slots=True)
class IconLook:
    """A look of the icon: one of the values of `BASES`, an amber or red badge, its text."""

    base: str
    badge: str | None = None
    text: str = ""


def look(state: str, dlq_size: int, investigate: int) -> IconLook:
    """The look for a state and a number of dead letters; red above `investigate` of them."""
    base = BASES.get(state, BASES[STARTING])
    if dlq_size <= 0:
        return IconLook(base)
    text = str(dlq_size) if dlq_size <= _MOST else f"{_MOST}+"
    return IconLook(base, RED if dlq_size > investigate else AMBER, text)


@lru_cache(_CACHED)
def compose(look: IconLook, size: int) -> Image.Image:
    """The picture, RGBA, `size` wide and high (at least 8, at most 512). Shared: do not change."""
    if look.badge is not None:
        return add_badge(compose(IconLook(look.base), size), look.badge, look.text)
    size = min(max(size, SMALLEST), LARGEST)
    drawn = next((each for each in _DRAWN if each >= size), _DRAWN[-1])
    with Image.open(icon_file(f"{look.base}-{drawn}.png")) as file:
        image = file.convert("RGBA")
    return image if drawn == size else image.resize((size, size), Image.Resampling.LANCZOS)


def icon_file(name: str) -> Path:
    """A file made by `packaging/update-icons`: `healthy-256.png`, `mem0tray.ico`."""
    return (_INSTALLED if _INSTALLED.is_dir() else _SOURCES) / name


def notice_icon(base: str) -> Path:
    """The icon file for a notification with this base; for Windows the only .ico there is."""
    return icon_file("mem0tray.ico" if sys.platform == "win32" else f"{base}-{_DRAWN[-1]}.png")


# The badge: a coloured shape with a count in it.
_LARGE: Final = {
    "1": "..##.. .###.. ####.. ..##.. ..##.. ..##.. ..##.. ###### ######",
    "2": ".#####. ####### ##...## .....## ...###. .###... ##..... ####### #######",
    "3": ".#####. ####### ##...## .....## ..####. .....## ##...## ####### .#####.",
    "4": "....##. ...###. ..####. .##.##. ##..##. ####### ####### ....##. ....##.",
    "5": "####### ####### ##..... ######. ####### .....## ##...## ####### .#####.",
    "6": ".#####. ####### ##..... ######. ####### ##...## ##...## ####### .#####.",
    "7": "####### ####### .....## ....##. ....##. ...##.. ...##.. ..##... ..##...",
    "8": ".#####. ####### ##...## ##...## .#####. ##...## ##...## ####### .#####.",
    "9": ".#####. ####### ##...## ##...## ####### .###### .....## ####### .#####.",
}
_MEDIUM: Final = {
    "1": "..#.. .##.. ..#.. ..#.. ..#.. ..#.. .###.",
    "2": ".###. #...# ....# ...#. ..#.. .#... #####",
    "3": ".###. #...# ....# ..##. ....# #...# .###.",
    "4": "...#. ..##. .#.#. #..#. ##### ...#. ...#.",
    "5": "##### #.... ####. ....# ....# #...# .###.",
    "6": ".###. #.... #.... ####. #...# #...# .###.",
    "7": "##### ....# ...#. ...#. ..#.. ..#.. ..#..",
    "8": ".###. #...# #...# .###. #...# #...# .###.",
    "9": ".###. #...# #...# .#### ....# ....# .###.",
    "+": "..... ..... ..#.. ..#.. ##### ..#.. ..#..",
}
_SMALL: Final = {"9": "### #.# ### ..# ###", "+": "... .#. ### .#. ..."}
_MOST_TALL: Final = 0.78  # the largest share of the badge's height for a text
_MOST_WIDE: Final = 0.85  # the same for its width
_FILLS: Final = {AMBER: "#f2a01f", RED: "#a6121b"}
_RIMS: Final = {AMBER: "#4a2600", RED: "#a6121b"}  # bright amber alone is lost on a light panel
_OUTLINE: Final = "#ffffff"  # as the bases have, for dark panels, and to separate badge and base
_INKS: Final = {AMBER: "#2a1600", RED: "#ffffff"}
_FINE: Final = 8  # shapes and letters are drawn this much larger, then reduced
_DIAMETER: Final = 0.58  # share of the icon
_HALO: Final = 1 / 18  # share of the icon: the outline's width, at least a pixel
_RIM: Final = 0.08  # share of the badge, at least a pixel
_CORNER: Final = 0.12  # share of the badge: the red one is a square, the amber one round
_TALL: Final = 0.58  # share of the badge: the height of a digit
_WIDE: Final = 0.8  # share of the badge: the most width for the text
_BOLD: Final = 0.025  # share of the badge, added around each stroke
_OUTLINES_FROM: Final = 17  # pixels; below, outlines blur, but dots set by hand are sharp


def bitmap(text: str, side: int) -> Image.Image | None:
    """The text as a mask in the largest set that fits into a badge of `side` pixels, or None."""
    for digits in (_LARGE, _MEDIUM, _SMALL):
        if all(sign in digits for sign in text):
            mask = _set(text, digits)
            if mask.height <= _MOST_TALL * side and mask.width <= _MOST_WIDE * side:
                return mask
    return None


def _set(text: str, digits: dict[str, str]) -> Image.Image:
    signs = [digits[sign].split() for sign in text]
    rows = [".".join(parts) for parts in zip(*signs, strict=True)]
    mask = Image.new("L", (len(rows[0]), len(rows)), 0)
    mask.putdata([255 * (dot == "#") for row in rows for dot in row])
    return mask


def add_badge(base: Image.Image, colour: str, text: str) -> Image.Image:
    """A copy of the square `base` with a badge at the lower right, in a white outline."""
    size = base.width
    side = int(size * _DIAMETER) | 1  # odd, as the digits are, so that the middle is a pixel
    halo = max(1, round(size * _HALO))
    place = size - side - halo
    middle = place + side // 2
    result = base.copy()
    result.paste((0, 0, 0, 0), (middle, middle, size, size))  # no splinter of the base left there
    shape = _shape(side + 2 * halo, colour, -halo)
    outline = Image.new("RGBA", shape.size, _OUTLINE)
    outline.putalpha(shape)
    result.alpha_composite(outline, (place - halo, place - halo))
    result.alpha_composite(_badge(side, colour, text), (place, place))
    return result


def _badge(side: int, colour: str, text: str) -> Image.Image:
    badge = Image.new("RGBA", (side, side), _RIMS[colour])
    for paint, mask in (
        (_FILLS[colour], _shape(side, colour, max(1, side * _RIM))),
        (_INKS[colour], _text(side, text)),
    ):
        badge.paste(Image.new("RGBA", badge.size, paint), mask=mask)
    badge.putalpha(_shape(side, colour))
    return badge


def _shape(side: int, colour: str, inset: float = 0) -> Image.Image:
    """The badge's outline as a mask, or a parallel, `inset` further in (if negative: outside)."""
    large = side * _FINE
    edge = max(inset, 0) * _FINE
    corner = large / 2 - edge
    if colour == RED:
        outline = side + 2 * min(inset, 0)
        corner = max(0, outline * _CORNER - inset) * _FINE
    mask = Image.new("L", (large, large), 0)
    box = (edge, edge, large - 1 - edge, large - 1 - edge)
    ImageDraw.Draw(mask).rounded_rectangle(box, corner, fill=255)
    return mask.reduce(_FINE)


def _text(side: int, text: str) -> Image.Image:
    if side >= _OUTLINES_FROM:
        return _outlined(side, text)
    mask = Image.new("L", (side, side), 0)
    if dots := bitmap(text, side):
        mask.paste(dots, ((side - dots.width) // 2, (side - dots.height) // 2))
    return mask


def _outlined(side: int, text: str) -> Image.Image:
    """The text in Pillow's own font, so that every system shows the same."""
    large = side * _FINE
    mask = Image.new("L", (large, large), 0)
    draw = ImageDraw.Draw(mask)
    bold = _BOLD * large
    points = float(large)
    for _ in range(2):  # measured at some size, then drawn at the size that fits
        font = ImageFont.load_default(points)
        left, top, right, bottom = draw.textbbox((0, 0), text, font=font, stroke_width=bold)
        wide, tall = right - left, bottom - top
        points *= min(_TALL * large / tall, _WIDE * large / wide)
    middle = ((large - left - right) / 2, (large - top - bottom) / 2)
    draw.text(middle, text, fill=255, font=font, stroke_width=bold)
    return mask.reduce(_FINE)
