"""`packaging/update htmx`: brings htmx, and its licence, from npm; checked by its digest.

A newer version needs its number and digest here (`npm view NAME dist.integrity`). Needs npm.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Final

import environment

STATIC: Final = environment.ROOT / "mem0tray" / "window" / "static"
PACKAGE: Final = "htmx.org@2.0.11"
DIGEST: Final = (  # SHA-512
    "Thx/WtpeOQqSrqBCw/A1cwGJGg4UrVa3+sW0GmrM3p4gJgO89ecH4qtbnyzDDWFvBTqjnIMCgELTNt636dtamA=="
)
BROUGHT: Final = {"dist/htmx.min.js": "htmx.min.js", "LICENSE": "htmx.LICENSE"}


def main() -> None:
    """Bring the script, and its licence beside it."""
    if shutil.which("npm") is None:
        environment.need_system(["npm"], "Bringing htmx needs npm.")
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--json", "--pack-destination", folder, PACKAGE]
        [packed] = json.loads(subprocess.check_output(command))
        archive = Path(folder, packed["filename"])
        if base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() != DIGEST:
            environment.fail(f"{PACKAGE} has another digest than packaging/update_htmx.py says.")
        with tarfile.open(archive) as content:
            content.extractall(folder, filter="data")
        for source, target in BROUGHT.items():
            shutil.copyfile(Path(folder, "package", source), STATIC / target)
    print(PACKAGE)


if __name__ == "__main__":
    main()
