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


_CORE: Final = ("item", "jsontext", "large", "events", "text", "language", "reasons", "errors")
_SETTINGS: Final = ("settings", "setting_rules", "config_file", "paths", "data_folders")
ROOMS: Final = {
    "core": Room(
        tuple(f"mem0tray/{name}.py" for name in _CORE),
        (
            *(f"tests/test_{name}.py" for name in ("item", "jsontext", "large", "language")),
            "tests/test_reasons.py", "tests/files/test_document.py", "tests/worker",
        ),
    ),
    "files": Room(("mem0tray/files/*.py",), ("tests/files", "tests/worker")),
    "settings": Room(
        tuple(f"mem0tray/{name}.py" for name in _SETTINGS),
        ("tests/test_settings.py", "tests/cli/test_config.py", "tests/test_language.py"),
    ),
    "ledger": Room(("mem0tray/ledger/*.py",), ("tests/ledger", "tests/worker", "tests/actions")),
    "worker": Room(("mem0tray/worker/*.py",), ("tests/worker", "tests/proofs/model/test_found.py")),
    "server": Room(("mem0tray/server/*.py",), ("tests/server", "tests/worker")),
}  # fmt: skip


def modules_of(room: Room, root: Path) -> list[str]:
    """The files of a room, relative to the project."""
    found = (path for pattern in room.modules for path in root.glob(pattern))
    names = sorted({path.relative_to(root).as_posix() for path in found})
    return [name for name in names if not _any(name, room.left_out)]


def suite(room: Room, root: Path) -> list[str]:
    """The tests of a room that are there."""
    return [name for name in room.tests if (root / name).exists()]


def mirrored(module: str) -> str:
    """The beginning of the names of a module's own test files."""
    folder, _, name = module.removeprefix("mem0tray/").removesuffix(".py").rpartition("/")
    return "/".join(filter(None, ("tests", folder, f"test_{name}")))


def _any(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)
