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
from tests.support.screen import Point

_LARGER: Final = 3  # letters of a screen are small for a reader of scanned pages
_LETTER: Final = 8  # pixels: what is larger is no letter
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
        """Its middle."""
        return Point((self.left + self.right) // 2, (self.top + self.bottom) // 2)

    def grown(self, by: int, size: tuple[int, int]) -> "Box":
        """The box with a margin, as far as a picture of that size goes."""
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


def changed(before: Image.Image, after: Image.Image) -> Box | None:
    """The part in which two pictures of a screen differ."""
    box = ImageChops.difference(before, after).convert("L").getbbox()
    return Box(*box) if box else None


def icon(before: Image.Image, after: Image.Image, colour: Colour) -> Box | None:
    """Where most in this colour has come, if that is as small as an icon."""
    far = ImageChops.difference(after, Image.new("RGB", after.size, colour)).split()
    near = [band.point(lambda value: 255 * (value <= _CLOSE)) for band in far]
    mask = ImageChops.darker(ImageChops.darker(near[0], near[1]), near[2])
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

    As it is; and with all that stands out from what is round about it black on white, which
    finds pale letters and light ones on dark, but not large ones.
    """
    grey = picture.crop(part).convert("L")
    yield _read(grey, part)
    around = grey.filter(ImageFilter.GaussianBlur(_LETTER))
    ink = ImageChops.difference(grey, around).point(lambda value: 255 - min(255, value * _INK))
    yield _read(ink, part)


def _read(grey: Image.Image, part: Box) -> list[Word]:
    size = (grey.width * _LARGER, grey.height * _LARGER)
    large = grey.resize(size, Image.Resampling.LANCZOS)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "part.png")
        large.save(file, "PNG", compress_level=1)
        done = subprocess.run(
            ["tesseract", str(file), "-", "--psm", "11", "--dpi", "220", "tsv"],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
            env={"PATH": "/usr/bin:/bin", "OMP_THREAD_LIMIT": "1"},
            timeout=60,
        )
    return words(done.stdout, (part.left, part.top), _LARGER)


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
    """Letters and digits alone, those that look alike as one."""
    letters = re.sub(r"[^a-z0-9]", "", text.lower().replace("|", "l"))
    return letters.translate(str.maketrans("i1o", "ll0"))


# Waiting -------------------------------------------------------------------------------------


class Eyes:
    """Looks at a screen by `look`, again and again."""

    def __init__(self, look: Callable[[], Image.Image]) -> None:
        self.look = look

    def wait_text(self, phrase: str, before: Image.Image, timeout: float = 20.0) -> Box:
        """Wait until a phrase stands in what has changed since `before`; where."""
        found: list[Box] = []
        last: list[bytes] = [b""]
        said: list[str] = []

        def seen() -> bool:
            now = self.look()
            if (content := now.tobytes()) == last[0]:
                return False
            last[0] = content
            part = changed(before, now)
            if part is None:
                return False
            for there in readings(now, part.grown(_MARGIN, now.size)):
                said.append(" ".join(word.text for word in there))
                if box := find(there, phrase):
                    found.append(box)
                    return True
            return False

        wait_until(
            seen, timeout, f"“{phrase}” on the screen", every=0.2, explain=lambda: " / ".join(said)
        )
        return found[0]

    def wait_icon(self, before: Image.Image, colour: Colour, timeout: float = 20.0) -> Box:
        """Wait until an icon in this colour has come; where."""
        found: list[Box] = []

        def seen() -> bool:
            found.extend(box for box in [icon(before, self.look(), colour)] if box)
            return bool(found)

        wait_until(seen, timeout, "the icon on the screen", every=0.2)
        return found[0]
