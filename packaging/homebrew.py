"""Homebrew's formula and cask: the templates in `homebrew/`, filled in, in `dist/`.

`brew update-python-resources` would choose other versions than the pinned ones, and needs a Mac.
"""

import hashlib
import sys
import tomllib
from pathlib import Path
from typing import Final

import environment

from mem0tray import __version__

TEMPLATES: Final = environment.ROOT / "packaging" / "homebrew"
BREWED: Final = ("pillow",)  # the template depends on Homebrew's own


def write_formula(archive: Path, lock: Path) -> None:
    """Fill in the formula, with the pinned packages that a Mac needs beside the source archive."""
    environment.uv(
        "pip", "compile", environment.PYPROJECT, "--constraint", environment.CONSTRAINTS,
        "--python-platform", "aarch64-apple-darwin", "--python-version", "3.13", "-o", lock,
    )  # fmt: skip
    blocks = []
    for package in tomllib.loads(lock.read_text(encoding="utf-8"))["packages"]:
        wheels = [each for each in package["wheels"] if each["url"].endswith("py3-none-any.whl")]
        file = [*wheels, package.get("sdist")][0]
        inner = f'    url "{file["url"]}"\n    sha256 "{file["hashes"]["sha256"]}"\n'
        if package["name"] not in BREWED:
            blocks.append(f'resource "{package["name"]}" do\n{inner}  end')
    fill("mem0tray.rb", archive, {"# @RESOURCES@": "\n\n  ".join(blocks)})


def fill(name: str, artefact: Path, values: dict[str, str]) -> None:
    """Write a template of that name beside the artefact that it is for.

    The command's argument says where the release will be.
    """
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    url = (sys.argv[1:] or ["https://example.org"])[0]
    values |= {
        "@HOME@": url.partition("/releases/")[0],
        "@URL@": f"{url}/{artefact.name}",
        "@VERSION@": __version__,
        "@SHA256@": hashlib.sha256(artefact.read_bytes()).hexdigest(),
    }
    for mark, value in values.items():
        text = text.replace(mark, value)
    artefact.with_name(name).write_text(text.partition("\n")[2], encoding="utf-8")
