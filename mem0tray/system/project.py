"""The project of a folder, for callers that name none (contract, section 6)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

VARIABLE: Final = "MEM0_PROJECT_ID"
ROOT: Final = "root"
_PATIENCE: Final = 2.0  # seconds for git, which takes some milliseconds
_REMOTES: Final = ("config", "--local", "--get-regexp", r"^remote\..*\.url$")


def of_folder(folder: Path, environ: Mapping[str, str]) -> str:
    """Return `MEM0_PROJECT_ID`, else the name of the remote's repository, else the folder's.

    Empty without any of these: the root of a disk has no name.
    """
    named = environ.get(VARIABLE, "").strip()
    return named or _repository(folder) or folder.absolute().name


def of_session(folder: Path, environ: Mapping[str, str]) -> str:
    """Return the same for a hook, which has nobody to ask: at the root of a disk `ROOT`."""
    return of_folder(folder, environ) or ROOT


def repository_name(address: str) -> str:
    """Return the last part of a remote's address (URL, scp-like or path), without `.git`."""
    last = address.strip().replace("\\", "/").rstrip("/").rpartition("/")[2]
    return last.rpartition(":")[2].removesuffix(".git")


def _repository(folder: Path) -> str:
    from mem0tray.system import programs  # slow to import

    found = programs.answer("git", "-C", str(folder), *_REMOTES, patience=_PATIENCE) or ""
    lines = [line.partition(" ") for line in found.splitlines()]
    addresses = {name: address for name, _, address in lines}
    first = next(iter(addresses.values()), "")
    return repository_name(addresses.get("remote.origin.url", first))
