"""Backups that deletions and edits write, and every source that memories can be restored from."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from json import JSONDecodeError
from pathlib import Path
from typing import Final

from mem0tray.actions.waiting import DLQ_LIST, QUEUE_LIST, FoundItem, as_found
from mem0tray.core import item as items
from mem0tray.core import jsontext
from mem0tray.core.errors import FileUnavailableError, NotFoundError
from mem0tray.core.item import Name, identity
from mem0tray.core.reasons import Reason
from mem0tray.core.text import one_line
from mem0tray.files import atomic, document, private_folders
from mem0tray.files.atomic import Signature
from mem0tray.files.document import BrokenDocumentError, Document
from mem0tray.ledger.reader import Reader
from mem0tray.system import regular_file
from mem0tray.system.paths import Paths

DATED: Final = "mem0_queue_dlq.backup-*.json"
BACKUP: Final = "backup"
COPY: Final = "copy"
DELETION: Final = "deletion"
QUARANTINE: Final = "quarantine"
EDIT: Final = "edit"
FILE: Final = "file"
_MARK: Final = "dlq-backup.sha256"
_TIME: Final = "%Y%m%d-%H%M%S-%f"
_DAY: Final = 86_400.0
_MADE: Final = "made"  # the digest of the text that an edit put in place of the one it kept
_PART: Final = 1 << 20  # bytes that are copied at a time
_SECTIONS: Final = (DLQ_LIST, *document.QUEUE_SECTIONS)
_OWN: Final = "a copy of your own"


# What a deletion writes -------------------------------------------------------------------------


def write_dated(path: Path, raws: Sequence[bytes]) -> None:
    """Write a dated backup with these items alone. Raises FileUnavailableError."""
    items_ = [document.pretty(raw, 2) for raw in raws]
    data = document.compose({"items": items_, document.STAMP: _stamp_of(path)})
    atomic.replace(path, data)
    if _read(path) != data:
        raise FileUnavailableError(
            Reason(
                "The backup {path} does not read as it was written; nothing was deleted.", path=path
            ),
            Reason("Is another program writing it? Try again."),
        )


def is_of_delete(path: Path, data: bytes) -> bool:
    """Return whether this is a delete's backup: it is stamped with the very time in its name."""
    with suppress(BrokenDocumentError, ValueError):
        return document.parse(data, ()).rest.get(document.STAMP) == _stamp_of(path)
    return False


def keep_last_state(paths: Paths) -> None:
    """Make the backup a copy of the DLQ file; keep one that is not ours under a dated name."""
    path = paths.dlq_backup
    if atomic.signature(paths.dlq) is None:
        return
    there = atomic.signature(path)
    if there is not None and not is_ours(paths) and (kept := _read(path)) != _read(paths.dlq):
        atomic.replace(free_name(paths, there.mtime / 1e9), kept)
    remember(paths, atomic.replace(path, _parts(paths.dlq)))


def remember(paths: Paths, ours: Signature | None) -> None:
    """Note that the backup with this signature is ours."""
    private_folders.make_private_folder(paths.data_dir)
    if ours is not None:
        # Without the mark, as after a power cut, the backup is kept under a dated name.
        mark = json.dumps(ours.lasting).encode()
        atomic.replace(paths.data_dir / _MARK, mark, durable=False)


def is_ours(paths: Paths) -> bool:
    """Return whether the backup is what we last wrote: any other copy has another signature."""
    with suppress(OSError, FileUnavailableError):
        mark = regular_file.read_bytes(paths.data_dir / _MARK)
        found = atomic.signature(paths.dlq_backup)
        return found is not None and mark == json.dumps(found.lasting).encode()
    return False


def free_name(paths: Paths, at: float) -> Path:
    """Return a dated name (local time) that is not in use; names sort by their time."""
    moment = datetime.fromtimestamp(at)  # noqa: DTZ006  (names have local time)
    while True:
        path = paths.claude_dir / f"{paths.dlq.stem}.backup-{moment:{_TIME}}.json"
        if not path.exists():
            return path
        moment += timedelta(microseconds=1)


def _time_in(path: Path) -> datetime:
    named = path.stem.rpartition(".backup-")[2]
    return datetime.strptime(named, _TIME)  # noqa: DTZ007  (names have local time)


def _stamp_of(path: Path) -> bytes:
    return document.dump(_time_in(path).isoformat(timespec="microseconds"))


# What an edit keeps -----------------------------------------------------------------------------


def keep_text(paths: Paths, found: FoundItem, made: bytes, days: float) -> Path:
    """Keep the memory as it is in a file of its own, and remove kept files older than `days`.

    `made` is the digest of the text that is to take its place.
    """
    private_folders.make_private_folder(paths.edits)
    now = datetime.now()  # noqa: DTZ005  (names have local time)
    for old in texts_kept(paths):
        with suppress(OSError):
            if now.timestamp() - old.stat().st_mtime > days * _DAY:
                old.unlink()
    path = paths.edits / f"edited-{now:{_TIME}}.json"
    kept, new = document.pretty(found.raw, 2), document.dump(made.hex())
    atomic.replace(path, document.compose({found.place: [kept], _MADE: new}))
    return path


def texts_kept(paths: Paths) -> list[Path]:
    """List the files with old texts, by name. Raises FileUnavailableError."""
    return private_folders.listing(paths.edits, "edited-*.json")


# What can be restored ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RestoreSource:
    """What can be restored: `name` to type, `at` in Unix seconds; a `COPY` is the user's own.

    `made` is the digest (hex) of the text that an edit made; empty where it did not note it.
    """

    name: str
    kind: str
    at: float
    note: str
    pieces: Sequence[FoundItem]
    made: str = ""


def sources(paths: Paths) -> list[RestoreSource]:
    """Find all sources, newest first. Raises FileUnavailableError."""
    dated = _dated(paths)
    found = [*dated, *_deletions(paths, dated)]
    if paths.dlq_backup.exists():
        ours = is_ours(paths)
        note = "the DLQ as it was before the last delete" if ours else _OWN
        found.append(_file(paths.dlq_backup, BACKUP if ours else COPY, note))
    found += map(quarantined, private_folders.quarantined(paths.quarantine))
    found += [_file(path, EDIT, "a text as it was before an edit") for path in texts_kept(paths)]
    return sorted(found, key=lambda source: source.at, reverse=True)


def are_there(paths: Paths) -> bool:
    """Return whether a file is kept; of deletions by hand the ledger alone knows."""
    with suppress(FileUnavailableError):
        return bool(texts_kept(paths) or private_folders.listing(paths.claude_dir, DATED))
    return False


def last_delete(paths: Paths) -> RestoreSource:
    """Find what was deleted last, in whatever way. Raises NotFoundError."""
    dated = _dated(paths)
    both = [*(each for each in dated if each.kind == BACKUP), *_deletions(paths, dated)]
    # A backup is empty when its items had left by themselves.
    found = max((e for e in both if e.pieces), key=lambda source: source.at, default=None)
    if found is None:
        raise NotFoundError(
            "Nothing has been deleted that could be restored.",
            "`mem0tray restore --list` shows what else there is.",
        )
    return found


def named(paths: Paths, name: str) -> RestoreSource:
    """Find the source of that name, or unambiguous prefix, or any file. Raises NotFoundError."""
    begin = [source for source in sources(paths) if name and source.name.startswith(name)]
    for source in begin:
        if source.name == name:
            return source
    for folder in (Path(), paths.claude_dir, paths.quarantine):
        path = folder / Path(name).expanduser()
        if path.is_file():
            return _file(path, FILE, "a file")
    if len(begin) == 1:
        return begin[0]
    problem = "more than one of them" if begin else "nothing"
    raise NotFoundError(
        f"{one_line(name, 80)!r} names {problem} that could be restored.",
        "`mem0tray restore --list` shows the names.",
    )


def quarantined(path: Path) -> RestoreSource:
    """Find the memories in one file of the quarantine. Raises FileUnavailableError."""
    if path.name.startswith("mem0_emergency") and b"\n" in _read(path):
        note = "lines that cut each other up: nobody can tell which end is whose"
        return RestoreSource(path.name, QUARANTINE, _changed(path), note, [])
    return _file(path, QUARANTINE, "what could not be read as JSON")


def deleted_unknown(paths: Paths, reader: Reader) -> set[Name]:
    """Find memories that a delete has backed up and the ledger does not know: it was lost since.

    One that was restored under its next id is no longer deleted.
    """
    backed_up = {name for source in _dated(paths) for name in _names(source)}
    return {
        (item_id, digest)
        for item_id, digest in backed_up
        if not any(reader.known(each, digest) for each in (item_id, items.id_again(item_id)))
    }


def _names(source: RestoreSource) -> list[Name]:
    return [each.identity for each in source.pieces] if source.kind == BACKUP else []


def _dated(paths: Paths) -> list[RestoreSource]:
    found = []
    for path in private_folders.listing(paths.claude_dir, DATED):
        data = _read(path)
        kind, note = (BACKUP, "deleted items") if is_of_delete(path, data) else (COPY, _OWN)
        found.append(RestoreSource(path.name, kind, _at(path), note, pieces_of(data)))
    return found


def _deletions(paths: Paths, dated: Iterable[RestoreSource]) -> list[RestoreSource]:
    """Find deletions that the ledger knows and no delete made a backup for: those by hand."""
    kept: dict[Name, float] = {}  # when it was last backed up
    for source in dated:
        for memory in _names(source):
            kept[memory] = max(kept.get(memory, 0.0), source.at)
    found = []
    with Reader(paths.ledger, needed=True) as reader:
        batches = reader.discarded()
    for batch in batches:
        # A delete has made a backup. One from before a memory's intake was made for an earlier
        # deletion, and not for a hand edit.
        pieces = [
            _piece(raw, dead=True)
            for raw, since in zip(batch.raws, batch.since, strict=True)
            if kept.get(identity(raw), 0.0) <= (0.0 if batch.reason == items.DELETED else since)
        ]
        if pieces:
            stamp = datetime.fromtimestamp(batch.closed)  # noqa: DTZ006  (local, as in other names)
            name, note = f"deleted-{stamp:{_TIME}}", f"deleted: {batch.reason}"
            found.append(RestoreSource(name, DELETION, batch.closed, note, pieces))
    return found


def _file(path: Path, kind: str, note: str) -> RestoreSource:
    name = str(path) if kind == FILE else path.name
    data = _read(path)
    made = (items.load_object(data) or {}).get(_MADE) if kind == EDIT else None
    return RestoreSource(name, kind, _changed(path), note, pieces_of(data), str(made or ""))


def _read(path: Path) -> bytes:
    with atomic.explained(path):
        return regular_file.read_bytes(path)


def _parts(path: Path) -> Iterator[bytes]:
    """Yield a file's bytes by and by: to hold a large one whole takes longer than the disk does."""
    with atomic.explained(path), regular_file.open_binary(path) as file:
        while part := file.read(_PART):
            yield part


def _at(path: Path) -> float:
    """Return the time in a backup's name."""
    with suppress(ValueError, OverflowError):
        return _time_in(path).timestamp()
    return _changed(path)


def _changed(path: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def pieces_of(data: bytes) -> list[FoundItem]:
    """Find every memory in a file: a backup, a queue file, a quarantined file, whole or not."""
    try:
        parsed = document.parse(data, _SECTIONS)
    except BrokenDocumentError:
        parsed = document.salvage(data, _SECTIONS)
    else:
        # The file may be one memory by itself, not a document with lists.
        is_item = "content" in parsed.rest or items.parse(_tamed(data)) is not None
        if is_item and not any(parsed.lists.values()):
            parsed = Document({DLQ_LIST: [_tamed(data)]})
    found = [
        _piece(raw, dead=section not in (QUEUE_LIST, document.HELD))
        for section, raws in parsed.lists.items()
        for raw in raws
    ]
    odd = map(_tamed, parsed.rejected)
    return found + [_piece(raw, dead=True) for raw in odd if items.parse(raw)]


def _piece(raw: bytes, *, dead: bool) -> FoundItem:
    """Make a piece: a dead letter has `retry_count`, an entry only `retries`; else it is `dead`."""
    value = items.load_object(raw) or {}
    is_dead = "retry_count" in value or (dead and "retries" not in value)
    return as_found(raw, DLQ_LIST if is_dead else QUEUE_LIST)


def _tamed(raw: bytes) -> bytes:
    """Drop values that cannot be loaded (5,000 digits, 100,000 levels), and keep the others."""
    raw = raw.strip()
    if document.loadable(raw):
        return raw
    try:
        parts = jsontext.members(document.to_text(raw))
    except JSONDecodeError:
        return raw
    loadable = {k: v for k, v in parts.items() if document.loadable(jsontext.encode(v))}
    return jsontext.encode(jsontext.join(loadable))
