"""Makes the pictures: `python -m tests.pictures FOLDER [NAME…]`."""

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Final

from PIL import Image

from tests.pictures import scene, shots
from tests.support.standin import Standin

LARGEST: Final = 60_000  # bytes of a picture
_COLOURS: Final = (96, 64, 48, 32)


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


def window(folder: Path, *, dark: bool = False) -> Image.Image:
    with scene.home(folder / "home") as home:
        scene.fill(home)
        return shots.window(home, dark=dark)


PICTURES: Final[dict[str, Callable[[Path], Image.Image]]] = {
    "icon": lambda _: shots.icons(),
    "menu": menu,
    "notifications": notifications,
    "window": window,
    "window-dark": partial(window, dark=True),
}


def make(target: Path, names: Iterable[str] = ()) -> None:
    target.mkdir(exist_ok=True)
    with scene.afternoon():
        for name in names or PICTURES:
            with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
                save(PICTURES[name](Path(folder)), target / f"{name}.png")


def save(picture: Image.Image, file: Path) -> None:
    for colours in _COLOURS:
        # This way areas keep their very colours.
        few = picture.quantize(colours, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        few.save(file, "PNG", optimize=True)
        if file.stat().st_size <= LARGEST:
            break
    print(f"{file.name}: {picture.width} × {picture.height}, {file.stat().st_size:,} bytes")  # noqa: T201


if __name__ == "__main__":
    make(Path(sys.argv[1]), sys.argv[2:])
