"""Erasing a text for good: from all files of ours; others that hold it are named, not touched."""

import json
import re
import stat
import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from mem0tray.actions import backups
from mem0tray.actions.one_writer import submit, worker_runs
from mem0tray.actions.waiting import DLQ_LIST, FoundItem
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.item import Kind
from mem0tray.files import atomic, document, orders, private_folders, temporary
from mem0tray.files.document import BrokenDocumentError
from mem0tray.files.lock import FileLock
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.rows import Known
from mem0tray.system import regular_file
from mem0tray.system.paths import Paths

_LOCK_WAIT: Final = 10.0  # seconds
_PUBLISHING: Final = 3.0  # seconds for the worker to write its files without the text
_LOOK: Final = 0.1  # seconds
_SAFE_TO_CUT: Final = 12  # bytes; longer texts occur nowhere by chance
_SAFE_TO_FIND: Final = 6
_ESCAPES: Final = re.compile(rb'(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))+')
_LARGEST: Final = 256 * 2**20
# The text of an attempt of these kinds never arrived.
_NEVER_SENT: Final = frozenset({Kind.NOT_SENDABLE, Kind.OUTAGE})


@dataclass(slots=True)
class Forgotten:
    """Where the text was `erased`, and where it still is or may be, in sentences for people."""

    erased: list[str] = field(default_factory=list)
    unreachable: list[str] = field(default_factory=list)

    def fail(self, path: Path, error: Mem0TrayError | OSError) -> None:
        """Name a place that cannot be looked into, or changed."""
        said = (error.strerror if isinstance(error, OSError) else None) or str(error)
        self.unreachable.append(f"{path}: {said.removeprefix(f'{path}: ')}")


class _Text:
    """The texts to forget, as they are and as JSON."""

    def __init__(self, deleted: Sequence[FoundItem]) -> None:
        self.ids = {each.id for each in deleted}
        self.contents = {each.item.content for each in deleted if each.item is not None} - {""}
        forms = {text.encode("utf-8", "surrogatepass") for text in self.contents}
        forms |= {_json(text) for text in self.contents}
        self._cuttable = sorted((f for f in forms if len(f) >= _SAFE_TO_CUT), key=len, reverse=True)
        self._needles = [
            form if len(form) >= _SAFE_TO_FIND else b'"' + form + b'"' for form in forms
        ]

    def is_in(self, data: bytes) -> bool:
        """Return whether these bytes contain the text, whatever is escaped in it."""
        return any(each in form for form in (data, _unescaped(data)) for each in self._needles)

    def is_it(self, raw: bytes) -> bool:
        """Return whether this item is one of those to forget."""
        item = items.parse(raw)
        if item is not None:
            return item.id in self.ids or item.content in self.contents
        return (items.load_object(raw) or {}).get("id") in self.ids

    def cut_from(self, data: bytes) -> bytes:
        """Return the bytes without the text, if it is long enough not to stand there by chance."""
        data, unescaped = self._cut(data), _unescaped(data)
        cut = self._cut(unescaped)
        return data if cut == unescaped else cut

    def _cut(self, data: bytes) -> bytes:
        for form in self._cuttable:
            data = data.replace(form, b"")
        return data

    def taken_from(self, data: bytes, sections: Sequence[str]) -> bytes:
        """Return a document without the items to forget. Raises BrokenDocumentError."""
        parsed = document.parse(data, sections)
        kept = {name: [r for r in raws if not self.is_it(r)] for name, raws in parsed.lists.items()}
        if kept == parsed.lists:
            return data
        # The queue comes first, as producers write it.
        first = {name: parsed.rest.pop(name) for name in (document.QUEUE,) if name in parsed.rest}
        lists = {name: [document.pretty(raw, 2) for raw in raws] for name, raws in kept.items()}
        return document.compose({**first, **lists, **parsed.rest})


def _json(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "backslashreplace")


@lru_cache(4096)
def _fewest(escapes: bytes) -> bytes:
    return _json(json.loads(b'"' + escapes + b'"'))


def _unescaped(data: bytes) -> bytes:
    """Return the same JSON with as few escapes as possible."""
    return _ESCAPES.sub(lambda found: _fewest(found[0]), data)


def forget(
    paths: Paths, settings: Settings, deleted: Sequence[FoundItem], *, heard: bool = True
) -> Forgotten:
    """Erase what was deleted (`heard`: in the ledger too); failures are named in the result."""
    result, text = Forgotten(), _Text(deleted)
    with Reader(paths.ledger) as reader:
        known = [each for name in sorted(text.ids) for each in reader.by_id(name)]
        result.unreachable += _servers(reader, known)
    if paths.ledger.exists():
        try:
            heard = _from_ledger(paths, settings, deleted, known) and heard
            late = "the ledger: the worker has not answered; it erases it later"
            (result.erased if heard else result.unreachable).append("the ledger" if heard else late)
        except Mem0TrayError as error:
            result.unreachable.append(f"the ledger: {error}")
    _await_publishing(paths, text)
    opened = [each for each in paths.edits.glob("open-*") if not each.is_symlink()]
    ours = (paths.data_dir, paths.orders, paths.quarantine, paths.edits, *opened)
    for folder in (paths.claude_dir, *ours):
        try:
            there = private_folders.listing(folder, "*")
        except Mem0TrayError as error:
            result.fail(folder, error)
            continue
        left_over = set(temporary.leftovers(folder))
        for path in there:
            try:
                if stat.S_ISREG(path.stat().st_mode):
                    _from_file(paths, path, text, result, is_left_over=path in left_over)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except (Mem0TrayError, OSError) as error:
                result.fail(path, error)
        if folder == paths.claude_dir and {e for e in there if e.is_dir()} - {paths.log.parent}:
            why = "the folders in it are not looked into, Claude Code's own records among them"
            result.unreachable.append(f"{folder}: {why}")
    return result


# The server and the ledger ---------------------------------------------------------


def _servers(reader: Reader, known: Iterable[Known]) -> list[str]:
    """Name the servers that the text was sent to: it cannot be taken back from here."""
    has = {each.server for each in known if each.state == items.DELIVERED and each.server}
    if has:
        where = f"the server ({', '.join(sorted(has))}) has it"
        return [f"{where}: `mem0tray recall --ids` shows its id there, for `mem0tray delete`"]
    for each in known:
        sent = any(attempt.kind not in _NEVER_SENT for attempt in reader.attempts(each.key))
        # What a new ledger found in a file is asked about from its intake on: that is no attempt.
        doubtful = each.unknown not in (None, each.accepted)
        if sent or each.claimed is not None or doubtful or each.timeouts:
            return ["the server may have been sent it, and may have it in its logs"]
    return []


def _from_ledger(
    paths: Paths, settings: Settings, deleted: Sequence[FoundItem], known: Sequence[Known]
) -> bool:
    """Erase older texts under the same ids; return whether that is done. Raises Mem0TrayError."""
    named = {each.identity for each in deleted}
    left = [
        each.name
        for each in known
        if (each.state == items.DISCARDED and each.reason != items.FORGOTTEN)
        or (each.state == items.DELIVERED and each.name in named)
    ]
    return not left or submit(paths, settings, orders.about(orders.FORGET, left)).heard


# Files ----------------------------------------------------------------------------


def _await_publishing(paths: Paths, text: _Text) -> None:
    """Wait a moment until a worker that runs has published: it renews backups, links, its files."""
    end = time.monotonic() + _PUBLISHING
    while worker_runs(paths) and time.monotonic() < end:
        holds = False
        with suppress(OSError, BrokenDocumentError):
            parsed = document.parse(regular_file.read_bytes(paths.queue), (document.QUEUE,))
            holds = any(map(text.is_it, parsed.lists[document.QUEUE]))
        for path in (paths.dlq_previous, *paths.data_dir.glob("*")):
            with suppress(OSError):
                holds = holds or text.is_in(regular_file.read_bytes(path))
        if not holds:
            break
        time.sleep(_LOOK)


def _from_file(
    paths: Paths, path: Path, text: _Text, result: Forgotten, *, is_left_over: bool
) -> None:
    """Erase the text from a file of ours; name any file that still holds it. Raises OSError etc."""
    if path.stat().st_size > _LARGEST:
        result.unreachable.append(f"{path}: too large to be looked into")
        return
    is_queue = path == paths.queue
    with FileLock(paths.queue_lock).held(_LOCK_WAIT) if is_queue else nullcontext():
        data = regular_file.read_bytes(path)
        left = None if is_left_over and text.is_in(data) else _without(paths, path, text, data)
        if left != data:
            was_ours = path == paths.dlq_backup and backups.is_ours(paths)
            if left is None:
                path.unlink()
            else:
                atomic.replace(path, left)
            if was_ours:
                backups.remember(paths, atomic.signature(path))
            is_ours = path.is_relative_to(paths.data_dir)
            name = path.relative_to(paths.data_dir).as_posix() if is_ours else path.name
            result.erased.append(f"last_100 in {name}" if is_queue else name)
    if left is not None and text.is_in(left):
        result.unreachable.append(f"{path}: {_why_it_stays(paths, path)}")


def _without(paths: Paths, path: Path, text: _Text, data: bytes) -> bytes | None:
    """Return what of a file is to stay: all of it if it is not ours; None for nothing."""
    sections: dict[Path, Sequence[str]] = {
        paths.queue: (document.RECENT,),
        paths.queue_backup: (*document.QUEUE_SECTIONS, document.RECENT),
        paths.dlq_backup: (DLQ_LIST,),
    }
    is_dated = path.match(backups.DATED)
    if path in sections or is_dated:
        try:
            left = text.taken_from(data, sections.get(path, (DLQ_LIST,)))
        except BrokenDocumentError:
            return data if path == paths.queue else text.cut_from(data)
        is_empty = is_dated and left != data and not backups.pieces_of(left)
        return None if is_empty else left
    if path.parent == paths.quarantine:
        return text.cut_from(data)
    if path.is_relative_to(paths.edits):
        is_it = text.is_in(data) or any(text.is_it(e.raw) for e in backups.pieces_of(data))
        return None if is_it else data
    return None if path == paths.dlq_previous and text.is_in(data) else data


def _why_it_stays(paths: Paths, path: Path) -> str:
    if path.parent == paths.data_dir:
        return "stop mem0tray and run this again"
    if "mem0_emergency" in path.name:
        return "producers write it; a day after it was read it is removed"
    if path.name.startswith("mem0_queue"):
        return "another memory in it holds the same text, or it has an odd shape: erase it by hand"
    return "not ours to change"
