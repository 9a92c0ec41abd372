"""The icon: a base for the server, a badge for the dead letters. Sizes are pixels."""

import sys
from dataclasses import dataclass
from functools import lru_cache, reduce
from pathlib import Path
from typing import Final

from PIL import Image, ImageChops, ImageDraw, ImageFont

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
_DRAWN: Final = (16, 18, 20, 22, 24, 32, 36, 40, 44, 48, 64, 128, 256)
_MOST: Final = 9  # a larger number does not fit: the tooltip has it

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


@lru_cache(64)
def compose(look: IconLook, size: int) -> Image.Image:
    """The picture, RGBA, `size` wide and high (at least 8, at most 512). Shared: do not change."""
    if look.badge is not None:
        return add_badge(compose(IconLook(look.base), size), look.badge, look.text)
    size = min(max(size, SMALLEST), LARGEST)
    drawn = next((each for each in _DRAWN if each >= size), _DRAWN[-1])
    with Image.open(icon_file(f"{look.base}-{drawn}.png")) as file:
        image = file.convert("RGBA")
    return image if drawn == size else image.resize((size, size), Image.Resampling.LANCZOS)


def stencil(picture: Image.Image) -> Image.Image:
    """Its coloured parts alone, as a shape without colours (grey and alpha) that a bar may tint."""
    *colours, alpha = picture.split()
    ink = ImageChops.invert(reduce(ImageChops.darker, colours))  # none where it is white
    return Image.merge("LA", (Image.new("L", picture.size), ImageChops.multiply(alpha, ink)))


def icon_file(name: str) -> Path:
    """A file made by `packaging/update icons`: `healthy-256.png`, `mem0tray.ico`."""
    return (_INSTALLED if _INSTALLED.is_dir() else _SOURCES) / name


def notice_icon(base: str) -> Path:
    """The icon file for a notification with this base; for Windows the only .ico there is."""
    return icon_file("mem0tray.ico" if sys.platform == "win32" else f"{base}-{_DRAWN[-1]}.png")


# The badge: a coloured shape in the corner, large enough for a count where that can be read. Panels
# may reduce the largest picture that they get, so the base can be seen beside each.
_COUNTS_FROM: Final = 32  # pixels of the icon; a smaller one has a dot
_DOT: Final = 0.38  # share of the icon
_DIAMETER: Final = 0.5  # share of the icon, with a count
_FILLS: Final = {AMBER: "#f2a01f", RED: "#a6121b"}
_RIMS: Final = {AMBER: "#4a2600", RED: "#a6121b"}  # bright amber alone is lost on a light panel
_OUTLINE: Final = "#ffffff"  # as the bases have, for dark panels, and to separate badge and base
_INKS: Final = {AMBER: "#2a1600", RED: "#ffffff"}
_FINE: Final = 8  # shapes and letters are drawn this much larger, then reduced
_HALO: Final = 1 / 18  # share of the icon: the outline's width, at least a pixel
_RIM: Final = 0.08  # share of the badge, at least a pixel
_CORNER: Final = 0.12  # share of the badge: the red one is a square, the amber one round
_TALL: Final = 0.58  # share of the badge: the height of a digit
_WIDE: Final = 0.8  # share of the badge: the most width for the text
_BOLD: Final = 0.025  # share of the badge, added around each stroke


def add_badge(base: Image.Image, colour: str, text: str) -> Image.Image:
    """A copy of the square `base` with a badge at the lower right, in a white outline.

    The text is left out where nobody could read it.
    """
    size = base.width
    counts = size >= _COUNTS_FROM
    side = int(size * (_DIAMETER if counts else _DOT))
    halo = max(1, round(size * _HALO))
    whole = side + 2 * halo
    place = size - whole
    result = base.copy()
    middle = place + whole // 2
    result.paste((0, 0, 0, 0), (middle, middle, size, size))  # no splinter of the base left there
    for paint, inset in (
        (_OUTLINE, 0.0),
        (_RIMS[colour], halo),
        (_FILLS[colour], halo + max(1, side * _RIM)),
    ):
        corner = max(0, side * _CORNER + halo - inset) if colour == RED else whole / 2 - inset
        _paint(result, paint, _shape(whole, inset, corner), place)
    if counts and text:
        _paint(result, _INKS[colour], _text(side, text), place + halo)
    return result


def _paint(image: Image.Image, colour: str, mask: Image.Image, place: int) -> None:
    layer = Image.new("RGBA", mask.size, colour)
    layer.putalpha(mask)
    image.alpha_composite(layer, (place, place))


def _shape(whole: int, inset: float, corner: float) -> Image.Image:
    large, edge = whole * _FINE, inset * _FINE
    mask = Image.new("L", (large, large), 0)
    box = (edge, edge, large - 1 - edge, large - 1 - edge)
    ImageDraw.Draw(mask).rounded_rectangle(box, corner * _FINE, fill=255)
    return mask.reduce(_FINE)


def _text(side: int, text: str) -> Image.Image:
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
