"""`packaging/update-htmx`: brings htmx from npm, each package checked by its digest.

A newer version needs its number and digest here (`npm view NAME dist.integrity`). Needs npm.
"""

import base64
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

import environment

STATIC: Final = environment.ROOT / "mem0tray" / "window" / "static"


class Package(NamedTuple):
    """A package of npm; `script` is the file of it that we bring, `digest` its SHA-512."""

    name: str
    version: str
    digest: str
    script: str


PACKAGES: Final = (
    Package(
        "htmx.org",
        "2.0.11",
        "Thx/WtpeOQqSrqBCw/A1cwGJGg4UrVa3+sW0GmrM3p4gJgO89ecH4qtbnyzDDWFvBTqjnIMCgELTNt636dtamA==",
        "dist/htmx.min.js",
    ),
)


def main() -> None:
    """Bring each script, and its licence beside it."""
    if shutil.which("npm") is None:
        environment.need_system(["npm"], "Bringing htmx needs npm.")
    for each in PACKAGES:
        with tarfile.open(fileobj=io.BytesIO(brought(each))) as archive:
            script = Path(each.script)
            (STATIC / script.name).write_bytes(read(archive, each.script))
            licence = STATIC / f"{script.name.partition('.')[0]}.LICENSE"
            licence.write_bytes(read(archive, "LICENSE"))
        print(f"{each.name} {each.version}")


def brought(package: Package) -> bytes:
    """Return the package's archive; fails unless it has the digest."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = f"{package.name}@{package.version}"
        command = ["npm", "pack", "--json", "--pack-destination", folder, wanted]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        data = Path(folder, json.loads(done.stdout)[0]["filename"]).read_bytes()
    if base64.b64encode(hashlib.sha512(data).digest()).decode() != package.digest:
        environment.fail(f"{wanted} has another digest than packaging/update_htmx.py says.")
    return data


def read(archive: tarfile.TarFile, name: str) -> bytes:
    """Return a file of the package."""
    file = archive.extractfile(f"package/{name}")
    if file is None:
        environment.fail(f"{name} is missing.")
    return file.read()


if __name__ == "__main__":
    main()
