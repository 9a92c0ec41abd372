"""The folders of Claude Code's notes: of projects, of agents, and what `autoMemoryDirectory` names.

In its own folder those are `projects/*/memory` and `agent-memory/*`. The others are found by the
working directories of its sessions: agents' folders and settings there; and by the user's settings.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from mem0tray.core import item as items
from mem0tray.files.atomic import Signature
from mem0tray.system import project, regular_file

PROJECTS: Final = "projects"
_AGENTS: Final = ("agent-memory", "agent-memory-local")
_INDEX: Final = "MEMORY.md"  # lists the other notes
_LONGEST_SETTINGS: Final = 1_000_000  # bytes
_TRANSCRIPTS: Final = 5  # the newest transcripts, one of which names the working directory
_LINES: Final = 50  # lines of a transcript
_LONGEST: Final = 100_000  # bytes in a line
_CUT: Final = 200  # characters of a long name that come from the directory, before a hash
_OTHERS: Final = re.compile(r"[^A-Za-z0-9]")

Directories = Mapping[str, str]  # of sessions, by the names of their folders in `projects`
OnError = Callable[[OSError], None] | None


class NoteFolder(NamedTuple):
    """A folder of notes, by its path below Claude Code's folder or its full path, and whose it is.

    No link below `base` is followed. `owner`, in the same form, is a folder that Claude Code made
    for a project or an agent, or else one that has the project of its own.
    """

    path: str
    base: Path
    owner: str


class FoundNote(NamedTuple):
    """A note's path (as its folder's), the mark of its version, its time of change, its folder."""

    path: str
    mark: str
    changed: float
    folder: NoteFolder

    @classmethod
    def of(cls, path: str, found: os.stat_result, folder: NoteFolder) -> "FoundNote":
        signature = Signature.of(found)  # without the inode, which Windows does not list
        mark = f"{signature.size} {signature.mtime} {signature.ctime}"
        return cls(path, mark, found.st_mtime, folder)


def find(root: Path, directories: Directories, on_error: OnError = None) -> Iterator[FoundNote]:
    """Find all notes; what cannot be listed is left out, and `on_error` gets the error.

    `root` is Claude Code's folder. A note may come twice: its first folder counts.
    """
    for folder in folders(root, directories, on_error):
        yield from notes_in(root, folder, on_error)


def notes_in(root: Path, folder: NoteFolder, on_error: OnError = None) -> Iterator[FoundNote]:
    """Find the notes of one folder."""
    top = root / folder.path
    walk = () if top.is_symlink() else os.walk(top, onerror=on_error)
    for where, names, files in walk:
        names[:] = [name for name in names if not name.startswith(".")]
        below = folder.path + where[len(str(top)) :].replace(os.sep, "/")
        for name in files:
            if name.endswith(".md") and name != _INDEX and not name.startswith("."):
                try:
                    found = os.lstat(f"{where}{os.sep}{name}")
                except OSError as error:
                    if on_error is not None:
                        on_error(error)
                    continue
                if stat.S_ISREG(found.st_mode):
                    yield FoundNote.of(f"{below}/{name}", found, folder)


def folders(root: Path, directories: Directories, on_error: OnError = None) -> Iterator[NoteFolder]:
    """Yield the folders that may have notes, the narrowest first."""
    for kind, below in ((PROJECTS, "/memory"), (_AGENTS[0], "")):
        for entry in _subfolders(root / kind, on_error):
            owner = f"{kind}/{entry.name}"
            yield NoteFolder(owner + below, root / kind, owner)
    for directory in directories.values():
        inner, names = Path(directory, ".claude"), set[str]()
        with suppress(OSError):
            if not (inner.is_symlink() or inner.samefile(root)):  # as in the home folder
                names = {each.name for each in inner.iterdir()}
        for name in names.intersection(_AGENTS):
            yield NoteFolder((inner / name).as_posix(), Path(directory), directory)
        # The repository brings the second: it must not lead to whatever else this computer has.
        for name, within in (("settings.local.json", ""), ("settings.json", directory)):
            if name in names and (found := _configured(root, inner / name, directory, within)):
                yield found
                break
    if found := _configured(root, root / "settings.json"):
        yield found


def _configured(root: Path, settings: Path, owner: str = "", within: str = "") -> NoteFolder | None:
    """Return the folder that a settings file of Claude Code's names; its links are followed."""
    with suppress(OSError, ValueError), regular_file.open_binary(settings) as file:
        value = (items.load_object(file.read(_LONGEST_SETTINGS)) or {}).get("autoMemoryDirectory")
        if named := _named(value):
            top, real = Path(os.path.realpath(named)), Path(os.path.realpath(root))
            may_be = not within or top.parent.is_relative_to(os.path.realpath(within))
            if may_be and not real.is_relative_to(top):
                path = top.relative_to(real) if top.is_relative_to(real) else top
                return NoteFolder(path.as_posix(), root / path, owner or str(top))
    return None


def _named(value: object) -> str:
    """Return the full path that a value of the setting stands for, by Claude Code's rules."""
    text, home = value if isinstance(value, str) else "", f"{Path.home()}{os.sep}"
    if "\0" in text:  # Windows would look for it
        return ""
    if text.startswith(("~/", "~\\")):
        path = os.path.normpath(home + text[2:])
        return path if path.startswith(home) else ""
    return text if Path(text).is_absolute() else ""


def _subfolders(folder: Path, on_error: OnError = None) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [each for each in entries if each.is_dir(follow_symlinks=False)]
    except OSError as error:
        if on_error is not None:
            on_error(error)
        return []


# The project ------------------------------------------------------------------------


def project_of(root: Path, owner: str, directories: Directories, former: str = "") -> str:
    """Return the project of the notes in a folder with this `owner`.

    A folder in `projects` is named after a working directory. If no transcript there names that:
    `MEM0_PROJECT_ID`, or else the `former` project, as Claude Code removes transcripts after 30
    days, or else that of a directory or of one above it, as notes are of a repository's root, and
    transcripts of where a session began; or else the folder's name.
    """
    folder = root / owner
    if Path(owner).is_absolute():
        return project.of_session(folder, os.environ)
    there = working_directory(folder)
    if there is None and former in ("", folder.name):
        ways = ((way, *way.parents) for way in map(Path, directories.values()))
        there = next((each for way in ways for each in way if _fits(str(each), folder.name)), None)
    if there is not None:
        return project.of_folder(there, os.environ) or folder.name
    return os.environ.get(project.VARIABLE, "").strip() or former or folder.name


def learn(root: Path, known: Directories, since: float) -> dict[str, str]:
    """Return working directories of sessions by the names of their folders in `projects`.

    Only folders that are not `known` are looked into, if changed `since` then, in Unix seconds.
    """
    found: dict[str, str] = {}
    for entry in _subfolders(root / PROJECTS):
        with suppress(OSError):
            if entry.name not in known and entry.stat(follow_symlinks=False).st_mtime >= since:
                directory = working_directory(Path(entry))
                if directory is not None and directory.is_absolute():
                    found[entry.name] = str(directory)
    return found


def working_directory(folder: Path) -> Path | None:
    """Return the directory in the newest transcripts that fits the folder's name; None without one.

    The name has `-` for everything but ASCII letters and digits, so it does not say enough.
    """
    found: list[tuple[float, str]] = []
    with suppress(OSError), os.scandir(folder) as entries:
        found = [
            (entry.stat(follow_symlinks=False).st_mtime, entry.path)
            for entry in entries
            if entry.name.endswith(".jsonl") and entry.is_file(follow_symlinks=False)
        ]
    for _, transcript in sorted(found, reverse=True)[:_TRANSCRIPTS]:
        with suppress(OSError):
            for directory in _directories(Path(transcript)):
                if _fits(directory, folder.name):
                    return Path(directory)
    return None


def _directories(transcript: Path) -> Iterator[str]:
    with regular_file.open_binary(transcript) as file:
        for line in islice(iter(lambda: file.readline(_LONGEST), b""), _LINES):
            found = (items.load_object(line) or {}).get("cwd")
            with suppress(UnicodeError):
                if isinstance(found, str) and found and b"\0" not in os.fsencode(found):
                    yield found


def _fits(directory: str, name: str) -> bool:
    mine, given = (
        _OTHERS.sub(lambda found: "-" * (1 + (found[0] > "\uffff")), text)
        for text in (directory, name)
    )
    return mine == given or (len(mine) > _CUT and mine[:_CUT] == given[:_CUT])
