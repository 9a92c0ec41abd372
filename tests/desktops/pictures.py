"""The pictures of the manual that show what each desktop shows, of the screenshots of a run."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from PIL import Image

from tests.desktops.eyes import Box, changes

STEPS: Final = ("icon", "menu", "notification", "dialog")  # whose screenshots are taken
_COLOURS: Final = 256
_PAPER: Final = (0x3A, 0x5A, 0x6A)
_GAP: Final = 12  # pixels


def composed(folder: Path) -> Image.Image:
    """The icon with its menu, and beside it a notification and a dialog.

    `folder` has the screenshots of one desktop; OSError where one is missing.
    """
    rest, *shots = (Image.open(folder / f"{name}.png").convert("RGB") for name in STEPS)
    menu, notification, dialog = shots
    beside = [_part(shot, changes(rest, shot)[:1]) for shot in (notification, dialog)]
    return _side_by_side(_part(menu, _column(changes(rest, menu))), beside)


def save(picture: Image.Image, file: Path) -> None:
    """Save with as many colours as a palette has, the rare ones of a small icon among them."""
    kept = Image.Quantize.MAXCOVERAGE
    small = picture.quantize(_COLOURS, kept, dither=Image.Dither.NONE)
    small.save(file, "PNG", optimize=True)


def _column(boxes: Sequence[Box]) -> list[Box]:
    """The largest, and what is above or below it: a menu and its icon, not a clock."""
    menu = boxes[0]
    return [each for each in boxes if each.left < menu.right and each.right > menu.left]


def _part(shot: Image.Image, boxes: Sequence[Box]) -> Image.Image:
    whole = Box(
        min(box.left for box in boxes),
        min(box.top for box in boxes),
        max(box.right for box in boxes),
        max(box.bottom for box in boxes),
    )
    return shot.crop(whole.grown(_GAP // 2, shot.size))


def _side_by_side(left: Image.Image, right: Iterable[Image.Image]) -> Image.Image:
    column = list(right)
    height = max(left.height, sum(each.height for each in column) + _GAP * (len(column) - 1))
    width = left.width + _GAP + max(each.width for each in column)
    made = Image.new("RGB", (width, height), _PAPER)
    made.paste(left, (0, 0))
    top = 0
    for each in column:
        made.paste(each, (left.width + _GAP, top))
        top += each.height + _GAP
    return made
