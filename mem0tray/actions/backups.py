"""Backups: the DLQ's last state under one name, the items of each deletion under a dated one."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from json import JSONDecodeError
from pathlib import Path
from typing import Final

from mem0tray.actions.waiting import DLQ_LIST, QUEUE_LIST, Identity
from mem0tray.core import item as items
from mem0tray.core import jsontext
from mem0tray.core.errors import FileUnavailableError, NotFoundError
from mem0tray.core.item import identity
from mem0tray.core.reasons import Reason
from mem0tray.core.text import one_line
from mem0tray.files import atomic, document, emergency, private_folders
from mem0tray.files.atomic import Signature
from mem0tray.files.document import BrokenDocumentError, Document
from mem0tray.ledger.reader import Reader
from mem0tray.system import regular_file
from mem0tray.system.paths import Paths

DATED: Final = "mem0_queue_dlq.backup-*.json"
_MARK: Final = "dlq-backup.sha256"
_PIECE: Final = 1 << 20  # bytes
_NAMED: Final = "%Y%m%d-%H%M%S-%f"


def write_dated(paths: Paths, raws: Sequence[bytes], now: float) -> Path:
    """Write the items that are about to be deleted, and check that they can be read back.

    Raises FileUnavailableError; then nothing must be deleted.
    """
    path, moment = _free_name(paths, now)
    return _write(path, _composed(raws, moment))


def write_again(path: Path, raws: Sequence[bytes]) -> None:
    """Write a dated backup again with these items alone. Raises FileUnavailableError."""
    moment = time_in_name(path)
    if moment is not None:
        _write(path, _composed(raws, moment))


def _composed(raws: Sequence[bytes], moment: datetime) -> bytes:
    return document.compose(
        {"items": [document.pretty(raw, 2) for raw in raws], document.STAMP: _stamp(moment)}
    )


def is_of_delete(path: Path, data: bytes) -> bool:
    """Whether these bytes under a dated name are the backup of a delete.

    Such a backup is stamped with the very time in its name; a file kept for the user, or
    one that they named so themselves, is not.
    """
    moment = time_in_name(path)
    if moment is None:
        return False
    with suppress(BrokenDocumentError):
        return document.parse(data, ()).rest.get(document.STAMP) == _stamp(moment)
    return False


def time_in_name(path: Path) -> datetime | None:
    """The local time in a dated name; None without one."""
    try:
        return datetime.strptime(  # noqa: DTZ007  (names have local time)
            path.stem.rpartition(".backup-")[2], _NAMED
        )
    except ValueError:
        return None


def keep_last_state(paths: Paths) -> None:
    """Make the backup a copy of the DLQ file; a backup that is not ours is kept first.

    Raises FileUnavailableError.
    """
    path, found = paths.dlq_backup, atomic.signature(paths.dlq)
    if found is None:
        return
    there = atomic.signature(path)
    if there is not None and not is_ours(paths):
        differs = there.size != found.size or _bytes(path) != _bytes(paths.dlq)
        if differs:
            _copy(path, _free_name(paths, there.mtime / 1e9)[0])
    remember(paths, _copy(paths.dlq, path))


def _copy(source: Path, target: Path) -> Signature | None:
    """Copy a file that may be large; return the copy's signature."""
    try:
        with regular_file.open_binary(source) as file:
            return atomic.replace(target, iter(partial(file.read, _PIECE), b""))
    except OSError as error:
        raise atomic.unavailable(source, error) from error


def remember(paths: Paths, ours: Signature | None) -> None:
    """Note that the backup with this signature is ours."""
    private_folders.make_private_folder(paths.data_dir)
    if ours is not None:
        atomic.replace(paths.data_dir / _MARK, json.dumps(ours.lasting).encode())


def is_ours(paths: Paths) -> bool:
    """Whether the present backup is what we last wrote there.

    Its signature tells: a copy that anybody else makes there has another time at least. A former
    version noted the hash of its bytes instead.
    """
    with suppress(OSError, FileUnavailableError):
        mark, found = (
            regular_file.read_bytes(paths.data_dir / _MARK),
            atomic.signature(paths.dlq_backup),
        )
        if not mark.startswith(b"["):
            data = regular_file.read_bytes(paths.dlq_backup)
            return mark == hashlib.sha256(data).hexdigest().encode()
        return found is not None and mark == json.dumps(found.lasting).encode()
    return False


def has_mark(paths: Paths) -> bool:
    """Whether there is a note of what we last wrote there; it goes with our folders."""
    return (paths.data_dir / _MARK).exists()


def _stamp(moment: datetime) -> bytes:
    return document.dump(moment.isoformat(timespec="microseconds"))


def _free_name(paths: Paths, at: float) -> tuple[Path, datetime]:
    """A dated name that is not in use, and its local time; names sort by their time."""
    moment = datetime.fromtimestamp(at)  # noqa: DTZ006  (names have local time)
    while True:
        path = paths.claude_dir / f"{paths.dlq.stem}.backup-{moment:{_NAMED}}.json"
        if not path.exists():
            return path, moment
        moment += timedelta(microseconds=1)


def _bytes(path: Path) -> bytes | None:
    """The file's bytes; None when there is none."""
    try:
        return regular_file.read_bytes(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise atomic.unavailable(path, error) from error


def _write(path: Path, data: bytes) -> Path:
    atomic.replace(path, data)
    try:
        same = regular_file.read_bytes(path) == data
    except OSError as error:
        raise atomic.unavailable(path, error) from error
    if not same:
        raise FileUnavailableError(
            Reason(
                "The backup {path} does not read as it was written; nothing was deleted.", path=path
            ),
            Reason("Is another program writing it? Try again."),
        )
    return path


BEGIN: Final = "edited-"  # the beginning of a file's name with an old text
PATTERN: Final = f"{BEGIN}*.json"
BACKUP: Final = "backup"
COPY: Final = "copy"
DELETION: Final = "deletion"
QUARANTINE: Final = "quarantine"
EDIT: Final = "edit"
FILE: Final = "file"
_SECTIONS: Final = (DLQ_LIST, *document.QUEUE_SECTIONS)
_WAITING: Final = (QUEUE_LIST, document.HELD)
_OWN: Final = "a copy of your own"
_WHOSE: Final = "the DLQ before a delete, or a copy of your own"
_STAMP: Final = "%Y%m%d-%H%M%S"


@dataclass(frozen=True, slots=True)
class Piece:
    """One memory to restore: its bytes, and the file that it belongs to (DLQ or QUEUE)."""

    raw: bytes
    place: str


@dataclass(frozen=True, slots=True)
class RestoreSource:
    """`name` is what to type, `at` Unix seconds; `note` says what it is, for people.

    A `BACKUP` is a delete's, a `COPY` is the user's own, even if a delete has kept it.
    """

    name: str
    kind: str
    at: float
    note: str
    pieces: Sequence[Piece]


def sources(paths: Paths) -> list[RestoreSource]:
    """All sources, newest first."""
    dated = [_backup(path) for path in private_folders.listing(paths.claude_dir, DATED)]
    found = [*dated, *_deletions(paths, dated)]
    if paths.dlq_backup.exists():
        at = _changed(paths.dlq_backup)
        kind, note = BACKUP, "the DLQ as it was before the last delete"
        if not is_ours(paths):
            kind, note = COPY, _OWN if has_mark(paths) else _WHOSE
        found.append(_file(paths.dlq_backup, kind, at, note))
    found += map(quarantined, private_folders.quarantined(paths.quarantine))
    found += [
        _file(path, EDIT, _changed(path), "a text as it was before an edit")
        for path in texts_kept(paths)
    ]
    return sorted(found, key=lambda source: source.at, reverse=True)


def backed_up(paths: Paths) -> set[Identity]:
    """The memories in backups that deletes wrote beside the shared files."""
    dated = [_backup(path) for path in private_folders.listing(paths.claude_dir, DATED)]
    return {
        identity(each.raw) for source in dated if source.kind == BACKUP for each in source.pieces
    }


def deleted_unknown(paths: Paths, reader: Reader) -> set[Identity]:
    """The memories that a delete has backed up and the ledger does not know: it was lost since."""
    return {name for name in backed_up(paths) if reader.known(*name) is None}


def last_delete(paths: Paths) -> RestoreSource:
    """What was deleted last, in whatever way. Raises NotFoundError."""
    dated = [_backup(path) for path in private_folders.listing(paths.claude_dir, DATED)]
    # A backup is empty when its items had left by themselves.
    found = [
        source
        for source in (*dated, *_deletions(paths, dated))
        if source.pieces and source.kind != COPY
    ]
    if not found:
        raise NotFoundError(
            "Nothing has been deleted that could be restored.",
            "`mem0tray restore --list` shows what else there is.",
        )
    return max(found, key=lambda source: source.at)


def named(paths: Paths, name: str) -> RestoreSource:
    """The source of that name, or unambiguous prefix of one, or any file. Raises NotFoundError."""
    known = sources(paths)
    exact = [source for source in known if source.name == name]
    if exact:
        return exact[0]
    for folder in (Path(), paths.claude_dir, paths.quarantine):
        path = folder / Path(name).expanduser()
        if path.is_file():
            return _file(path, FILE, _changed(path), "a file")
    begin = [source for source in known if name and source.name.startswith(name)]
    if len(begin) == 1:
        return begin[0]
    problem = "more than one of them" if begin else "nothing"
    raise NotFoundError(
        f"{one_line(name, 80)!r} names {problem} that could be restored.",
        "`mem0tray restore --list` shows the names.",
    )


def _backup(path: Path) -> RestoreSource:
    data, at = _read(path), _dated(path)
    if is_of_delete(path, data):
        return RestoreSource(path.name, BACKUP, at, "deleted items", pieces_of(data))
    return RestoreSource(path.name, COPY, at, _OWN, pieces_of(data))


def _deletions(paths: Paths, dated: Iterable[RestoreSource]) -> list[RestoreSource]:
    """Deletions that the ledger knows and no delete made a backup for: those by hand."""
    kept: dict[Identity, float] = {}  # when it was last backed up
    for source in dated:
        for piece in source.pieces if source.kind == BACKUP else ():
            memory = identity(piece.raw)
            kept[memory] = max(kept.get(memory, 0.0), source.at)
    found = []
    with Reader(paths.ledger, needed=True) as reader:
        batches = reader.discarded()
    for batch in batches:
        # A delete has made a backup. One from before a memory's intake was made for an earlier
        # deletion, and not for a hand edit.
        raws = [
            raw
            for raw, since in zip(batch.raws, batch.since, strict=True)
            if kept.get(identity(raw), 0.0) <= (0.0 if batch.reason == items.DELETED else since)
        ]
        if raws:
            name = f"deleted-{_stamp_of_restore_sources(batch.closed)}"
            pieces = [Piece(raw, _place(raw, DLQ_LIST)) for raw in raws]
            found.append(
                RestoreSource(name, DELETION, batch.closed, f"deleted: {batch.reason}", pieces)
            )
    return found


def _file(path: Path, kind: str, at: float, note: str) -> RestoreSource:
    name = str(path) if kind == FILE else path.name
    return RestoreSource(name, kind, at, note, pieces_of(_read(path)))


def quarantined(path: Path) -> RestoreSource:
    """The memories in one file of the quarantine. Raises FileUnavailableError."""
    if emergency.is_mixed(_read(path)):
        note = "lines that cut each other up: nobody can tell which end is whose"
        return RestoreSource(path.name, QUARANTINE, _changed(path), note, [])
    return _file(path, QUARANTINE, _changed(path), "what could not be read as JSON")


def _read(path: Path) -> bytes:
    try:
        return regular_file.read_bytes(path)
    except OSError as error:
        raise atomic.unavailable(path, error) from error


def pieces_of(data: bytes) -> list[Piece]:
    """Every memory in a file: a backup, a queue file, a quarantined file, whole or not."""
    try:
        parsed = document.parse(data, _SECTIONS)
    except BrokenDocumentError:
        parsed = document.salvage(data, _SECTIONS)
    else:
        if not any(parsed.lists.values()) and _is_item(data, parsed):
            parsed = Document({DLQ_LIST: [tamed(data)]})
    found = [
        Piece(raw, _place(raw, QUEUE_LIST if section in _WAITING else DLQ_LIST))
        for section, raws in parsed.lists.items()
        for raw in raws
    ]
    odd = [tamed(raw) for raw in parsed.rejected]
    return found + [Piece(raw, _place(raw, DLQ_LIST)) for raw in odd if items.parse(raw)]


def _is_item(data: bytes, parsed: Document) -> bool:
    """Whether the file is one memory by itself, not a document with lists."""
    return "content" in parsed.rest or items.parse(tamed(data)) is not None


def _place(raw: bytes, otherwise: str) -> str:
    """Which file an item belongs to: a dead letter has `retry_count`, an entry only `retries`."""
    value = items.load_object(raw) or {}
    if "retry_count" in value:
        return DLQ_LIST
    return QUEUE_LIST if "retries" in value else otherwise


def _stamp_of_restore_sources(at: float) -> str:
    return f"{time.strftime(_STAMP, time.localtime(at))}-{int(at * 1e6) % 1_000_000:06d}"


def _dated(path: Path) -> float:
    """The time in a backup's name, else that of its last change.

    Where an hour comes twice, the last change tells which of the two is meant.
    """
    changed = _changed(path)
    named = time_in_name(path)
    if named is None:
        return changed
    try:
        readings = [named.replace(fold=fold).timestamp() for fold in (0, 1)]
    except (ValueError, OverflowError):
        return changed
    return min(readings, key=lambda at: abs(at - changed))


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def tamed(raw: bytes) -> bytes:
    """Drop the values that cannot be loaded, if it can be done, and keep what stands beside them.

    Such a value is a number of 5,000 digits, or nesting 100,000 deep.
    """
    raw = raw.strip()
    if document.loadable(raw):
        return raw
    try:
        parts = jsontext.members(document.to_text(raw))
    except JSONDecodeError:
        return raw
    return jsontext.encode(
        jsontext.join(
            {
                name: value
                for name, value in parts.items()
                if document.loadable(jsontext.encode(value))
            }
        )
    )


def texts_kept(paths: Paths) -> list[Path]:
    """The files with old texts, by name. Raises FileUnavailableError."""
    return private_folders.listing(paths.edits, PATTERN)


def forget_texts(paths: Paths, is_it: Callable[[bytes], bool]) -> list[str]:
    """Remove kept texts for which `is_it` is true; return names. Raises FileUnavailableError."""
    removed = []
    there = private_folders.listing(paths.edits, "*")
    folders = [each for each in there if each.is_dir() and not each.is_symlink()]
    in_editors = [path for each in folders for path in private_folders.listing(each, "*")]
    for path in (each for each in (*there, *in_editors) if each not in folders):
        with suppress(FileNotFoundError):
            if is_it(regular_file.read_bytes(path)):
                path.unlink()
                removed.append(path.relative_to(paths.data_dir).as_posix())
    return removed
