"""Digits for badges too small for outlines, set dot by dot."""

from typing import Final

from PIL import Image

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
_SMALL: Final = {
    "9": "### #.# ### ..# ###",
    "+": "... .#. ### .#. ...",
}
_TALL: Final = 0.78  # the largest share of the badge's height for a text
_WIDE: Final = 0.85  # the same for its width


def bitmap(text: str, side: int) -> Image.Image | None:
    """The text as a mask in the largest set that fits into a badge of `side` pixels, or None."""
    for digits in (_LARGE, _MEDIUM, _SMALL):
        if all(sign in digits for sign in text):
            mask = _set(text, digits)
            if mask.height <= _TALL * side and mask.width <= _WIDE * side:
                return mask
    return None


def _set(text: str, digits: dict[str, str]) -> Image.Image:
    """Set the text in digits of dots: a pixel for each dot, a pixel between characters."""
    signs = [digits[sign].split() for sign in text]
    rows = [".".join(parts) for parts in zip(*signs, strict=True)]
    mask = Image.new("L", (len(rows[0]), len(rows)), 0)
    mask.putdata([255 * (dot == "#") for row in rows for dot in row])
    return mask
