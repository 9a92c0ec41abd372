"""Connecting Claude Code with mem0tray, and undoing that: planned, shown, carried out.

By a copy in our folder a file is restored byte for byte if nobody has changed it since.
"""

import difflib
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

from mem0tray.agents import callers
from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import atomic, private_folders, temporary
from mem0tray.files.atomic import Signature, TornError
from mem0tray.system.paths import claude_code_folder, data_root

MCP: Final = "mcp"
HOOKS: Final = "hooks"
# How the callers of a part are found, added, and taken out.
_WAYS: Final = {
    HOOKS: (callers.hooks, callers.with_hooks, callers.without_hooks),
    MCP: (callers.servers, callers.with_server, callers.without_server),
}
PARTS: Final = tuple(_WAYS)
_LARGEST: Final = 32_000_000  # bytes
# The name must not begin like those of the folders that belong to one `claude_dir` each.
_FOLDER: Final = "settings-of-claude-code"
_NEW: Final = "{}\n"  # the text of a file that is not there
_WRITABLE: Final = 0o222


@dataclass(frozen=True, slots=True)
class FoundSettings:
    """A settings file, an object in valid JSON; without one, `data` and `signature` are None."""

    path: Path
    data: bytes | None
    text: str
    signature: Signature | None


@dataclass(frozen=True, slots=True)
class Change:
    """A planned change: `after` is the new content, None for no file; `remarks` say what stays."""

    part: str
    found: FoundSettings
    after: bytes | None
    adding: bool
    remarks: tuple[str, ...] = ()

    @property
    def is_needed(self) -> bool:
        return self.after != self.found.data

    def difference(self) -> list[str]:
        """Return the lines of a unified difference."""
        path = str(self.found.path)
        before = (self.found.data or b"").decode().splitlines()
        after = (self.after or b"").decode().splitlines()
        lines = difflib.unified_diff(before, after, path, path, "", "")
        return [line.rstrip("\n") for line in lines]


def plan(part: str, program: Sequence[str] = ()) -> Change:
    """Return the change for `install`, by which Claude Code starts `program`, or for `uninstall`.

    Raises Mem0TrayError if the file must not be changed, as a link or a read-only one.
    """
    found = read(part)
    path, after = found.path, found.data
    text = _changed(part, found.text, program)
    if text != found.text:
        before = () if program else _as_before(found, part)
        after = next(iter(before), text.encode())
    by_hand = tuple(
        f"{path} has one for {each.what} that was made by hand: it stays."
        for each in _WAYS[part][0](text)
        if not each.installed
    )
    change = Change(part, found, after, bool(program), by_hand)
    if change.is_needed and path.is_symlink():
        where = os.path.realpath(path)
        _refuse(path, f"is a link to {where}", "Add by hand there what --dry-run shows")
    if change.is_needed and found.data is not None:
        is_writable = path.stat().st_mode & _WRITABLE and os.access(path, os.W_OK)
        if not is_writable:
            _refuse(path, "is read-only", "Make it writable")
    return change


def plug_in() -> str:
    """Return the plug-in that connects Claude Code, if one is on. Raises FileUnavailableError."""
    return callers.plug_in(read(HOOKS).text)


def claude() -> str:
    """Return the path of the program `claude`; empty if there is none."""
    return shutil.which("claude") or ""


def is_there() -> bool:
    """Return whether this computer has Claude Code: its program, or one of its files."""
    return bool(claude()) or any(file_of(part).exists() for part in PARTS)


def file_of(part: str) -> Path:
    """Return the file of the user's hooks, or that of the servers, in which there is much else."""
    folder = claude_code_folder(os.environ)
    if part == HOOKS:
        return folder / "settings.json"
    former = folder / ".config.json"
    if former.exists():
        return former
    named = os.environ.get("CLAUDE_CONFIG_DIR")
    return (Path(named) if named else Path.home()) / ".claude.json"


def read(part: str) -> FoundSettings:
    """Return the file of a part. Raises FileUnavailableError if it must not be read or changed."""
    path = file_of(part)
    at_first = atomic.signature(path)
    if at_first is not None and at_first.size > _LARGEST:
        _refuse(path, f"is larger than {_LARGEST // 1_000_000} MB", "Make it smaller")
    try:
        found = atomic.read(path)
    except TornError as error:
        raise FileUnavailableError(f"{path} is being written now.", "Try again.") from error
    if found is None:
        return FoundSettings(path, None, _NEW, None)
    data, signature = found
    try:
        text = data.decode()
        document = json.loads(text, parse_constant=_constant, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        _refuse(path, f"is no JSON that can be changed without loss ({error})", "Mend it")
    if not isinstance(document, dict):
        _refuse(path, "holds no JSON object", "Mend it")
    if name := callers.odd(document):
        _refuse(path, f"has {name} in another form than Claude Code reads", "Mend it")
    return FoundSettings(path, data, text, signature)


def _refuse(path: Path, why: str, remedy: str) -> NoReturn:
    raise FileUnavailableError(f"{path} {why}.", f"{remedy}, then try again.")


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has two members of one name")
    return found


def carry_out(change: Change) -> Path | None:
    """Make the planned change; return the copy of the former file, None if there was none.

    Raises FileUnavailableError, with the file as it was, if it changed or cannot be written.
    """
    found, path = change.found, change.found.path
    private_folders.make_private_folder(_folder())
    copy = None
    if found.data is not None:
        copy = _folder() / f"{path.name.removeprefix('.')}.{time.time():.6f}"
        atomic.replace(copy, found.data)
    temporary.remove_leftovers(path.parent)  # left by a change that was killed
    done = _is_as_found(found)
    if done and change.after is None:
        path.unlink()
    elif done and change.after is not None:
        private_folders.make_private_folder(path.parent)
        still_valid = partial(_is_as_found, found)
        done = atomic.replace(path, change.after, still_valid=still_valid) is not None
    if not done:
        raise FileUnavailableError(
            f"{path} was changed by another program meanwhile; nothing was written.", "Try again."
        )
    return copy


def _folder() -> Path:
    return data_root() / _FOLDER


def _is_as_found(found: FoundSettings) -> bool:
    return not found.path.is_symlink() and atomic.signature(found.path) == found.signature


def _as_before(found: FoundSettings, part: str) -> Iterator[bytes | None]:
    """Yield what a file that is as `install` left it was before (None: there was no file).

    That is a copy of ours, or none, to which `install` adds what stands in the file now.
    """
    program = next((each.program for each in _WAYS[part][0](found.text) if each.installed), ())
    name = found.path.name.removeprefix(".")
    copies = sorted(_folder().glob(f"{name}.*"), reverse=True) if program else []
    for before in (*(copy.read_bytes() for copy in copies), None):
        text = _NEW if before is None else before.decode()
        is_free = program and _changed(part, text, ()) == text
        if is_free and _changed(part, text, program) == found.text:
            yield before


def _changed(part: str, text: str, program: Sequence[str]) -> str:
    _, with_it, without_it = _WAYS[part]
    return with_it(text, program) if program else without_it(text)
