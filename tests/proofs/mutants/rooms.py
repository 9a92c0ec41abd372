"""What is changed, and the tests that should notice: quick ones, which run in this process."""

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Room:
    """Some modules, and the tests of theirs."""

    modules: tuple[str, ...]  # patterns, relative to the project
    tests: tuple[str, ...]  # files and folders
    left_out: tuple[str, ...] = ()  # patterns of modules


ROOMS: Final = {
    "core": Room(("mem0tray/core/**/*.py",), ("tests/core", "tests/files", "tests/worker/dlq")),
    "files": Room(("mem0tray/files/**/*.py",), ("tests/files",)),
    "config": Room(
        ("mem0tray/config/**/*.py", "mem0tray/system/*paths.py", "mem0tray/system/data_*.py"),
        ("tests/config", "tests/system", "tests/cli/test_config.py"),
    ),
    "ledger": Room(
        ("mem0tray/ledger/**/*.py",), ("tests/ledger", "tests/actions")
    ),
    "server": Room(("mem0tray/server/**/*.py",), ("tests/server", "tests/worker/sending")),
    "worker": Room(
        ("mem0tray/worker/**/*.py",),
        ("tests/worker", "tests/proofs/model/test_found.py", "tests/proofs/planted"),
    ),
}  # fmt: skip


def modules_of(room: Room, root: Path) -> list[str]:
    """The files of a room, relative to the project."""
    found = (path for pattern in room.modules for path in root.glob(pattern))
    names = sorted({path.relative_to(root).as_posix() for path in found})
    return [name for name in names if not matches(name, room.left_out)]


def suite(room: Room, root: Path) -> list[str]:
    return [name for name in room.tests if (root / name).exists()]


def mirrored(module: str) -> str:
    """The beginning of the names of a module's own test files."""
    folder, _, name = module.removeprefix("mem0tray/").removesuffix(".py").rpartition("/")
    return "/".join(filter(None, ("tests", folder, f"test_{name}")))


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a module's path, relative to the project, is named by one of the patterns."""
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)
