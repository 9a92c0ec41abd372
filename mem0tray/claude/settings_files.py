"""Claude Code's settings files: finding, reading and writing them so that nothing is lost."""

import codecs
import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import atomic, private_folders, temporary
from mem0tray.files.atomic import Signature, TornError
from mem0tray.system.paths import claude_code_folder, data_root

_LARGEST: Final = 32_000_000  # bytes
# In our folder: copies, as these files may hold secrets, and the record. The name must not begin
# like those of the folders that belong to one `claude_dir` each.
_FOLDER: Final = "settings-of-claude-code"
_RECORD: Final = "written.json"
_WRITABLE: Final = 0o222


@dataclass(frozen=True, slots=True)
class FoundSettings:
    """A settings file as found; `data` and `signature` are None if there is none.

    `text` is always valid JSON and an object, without the byte order mark of some editors.
    """

    path: Path
    data: bytes | None
    text: str
    signature: Signature | None

    def encoded(self, text: str) -> bytes:
        """`text` in the bytes of the file."""
        mark = codecs.BOM_UTF8 if (self.data or b"").startswith(codecs.BOM_UTF8) else b""
        return mark + text.encode()


def of_hooks(environ: Mapping[str, str]) -> Path:
    """The settings of the user, where the hooks are."""
    return claude_code_folder(environ) / "settings.json"


def of_servers(environ: Mapping[str, str]) -> Path:
    """The file in which Claude Code keeps the user's servers, and much else."""
    former = claude_code_folder(environ) / ".config.json"
    if former.exists():
        return former
    named = environ.get("CLAUDE_CONFIG_DIR")
    return (Path(named) if named else Path.home()) / ".claude.json"


# Reading --------------------------------------------------------------------------------------


def read(path: Path) -> FoundSettings:
    """The file at `path`. Raises FileUnavailableError if it must not be read."""
    at_first = atomic.signature(path)
    if at_first is not None and at_first.size > _LARGEST:
        _refuse(path, f"is larger than {_LARGEST // 1_000_000} MB", "Make it smaller")
    try:
        found = atomic.read(path)
    except TornError as error:
        raise FileUnavailableError(f"{path} is being written now.", "Try again.") from error
    if found is None:
        return FoundSettings(path, None, "{}\n", None)
    data, signature = found
    try:
        text = data.removeprefix(codecs.BOM_UTF8).decode()
        document = json.loads(text, parse_constant=_constant, object_pairs_hook=_unique)
    except UnicodeDecodeError:
        _refuse(path, "is not in UTF-8", "Save it in UTF-8")
    except (ValueError, RecursionError) as error:
        _refuse(path, f"is no JSON that can be changed safely ({_why(data, error)})", "Mend it")
    if not isinstance(document, dict):
        _refuse(path, "holds no JSON object", "Mend it")
    return FoundSettings(path, data, text, signature)


def refuse_unwritable(found: FoundSettings) -> None:
    """Raise FileUnavailableError if a file must not be replaced: a link, or read-only."""
    path = found.path
    if path.is_symlink():
        where = os.path.realpath(path)
        _refuse(path, f"is a link to {where}", "Add by hand there what --dry-run shows")
    if found.data is not None:
        mode = path.stat().st_mode
        if not mode & _WRITABLE or not os.access(path, os.W_OK):
            _refuse(path, "is read-only", "Make it writable")


def _refuse(path: Path, why: str, remedy: str) -> NoReturn:
    raise FileUnavailableError(f"{path} {why}. It was left alone.", f"{remedy}, then try again.")


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has two members of one name")
    return found


def _why(data: bytes, error: Exception) -> str:
    if not data.strip():
        return "it is empty"
    if isinstance(error, json.JSONDecodeError):
        line = f"line {error.lineno}, column {error.colno}"
        has_comments = b"//" in data or b"/*" in data
        return f"{line}; comments would be lost" if has_comments else line
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


# Writing --------------------------------------------------------------------------------------


def back_up(found: FoundSettings) -> Path | None:
    """Copy the file into our folder; return the copy, None if there is no file."""
    if found.data is None:
        return None
    place = data_root() / _FOLDER
    private_folders.make_private_folder(place)
    now = f"{time.time():.6f}"
    copy = place / f"{found.path.name.removeprefix('.')}.{now}"
    atomic.replace(copy, found.data)
    return copy


def write(found: FoundSettings, data: bytes | None, copy: Path | None, *, remember: bool) -> None:
    """Replace the file by `data`, or remove it (None), unless it has changed in between.

    `remember` that this was written over the content of `copy`, so that `as_before` finds the
    way back. Raises FileUnavailableError; the file then stays as it was.
    """
    temporary.remove_leftovers(found.path.parent)  # left by a change that was killed
    is_unchanged = _is_as_found(found)
    if remember and data is not None and is_unchanged:
        _remember(found, data, copy)
    if data is None:
        if is_unchanged:
            _remove(found.path)
    elif is_unchanged:
        private_folders.make_private_folder(found.path.parent)
        is_unchanged = _replaced(found, data)
    if not is_unchanged:
        raise FileUnavailableError(
            f"{found.path} was changed by another program meanwhile; nothing was written.",
            "Try again.",
        )


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:
        raise atomic.unavailable(path, error) from error


def _is_as_found(found: FoundSettings) -> bool:
    return not found.path.is_symlink() and atomic.signature(found.path) == found.signature


def _replaced(found: FoundSettings, data: bytes) -> bool:
    done = atomic.replace(found.path, data, still_valid=lambda: _is_as_found(found))
    return done is not None


def as_before(found: FoundSettings) -> tuple[bool, bytes | None]:
    """Whether the file is as we left it, and what it was before (None: no file)."""
    entry = _record().get(str(found.path))
    if not isinstance(entry, dict) or found.data is None or entry.get("made") != _hash(found.data):
        return False, None
    name = entry.get("before")
    if name is None:
        return True, None
    try:
        return True, (data_root() / _FOLDER / str(name)).read_bytes()
    except OSError:  # somebody has cleared up: do without
        return False, None


def _remember(found: FoundSettings, data: bytes, copy: Path | None) -> None:
    record = _record()
    known = record.get(str(found.path))
    if isinstance(known, dict) and known.get("made") == _hash(found.data or b""):
        before = known.get("before")  # we wrote over a text of ours: look further back
    else:
        before = None if copy is None else copy.name
    record[str(found.path)] = {"made": _hash(data), "before": before}
    private_folders.make_private_folder(data_root() / _FOLDER)
    text = json.dumps(record, indent=2)
    atomic.replace(data_root() / _FOLDER / _RECORD, text.encode())


def _record() -> dict[str, Any]:
    try:
        found = json.loads((data_root() / _FOLDER / _RECORD).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
