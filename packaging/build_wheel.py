"""`packaging/build wheel`: the source archive and the wheel, and proof that both can be made again.

They are made of what is committed, twice, in two folders, and must come out
byte for byte the same; so must the wheel without the archive in between.
"""

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

import environment

DIST: Final = environment.ROOT / "dist"


def main() -> None:
    """Build everything and put it into `dist/`."""
    changes = _git("status", "--porcelain", "--untracked-files=no")
    if changes:
        environment.say(f"Not committed, and so not in what is built:\n{changes.decode()}")
    with tempfile.TemporaryDirectory(prefix="mem0tray-build-") as folder:
        first = build(Path(folder) / "first")
        second = build(Path(folder) / "second" / "in another folder")
        direct = build(Path(folder) / "direct", "--wheel")
        once, again = sums(first), sums(second)
        if not once == again == once | sums(direct):
            environment.fail(f"Built again, it differs: {once} {again} {sums(direct)}")
        DIST.mkdir(exist_ok=True)
        for each in first:
            shutil.copy2(each, DIST)
    for name, digest in once.items():
        print(f"{digest}  dist/{name}")


def build(folder: Path, *kind: str) -> list[Path]:
    """Build source archive and wheel, or the `kind` alone, of the last commit, in a new folder.

    Times in the archives are the commit's.
    """
    sources, out = folder / "sources", folder / "out"
    sources.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(_git("archive", "HEAD"))) as archive:
        archive.extractall(sources, filter="data")
    for each in sources.rglob("*"):  # as a fresh clone has them
        os.utime(each)
    epoch = _git("log", "-1", "--format=%ct").decode().strip()
    done = subprocess.run(
        [sys.executable, "-I", "-m", "build", "--no-isolation", "--outdir", out, *kind, sources],
        env={"SOURCE_DATE_EPOCH": epoch} | os.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        environment.fail(done.stdout)
    return sorted(out.iterdir())


def sums(files: list[Path]) -> dict[str, str]:
    """The SHA-256 of each file, by name."""
    return {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in files}


def _git(*arguments: str) -> bytes:
    return subprocess.run(
        ["git", "-C", environment.ROOT, *arguments], check=True, stdout=subprocess.PIPE
    ).stdout


if __name__ == "__main__":
    main()
