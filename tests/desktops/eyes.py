"""What a person reads on a screen: text by tesseract, an icon by its colours. Boxes are pixels."""

import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from PIL import Image, ImageChops, ImageFilter

from tests.support.processes import wait_until
from tests.support.screen import Point, in_colour

# How a part is read: pixels beyond which nothing is a letter (0: as it is), tesseract's layout
# (11: words here and there, 6: lines), and how much larger, as it is made for scanned pages.
_WAYS: Final = ((0, 11, 3), (8, 11, 3), (0, 6, 2), (4, 11, 3), (0, 6, 3), (8, 6, 3))
_TILE: Final = 12  # pixels: changes that are nearer to each other are one
_INK: Final = 1.5  # how much stronger letters are made that have little contrast
_MARGIN: Final = 4
_SURE: Final = 20.0  # of 100: how sure of a word the reader must be
_CLOSE: Final = 24  # of 255: how far off a colour may be, as panels scale icons
_LEAST: Final = 12  # pixels of that colour make an icon
_LARGEST: Final = 64  # pixels: a wider thing is no icon
Colour = tuple[int, int, int]


class Box(NamedTuple):
    """A part of the screen: left, top, right, bottom."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def middle(self) -> Point:
        return Point((self.left + self.right) // 2, (self.top + self.bottom) // 2)

    def grown(self, by: int, size: tuple[int, int]) -> "Box":
        width, height = size
        return Box(
            max(0, self.left - by),
            max(0, self.top - by),
            min(width, self.right + by),
            min(height, self.bottom + by),
        )


@dataclass(frozen=True)
class Word:
    """A word on the screen; `line` is equal for those of one line."""

    text: str
    box: Box
    line: tuple[int, ...]


# Pictures ------------------------------------------------------------------------------------


def changes(before: Image.Image, after: Image.Image) -> list[Box]:
    """The parts in which two pictures of a screen differ, the largest first."""
    difference = ImageChops.difference(before, after).convert("L").point(lambda v: 255 * (v > 0))
    rough = difference.reduce(_TILE).point(lambda value: 255 * (value > 0))
    width = rough.width
    left = {place for place, value in enumerate(rough.tobytes()) if value}
    found = []
    while left:
        tiles = _neighbours(left.pop(), left, width)
        columns, rows = [each % width for each in tiles], [each // width for each in tiles]
        x, y = _TILE * min(columns), _TILE * min(rows)
        right, bottom = _TILE * (max(columns) + 1), _TILE * (max(rows) + 1)
        box = difference.crop((x, y, right, bottom)).getbbox()
        if box:
            found.append(Box(x + box[0], y + box[1], x + box[2], y + box[3]))
    return sorted(found, key=lambda box: (box[0] - box[2]) * (box[3] - box[1]))


def _neighbours(first: int, left: set[int], width: int) -> list[int]:
    found = [first]
    for tile in found:
        for near in (-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1):
            if tile + near in left:
                left.remove(tile + near)
                found.append(tile + near)
    return found


def icon(before: Image.Image, after: Image.Image, colour: Colour) -> Box | None:
    mask = in_colour(after, colour, _CLOSE)
    new = ImageChops.difference(before, after).convert("L").point(lambda value: 255 * (value > 0))
    mask = ImageChops.darker(mask, new)
    dense = mask.filter(ImageFilter.BoxBlur(_LARGEST // 6))
    peak = dense.getextrema()[1]
    place = dense.point(lambda value: 255 * (value == peak)).getbbox()
    if place is None or mask.histogram()[255] < _LEAST:
        return None
    x, y = Box(*place).middle
    near_it = Box(x, y, x, y).grown(_LARGEST * 2 // 3, mask.size)
    box = mask.crop(near_it).getbbox()
    if box is None or max(box[2] - box[0], box[3] - box[1]) > _LARGEST:
        return None
    left, top = near_it[:2]
    return Box(left + box[0], top + box[1], left + box[2], top + box[3])


# Text ----------------------------------------------------------------------------------------


def readings(picture: Image.Image, part: Box) -> Iterator[list[Word]]:
    """The words in a part of a picture, as read in one way after another.

    As it is, and with all that stands out from what is round about it black on white, which
    finds pale letters and light ones on dark, but not large ones; as words here and there, and
    as lines.
    """
    grey = picture.crop(part).convert("L")
    for letter, layout, larger in _WAYS:
        yield _read(_ink(grey, letter) if letter else grey, part, layout, larger)


def _ink(grey: Image.Image, letter: int) -> Image.Image:
    around = grey.filter(ImageFilter.GaussianBlur(letter))
    difference = ImageChops.difference(grey, around)
    return difference.point(lambda value: 255 - min(255, value * _INK))


def _read(grey: Image.Image, part: Box, layout: int, larger: int) -> list[Word]:
    size = (grey.width * larger, grey.height * larger)
    large = grey.resize(size, Image.Resampling.LANCZOS)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "part.png")
        large.save(file, "PNG", compress_level=1)
        done = subprocess.run(
            ["tesseract", str(file), "-", "--psm", str(layout), "--dpi", "220", "tsv"],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
            env={"PATH": "/usr/bin:/bin", "OMP_THREAD_LIMIT": "1"},
            timeout=60,
        )
    return words(done.stdout, (part.left, part.top), larger)


def words(table: str, origin: tuple[int, int], larger: int) -> list[Word]:
    """The words of tesseract's table, in pixels of the screen."""
    found = []
    for row in table.splitlines()[1:]:
        cells = row.split("\t")
        if len(cells) < 12 or not cells[11].strip() or float(cells[10]) < _SURE:
            continue
        left, top, width, height = (int(cell) // larger for cell in cells[6:10])
        x, y = left + origin[0], top + origin[1]
        line = tuple(int(cell) for cell in cells[1:5])
        found.append(Word(cells[11], Box(x, y, x + width, y + height), line))
    return found


def find(seen: Iterable[Word], phrase: str) -> Box | None:
    """Where a phrase stands in one line; the line with the least beside it, if in several.

    Signs between its words may be read as letters; “…” in it stands for anything.
    """
    wanted = re.compile(".{0,2}".join(_plain(part) or ".*" for part in phrase.split()))
    lines: dict[tuple[int, ...], list[Word]] = {}
    for word in seen:
        lines.setdefault(word.line, []).append(word)
    found = []
    for line in lines.values():
        box = _in_line(line, wanted)
        if box is not None:
            found.append((sum(len(_plain(word.text)) for word in line), box))
    return min(found)[1] if found else None


def _in_line(line: Sequence[Word], wanted: re.Pattern[str]) -> Box | None:
    """The box of the words that hold these letters, wherever the reader parted them."""
    text, owners = "", list[int]()
    for number, word in enumerate(line):
        plain = _plain(word.text)
        text += plain
        owners += [number] * len(plain)
    found = wanted.search(text)
    if found is None or not found[0]:
        return None
    boxes = [word.box for word in line[owners[found.start()] : owners[found.end() - 1] + 1]]
    return Box(
        min(box.left for box in boxes),
        min(box.top for box in boxes),
        max(box.right for box in boxes),
        max(box.bottom for box in boxes),
    )


def _plain(text: str) -> str:
    letters = re.sub(r"[^a-z0-9]", "", text.lower().replace("|", "l"))
    return letters.translate(str.maketrans("i1o", "ll0"))


# Waiting -------------------------------------------------------------------------------------


class Eyes:
    """Looks at a screen by `look`, again and again; `read` is the picture that was read last."""

    def __init__(self, look: Callable[[], Image.Image]) -> None:
        self.look = look
        self.read: Image.Image | None = None

    def wait_text(self, phrase: str, before: Image.Image, timeout: float = 20.0) -> Box:
        """Wait until a phrase stands in what has changed since `before`; where."""
        last: list[bytes] = [b""]
        said: list[str] = []

        def seen() -> Box | None:
            now = self.look()
            if (content := now.tobytes()) == last[0]:
                return None
            last[0] = content
            self.read = now
            for part in changes(before, now):
                for there in readings(now, part.grown(_MARGIN, now.size)):
                    said.append(" ".join(word.text for word in there))
                    if box := find(there, phrase):
                        return box
            return None

        return wait_until(
            seen, timeout, f"“{phrase}” on the screen", every=0.2, explain=lambda: " / ".join(said)
        )

    def wait_icon(self, before: Image.Image, colour: Colour, timeout: float = 20.0) -> Box:
        look = lambda: icon(before, self.look(), colour)  # noqa: E731
        return wait_until(look, timeout, "the icon on the screen", every=0.2)
