"""Pictures as panels take them over the bus: ARGB, four bytes a pixel, in several sizes."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from PIL import Image

from mem0tray.desktop.tray import icon as icons
from mem0tray.desktop.tray.icon import IconLook

SIZES: Final = (16, 22, 24, 32, 44, 48, 64)  # pixels; for panels, also at twice the density
_CACHED: Final = 8  # looks, 43 kB each

Pixmap = list[int | bytes]  # width, height, the bytes row by row


@lru_cache(_CACHED)
def of_look(look: IconLook) -> tuple[Image.Image, ...]:
    """The icon in each size, each drawn for it."""
    return tuple(icons.compose(look, size) for size in SIZES)


def of_pictures(pictures: Sequence[Image.Image]) -> list[Pixmap]:
    """RGBA pictures in the form of the bus."""
    return [[picture.width, picture.height, _argb(picture)] for picture in pictures]


def _argb(picture: Image.Image) -> bytes:
    red, green, blue, alpha = picture.split()
    return Image.merge("RGBA", (alpha, red, green, blue)).tobytes()
