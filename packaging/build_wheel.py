"""`packaging/build wheel`: source archive, wheel, what it brings (CycloneDX), Homebrew's formula.

Archive and wheel are made of what is committed, twice, in two folders, and must come out byte
for byte the same; so must the wheel without the archive in between.
"""

import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

import environment
import homebrew

DIST: Final = environment.ROOT / "dist"
CYCLONEDX: Final = "cyclonedx-bom==7.5.0"
AS_OF: Final = "2026-11-29"  # what it needs itself, in the versions of that day


def main() -> None:
    """Build everything and put it into `dist/`."""
    if changes := environment.run("git", "status", "--porcelain"):
        environment.say(f"Not committed, and so not in what is built:\n{changes}")
    with tempfile.TemporaryDirectory(prefix="mem0tray-build-") as name:
        folder = Path(name)
        first = build(folder / "first")
        second = build(folder / "second" / "in another folder")
        direct = build(folder / "direct", "--wheel")
        once, again = sums(first), sums(second)
        if not once == again == once | sums(direct):
            environment.fail(f"Built again, it differs: {once} {again} {sums(direct)}")
        DIST.mkdir(exist_ok=True)
        wheel, archive = (Path(shutil.copy2(each, DIST)) for each in first)
        bill_of_materials(wheel, folder / "clean")
        homebrew.write_formula(archive, folder / "pylock.toml")
    for name, digest in once.items():
        print(f"{digest}  dist/{name}")


def build(folder: Path, *kind: str) -> list[Path]:
    """Build wheel and source archive, or the `kind` alone, of the last commit, in a new folder.

    Times in the archives are the commit's.
    """
    sources, out = folder / "sources", folder / "out"
    environment.run("git", "clone", "--quiet", ".", sources)
    epoch = environment.run("git", "log", "-1", "--format=%ct").strip()
    environment.run(
        sys.executable, "-I", "-m", "build", "--no-isolation", "--outdir", out, *kind, sources,
        environ={"SOURCE_DATE_EPOCH": epoch} | os.environ,
    )  # fmt: skip
    return sorted(out.iterdir())


def bill_of_materials(wheel: Path, clean: Path) -> None:
    """Install a wheel into a `clean` environment, and write down what it brings, with licences."""
    target = wheel.with_suffix(".cdx.json")
    environment.say(f"Installing {CYCLONEDX} and what {wheel.name} needs, to write {target.name}.")
    environment.uv("venv", "--python", sys.executable, clean)
    pinned = ("--constraint", environment.CONSTRAINTS)
    environment.uv("pip", "install", "--python", clean, *pinned, wheel)
    environment.uv(
        "tool", "run", "--exclude-newer", AS_OF, "--from", CYCLONEDX, "cyclonedx-py", "environment",
        "--pyproject", environment.PYPROJECT, "--output-reproducible", "-o", target, clean,
    )  # fmt: skip


def sums(files: list[Path]) -> dict[str, str]:
    """The SHA-256 of each file, by name."""
    return {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in files}


if __name__ == "__main__":
    main()
