"""Makes the pictures: `python -m tests.pictures FOLDER [NAME…]`."""

import contextlib
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from PIL import Image

from tests.pictures import scene, shots
from tests.support.standin import Standin

LARGEST: Final = 60_000  # bytes of a picture
Colour = tuple[int, int, int]
_COLOURS: Final = (96, 64, 48, 32)
_EXACT: Final = 3  # of so many colours one is kept as it is: those of areas, not of edges


def states(_: Path) -> Image.Image:
    return shots.icons()


def menu(folder: Path) -> Image.Image:
    with scene.desktop(folder / "desktop") as desktop, scene.home(folder / "home") as home:
        scene.fill(home)
        return shots.menu(desktop, home)


def notifications(folder: Path) -> Image.Image:
    with contextlib.ExitStack() as stack:
        desktop = stack.enter_context(scene.desktop(folder / "desktop"))
        server = stack.enter_context(Standin())
        home = stack.enter_context(scene.home(folder / "home", server.url))
        return shots.notifications(desktop, home, server)


def page(folder: Path, *, dark: bool = False) -> Image.Image:
    with scene.desktop(folder / "desktop") as desktop, scene.home(folder / "home") as home:
        scene.fill(home)
        return shots.page(desktop, home, folder, dark=dark)


def page_dark(folder: Path) -> Image.Image:
    return page(folder, dark=True)


PICTURES: Final[dict[str, Callable[[Path], Image.Image]]] = {
    "icon": states,
    "menu": menu,
    "notifications": notifications,
    "page": page,
    "page-dark": page_dark,
}


def make(target: Path, names: Iterable[str] = ()) -> None:
    target.mkdir(exist_ok=True)
    with scene.afternoon():
        for name in names or PICTURES:
            with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
                save(PICTURES[name](Path(folder)), target / f"{name}.png")


def save(picture: Image.Image, file: Path) -> None:
    for colours in _COLOURS:
        reduced(picture, colours).save(file, "PNG", optimize=True)
        if file.stat().st_size <= LARGEST:
            break
    print(f"{file.name}: {picture.width} × {picture.height}, {file.stat().st_size:,} bytes")  # noqa: T201


def reduced(picture: Image.Image, colours: int) -> Image.Image:
    pixels: Sequence[Any] = picture.get_flattened_data()
    counted = Counter(pixels)
    exact = [colour for colour, _ in counted.most_common(colours // _EXACT)]
    values = picture.quantize(colours - len(exact), Image.Quantize.MEDIANCUT).getpalette() or []
    palette = exact + list(zip(values[::3], values[1::3], values[2::3], strict=True))
    # Pillow's own choice of the nearest is off by a little also where there is an exact one.
    index = {colour: _nearest(colour, palette) for colour in counted}
    made = Image.new("P", picture.size)
    made.putpalette([value for colour in palette for value in colour])
    made.putdata([index[pixel] for pixel in pixels])
    return made


def _nearest(colour: Colour, palette: Sequence[Colour]) -> int:
    def distance(place: int) -> int:
        return sum((a - b) ** 2 for a, b in zip(colour, palette[place], strict=True))

    return min(range(len(palette)), key=distance)


if __name__ == "__main__":
    make(Path(sys.argv[1]), sys.argv[2:])
