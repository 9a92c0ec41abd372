"""Finding Claude Code's notes, `projects/*/memory/**/*.md`, and reading one.

No link is followed: its target is a note by itself, or not one of Claude Code's.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from mem0tray.files.atomic import Signature
from mem0tray.system import regular_file

PROJECTS: Final = "projects"
FOLDER: Final = "memory"
SUFFIX: Final = ".md"
LARGEST: Final = 1_000_000  # bytes of a note, which Claude Code keeps to a few thousand
_INDEX: Final = "MEMORY.md"  # lists the other notes
_NOT_FOLLOWED: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)


class FoundNote(NamedTuple):
    """A note's path below Claude Code's folder, its mark, and its time of change (Unix seconds).

    The mark changes whenever the file does.
    """

    path: str
    mark: str
    changed: float


def folders(root: Path) -> Iterator[Path]:
    """The folders where each project's notes are, or would be, and those within. Raises OSError."""
    try:
        with os.scandir(root / PROJECTS) as entries:
            tops = [Path(entry, FOLDER) for entry in entries if entry.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return
    for top in tops:
        yield top
        for path, names, _ in os.walk(top) if not top.is_symlink() else ():
            names[:] = [name for name in names if not name.startswith(".")]
            yield from (Path(path, name) for name in names)


def notes(root: Path, folder: Path) -> Iterator[FoundNote]:
    """The notes in one of the `folders`. Raises OSError."""
    try:
        if not _is_own(root, folder):
            return
        below = folder.relative_to(root).as_posix()
        with os.scandir(folder) as entries:
            for entry in entries:
                if _is_note(entry.name) and entry.is_file(follow_symlinks=False):
                    found = entry.stat(follow_symlinks=False)
                    yield FoundNote(f"{below}/{entry.name}", mark(found), found.st_mtime)
    except FileNotFoundError:
        return


def _is_own(root: Path, folder: Path) -> bool:
    """Whether no folder on the way from `projects` to the notes is a link. Raises OSError."""
    way = [folder, *folder.parents][: len(folder.relative_to(root).parts) - 1]
    return all(stat.S_ISDIR(each.lstat().st_mode) for each in way)


def _is_note(name: str) -> bool:
    """Whether `*.md` covers a name: as in a shell, not one that begins with a dot."""
    return name.endswith(SUFFIX) and name != _INDEX and not name.startswith(".")


def mark(found: os.stat_result) -> str:
    """What identifies a version of a file; without the inode, which Windows does not list."""
    signature = Signature.of(found)
    return f"{signature.size} {signature.mtime} {signature.ctime}"


def read(root: Path, path: str) -> tuple[bytes, os.stat_result] | None:
    """The first bytes of a note, at most one more than `LARGEST`, and its stat result.

    None where it is gone, or was changed meanwhile, or its folder has become a link. Raises
    OSError and NotRegularError.
    """
    try:
        if not _is_own(root, (root / path).parent):
            return None
        fd = regular_file.open_fd(root / path, _NOT_FOLLOWED)
    except FileNotFoundError:
        return None
    with os.fdopen(fd, "rb") as file:
        before = os.fstat(fd)
        data = file.read(LARGEST + 1)
        after = os.fstat(fd)
    return (data, after) if mark(before) == mark(after) else None
