"""The icon: a base for the server, a badge for the dead letters. Sizes are pixels."""

import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from PIL import Image

from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, PAUSED, STARTING
from mem0tray.desktop.tray.badge import AMBER, RED, add_badge

BASES: Final = {  # by the worker's state
    STARTING: "paused",
    HEALTHY: "healthy",
    DOWN: "down",
    PAUSED: "paused",
    ACTION_NEEDED: "action-needed",
}
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
    """What the icon shows: equal looks are the same picture, and need not be set again.

    `base` is one of the values of `BASES`; `badge` is `amber`, `red` or None;
    `text` stands in the badge.
    """

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
    if look.badge is None:
        return _base(look.base, min(max(size, SMALLEST), LARGEST))
    return add_badge(compose(IconLook(look.base), size), look.badge, look.text)


def icon_file(name: str) -> Path:
    """A file made by `packaging/update-icons`: `healthy-256.png`, `mem0tray.ico`."""
    return (_INSTALLED if _INSTALLED.is_dir() else _SOURCES) / name


def notice_icon(base: str) -> Path:
    """The icon file for a notification with this base; for Windows the only .ico there is."""
    return icon_file("mem0tray.ico" if sys.platform == "win32" else f"{base}-{_DRAWN[-1]}.png")


def _base(base: str, size: int) -> Image.Image:
    """The base's picture in that size, drawn so or reduced from the next larger one."""
    drawn = next((each for each in _DRAWN if each >= size), _DRAWN[-1])
    with Image.open(icon_file(f"{base}-{drawn}.png")) as file:
        image = file.convert("RGBA")
    return image if drawn == size else image.resize((size, size), Image.Resampling.LANCZOS)
