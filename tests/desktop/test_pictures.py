"""The pictures of README.md and of the manual."""

import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.desktops.desks import DESKS
from tests.pictures.__main__ import LARGEST, PICTURES, make
from tests.support.browser import CHROMIUM
from tests.support.home import REPOSITORY

FOLDER = REPOSITORY / "packaging" / "pictures"
DESKTOPS = FOLDER / "desktops"
TOGETHER = 200_000  # bytes of a folder


def test_each_is_made_by_the_command_and_shown_on_a_page() -> None:
    pages = [REPOSITORY / "README.md", *(REPOSITORY / "mem0tray/docs/manual").rglob("*.md")]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    shown = set(re.findall(r"packaging/pictures/([a-z-]+)\.png", text))
    assert sorted(shown) == sorted(PICTURES) == sorted(path.stem for path in FOLDER.glob("*.png"))
    tried = set(re.findall(r"packaging/pictures/desktops/([a-z-]+)\.png", text))
    assert sorted(tried) == sorted(path.stem for path in DESKTOPS.iterdir())
    assert tried <= set(DESKS)
    words = re.findall(r"!\[([^]]+)\]|<img [^>]*alt=\"([^\"]+)\"", text)
    assert len(words) == text.count("![") + text.count("<img")


def test_they_are_small() -> None:
    for folder in (FOLDER, DESKTOPS):
        sizes = [path.stat().st_size for path in folder.glob("*.png")]
        assert max(sizes) <= LARGEST
        assert sum(sizes) <= TOGETHER


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_they_can_be_made(tmp_path: Path) -> None:
    names = [name for name in PICTURES if shutil.which(CHROMIUM) or "window" not in name]
    make(tmp_path, names)
    for name in names:
        with Image.open(tmp_path / f"{name}.png") as new, Image.open(FOLDER / f"{name}.png") as old:
            assert abs(new.width - old.width) < 60
            assert abs(new.height - old.height) < 60
