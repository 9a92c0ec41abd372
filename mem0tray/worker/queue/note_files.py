"""Claude Code's notes, `projects/*/memory/**/*.md`: finding and reading them, and their projects.

No link is followed: its target is a note by itself, or not one of Claude Code's.
"""

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from mem0tray.core import item as items
from mem0tray.core.item import Item
from mem0tray.files import document
from mem0tray.files.atomic import Signature
from mem0tray.system import project, regular_file

PROJECTS: Final = "projects"
LARGEST: Final = 1_000_000  # bytes of a note, which Claude Code keeps to a few thousand
_FOLDER: Final = "memory"
_SUFFIX: Final = ".md"
_INDEX: Final = "MEMORY.md"  # lists the other notes
_NOT_FOLLOWED: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)
_FENCE: Final = "---"
_TRANSCRIPTS: Final = 5  # the newest transcripts, one of which names the working directory
_LINES: Final = 50  # lines of a transcript
_LONGEST: Final = 100_000  # bytes in a line
_CUT: Final = 200  # characters of a long name that come from the directory, before a hash
_OTHERS: Final = re.compile(r"[^A-Za-z0-9]")


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
            tops = [
                Path(entry, _FOLDER) for entry in entries if entry.is_dir(follow_symlinks=False)
            ]
    except (FileNotFoundError, NotADirectoryError):
        return
    for top in tops:
        yield top
        for path, names, _ in os.walk(top) if not top.is_symlink() else ():
            names[:] = [name for name in names if not name.startswith(".")]
            yield from (Path(path, name) for name in names)


def notes(root: Path, folder: Path) -> Iterator[FoundNote]:
    """Return the notes in one of the `folders`. Raises OSError."""
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
    return name.endswith(_SUFFIX) and name != _INDEX and not name.startswith(".")


def mark(found: os.stat_result) -> str:
    """What identifies a version of a file; without the inode, which Windows does not list."""
    signature = Signature.of(found)
    return f"{signature.size} {signature.mtime} {signature.ctime}"


def read(root: Path, path: str) -> tuple[bytes, os.stat_result] | None:
    """Return the first bytes of a note, at most one more than `LARGEST`, and its stat result.

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


def without_front_matter(text: str) -> str:
    """Return the text after the front matter, without blank lines around it.

    Front matter stands between a first line and a further one that are `---`.
    """
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    fences = [n for n, line in enumerate(lines) if line.rstrip() == _FENCE][:2]
    if len(fences) == 2 and fences[0] == 0:  # noqa: PLR2004  (a pair)
        lines = lines[fences[1] + 1 :]
    return "".join(lines).strip()


def as_item(path: str, project_id: str, text: str, changed: float, now: float) -> Item | None:
    """Return the entry that a producer would queue for a note; its time is that of the last change.

    `path` is relative to Claude Code's folder: the id is the same after the ledger was lost.
    """
    timestamp = int(changed if items.EARLIEST <= changed <= now else now)
    entry = items.entry(items.id_of(path, text), project_id, text, timestamp)
    return items.parse(document.dump(entry))


# The project ------------------------------------------------------------------------


def project_of(folder: Path, environ: Mapping[str, str], former: str = "") -> str:
    """Return the project of the working directory that `folder`, below `projects`, is named after.

    If no transcript names the directory: `MEM0_PROJECT_ID`, or else the `former` project, as Claude
    Code removes transcripts after 30 days, or else the folder's name.
    """
    there = working_directory(folder)
    if there is not None:
        return project.of_folder(there, environ) or folder.name
    return environ.get(project.VARIABLE, "").strip() or former or folder.name


def working_directory(folder: Path) -> Path | None:
    """Return the directory in the newest transcripts that fits the folder's name; None without one.

    The name has `-` for everything but ASCII letters and digits, so it does not say enough.
    """
    for transcript in _newest(folder):
        with suppress(OSError):
            for directory in _directories(transcript):
                if _fits(directory, folder.name):
                    return Path(directory)
    return None


def _newest(folder: Path) -> list[Path]:
    found: list[tuple[float, str]] = []
    with suppress(OSError), os.scandir(folder) as entries:
        found = [
            (entry.stat(follow_symlinks=False).st_mtime, entry.path)
            for entry in entries
            if entry.name.endswith(".jsonl") and entry.is_file(follow_symlinks=False)
        ]
    return [Path(path) for _, path in sorted(found, reverse=True)[:_TRANSCRIPTS]]


def _directories(transcript: Path) -> Iterator[str]:
    with regular_file.open_binary(transcript) as file:
        for line in islice(iter(lambda: file.readline(_LONGEST), b""), _LINES):
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                continue
            found = value.get("cwd") if isinstance(value, dict) else None
            if isinstance(found, str) and found and "\0" not in found:
                yield found


def _fits(directory: str, name: str) -> bool:
    """Return whether Claude Code would give the folder for this working directory that name."""
    mine, given = _as_name(directory), _as_name(name)
    return mine == given or (len(mine) > _CUT and mine[:_CUT] == given[:_CUT])


def _as_name(text: str) -> str:
    """Return the folder's name; a character beyond U+FFFF counts twice, as in JavaScript."""
    return _OTHERS.sub(lambda found: "-" * (1 + (found[0] > "\uffff")), text)
