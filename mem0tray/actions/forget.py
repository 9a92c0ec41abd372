"""Erasing a text for good: from the ledger, every backup, `last_100` and quarantine.

Files that others may be writing or have copied are named, but not touched.
"""

import json
import re
import stat
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Final

from mem0tray.actions import backups
from mem0tray.actions.in_step import apply, worker_runs
from mem0tray.actions.verbs import Deleted
from mem0tray.actions.waiting import DLQ_LIST, FoundItem
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.item import Kind
from mem0tray.files import atomic, document, orders, private_folders, temporary
from mem0tray.files.document import BrokenDocumentError, Document
from mem0tray.files.lock import FileLock
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.rows import Known
from mem0tray.system import regular_file
from mem0tray.system.paths import Paths

_LOCK_WAIT: Final = 10.0  # seconds
_PUBLISHING: Final = 3.0  # seconds for the worker to write its files without the text
_LOOK: Final = 0.1
_SAFE_TO_CUT: Final = 12  # bytes; longer texts occur nowhere by chance
_SAFE_TO_FIND: Final = 6
_ESCAPES: Final = re.compile(rb'(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))+')
_LARGEST: Final = 256 * 2**20
# The text of an attempt of these kinds never arrived.
_NEVER_SENT: Final = frozenset({Kind.NOT_SENDABLE, Kind.OUTAGE})


class Forgotten:
    """Where the text was `erased`, and where it still is or may be, in sentences for people."""

    def __init__(self) -> None:
        self.erased: list[str] = []
        self.unreachable: list[str] = []

    def name(self, path: Path, why: str) -> None:
        """Name a place where the text is or may be, each place once."""
        if not any(line.startswith(f"{path}: ") for line in self.unreachable):
            self.unreachable.append(f"{path}: {why}")

    def fail(self, path: Path, error: Mem0TrayError | OSError) -> None:
        """Name a place that cannot be looked into, or changed."""
        said = (error.strerror if isinstance(error, OSError) else None) or str(error)
        self.name(path, said.removeprefix(f"{path}: "))


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

    def cut_from(self, data: bytes) -> bytes:
        """Return the bytes without the text, if it is long enough not to stand there by chance."""
        data, unescaped = self._cut(data), _unescaped(data)
        cut = self._cut(unescaped)
        return data if cut == unescaped else cut

    def _cut(self, data: bytes) -> bytes:
        for form in self._cuttable:
            data = data.replace(form, b"")
        return data

    def is_it(self, raw: bytes) -> bool:
        """Return whether this item is one of those to forget."""
        item = items.parse(raw)
        if item is not None:
            return item.id in self.ids or item.content in self.contents
        return (items.load_object(raw) or {}).get("id") in self.ids

    def take_from(self, parsed: Document) -> bool:
        """Take the items out of the document's lists; return whether one was there."""
        before = sum(map(len, parsed.lists.values()))
        for name, raws in parsed.lists.items():
            parsed.lists[name] = [raw for raw in raws if not self.is_it(raw)]
        return sum(map(len, parsed.lists.values())) != before


def _json(text: str) -> bytes:
    """Write the text as within a JSON string, with as few escapes as possible."""
    return json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "backslashreplace")


@lru_cache(4096)
def _fewest(escapes: bytes) -> bytes:
    return _json(json.loads(b'"' + escapes + b'"'))


def _unescaped(data: bytes) -> bytes:
    """Return the same JSON with as few escapes as possible."""
    return _ESCAPES.sub(lambda found: _fewest(found[0]), data)


def forget(paths: Paths, settings: Settings, deleted: Deleted) -> Forgotten:
    """Erase what `delete` has just deleted. Raises nothing: failures are named in the result."""
    result, text = Forgotten(), _Text(deleted.items)
    with Reader(paths.ledger) as reader:
        known = [each for name in sorted(text.ids) for each in reader.by_id(name)]
        result.unreachable += _servers(reader, known)
    _from_ledger(paths, settings, deleted, known, result)
    _await_publishing(paths, text)
    backed_up = [paths.dlq_backup, *_listing(paths.claude_dir, backups.DATED, result)]
    set_aside = _listing(paths.quarantine, "*.json", result)
    for path, erase in (
        (paths.queue, _from_queue_file),
        *((each, _from_dlq_backup) for each in backed_up),
        *((each, _cut_from) for each in set_aside),
        (paths.edits, _from_edits),
        (paths.page, _from_page),
    ):
        try:
            erase(paths, path, text, result)
        except (Mem0TrayError, OSError) as error:
            result.fail(path, error)
    _from_private_files(paths, text, result)
    _name_what_is_left(paths, text, result)
    return result


def _listing(folder: Path, pattern: str, result: Forgotten) -> list[Path]:
    """List the matching files; a folder that cannot be read is named in `result`."""
    try:
        return private_folders.listing(folder, pattern)
    except Mem0TrayError as error:
        result.fail(folder, error)
        return []


# The server and the ledger ---------------------------------------------------------


def _servers(reader: Reader, known: Iterable[Known]) -> list[str]:
    """Name the servers that the text was sent to: it cannot be taken back from here."""
    has = {each.server for each in known if each.state == items.DELIVERED and each.server}
    if has:
        return [f"the server ({', '.join(sorted(has))}) has it: delete it there"]
    for each in known:
        sent = any(attempt.kind not in _NEVER_SENT for attempt in reader.attempts(each.key))
        # What a new ledger found in a file is asked about from its intake on: that is no attempt.
        doubtful = each.unknown not in (None, each.accepted)
        if sent or each.claimed is not None or doubtful or each.timeouts:
            return ["the server may have been sent it, and may have it in its logs"]
    return []


def _from_ledger(
    paths: Paths, settings: Settings, deleted: Deleted, known: Sequence[Known], result: Forgotten
) -> None:
    """Erase older texts under the same ids too; the deletion has erased its own."""
    if not paths.ledger.exists():
        return
    named = {each.identity for each in deleted.items}
    left = [
        each.name
        for each in known
        if (each.state == items.DISCARDED and each.reason != items.FORGOTTEN)
        or (each.state == items.DELIVERED and each.name in named)
    ]
    heard = deleted.heard
    try:
        if left:
            heard = apply(paths, settings, orders.about(orders.FORGET, left)).heard
    except Mem0TrayError as error:
        result.unreachable.append(f"the ledger: {error}")
        return
    if heard:
        result.erased.append("the ledger")
    else:
        result.unreachable.append("the ledger: the worker has not answered; it erases it later")


# Files ----------------------------------------------------------------------------


def _await_publishing(paths: Paths, text: _Text) -> None:
    """Wait a moment until a worker that runs has published: it renews backups, links, its files."""
    end = time.monotonic() + (_PUBLISHING if worker_runs(paths) else 0.0)
    renewed = [paths.dlq_previous, *_listing(paths.data_dir, "*", Forgotten())]
    while time.monotonic() < end and (
        _is_queued(paths, text) or any(_holds(path, text) for path in renewed)
    ):
        time.sleep(_LOOK)


def _is_queued(paths: Paths, text: _Text) -> bool:
    with suppress(OSError, BrokenDocumentError):
        parsed = document.parse(regular_file.read_bytes(paths.queue), (document.QUEUE,))
        return text.take_from(parsed)
    return False


def _from_queue_file(paths: Paths, path: Path, text: _Text, result: Forgotten) -> None:
    """Erase it from `last_100`, and then from the backup of the queue file."""
    with FileLock(paths.queue_lock).held(_LOCK_WAIT):
        with suppress(FileNotFoundError, BrokenDocumentError):
            parsed = document.parse(regular_file.read_bytes(path), (document.RECENT,))
            if text.take_from(parsed):
                top: dict[str, document.Value] = {}
                if document.QUEUE in parsed.rest:  # first, as producers write it
                    top[document.QUEUE] = parsed.rest.pop(document.QUEUE)
                top[document.RECENT] = parsed.lists[document.RECENT]
                atomic.replace(path, document.compose(top | parsed.rest))
                result.erased.append(f"last_100 in {path.name}")
        sections = (*document.QUEUE_SECTIONS, document.RECENT)
        _from_document(paths, paths.queue_backup, sections, text, result)


def _from_document(
    paths: Paths, path: Path, sections: Sequence[str], text: _Text, result: Forgotten
) -> bool:
    """Erase the text from a file with lists of items; return whether no item is left in it."""
    try:
        parsed = document.parse(regular_file.read_bytes(path), sections)
    except FileNotFoundError:
        return False
    except BrokenDocumentError:
        _cut_from(paths, path, text, result)
        return False
    if not text.take_from(parsed):
        return False
    lists: dict[str, document.Value] = {
        name: [document.pretty(raw, 2) for raw in raws] for name, raws in parsed.lists.items()
    }
    atomic.replace(path, document.compose(lists | parsed.rest))
    result.erased.append(path.name)
    return not any(parsed.lists.values())


def _from_dlq_backup(paths: Paths, path: Path, text: _Text, result: Forgotten) -> None:
    was_ours = path == paths.dlq_backup and backups.is_ours(paths)
    is_empty = _from_document(paths, path, (DLQ_LIST,), text, result)
    if was_ours:
        backups.remember(paths, atomic.signature(path))
    elif is_empty and path != paths.dlq_backup:
        path.unlink()  # the backup held nothing else


def _cut_from(paths: Paths, path: Path, text: _Text, result: Forgotten) -> None:
    """Cut the text's bytes out of a file that is broken, as in quarantine."""
    data = regular_file.read_bytes(path)
    cut = text.cut_from(data)
    if cut != data:
        atomic.replace(path, cut)
        folder = "quarantine/" if path.parent == paths.quarantine else ""
        result.erased.append(f"{folder}{path.name}")


def _from_edits(paths: Paths, _: Path, text: _Text, result: Forgotten) -> None:
    """Remove the texts that were kept when the memory was edited."""
    result.erased += backups.forget_texts(
        paths,
        lambda data: (
            text.is_in(data) or any(text.is_it(each.raw) for each in backups.pieces_of(data))
        ),
    )


def _from_page(_: Paths, page: Path, __: _Text, result: Forgotten) -> None:
    """Remove the last status page, which may show the text; `report` makes another."""
    with suppress(FileNotFoundError):
        page.unlink()
        result.erased.append(page.name)


def _from_private_files(paths: Paths, text: _Text, result: Forgotten) -> None:
    """Remove what a kill has left behind, and the link to the previous DLQ file."""
    folders = (paths.claude_dir, paths.data_dir, paths.orders, paths.quarantine)
    for path in [*(each for folder in folders for each in temporary.leftovers(folder))]:
        if _holds(path, text):
            path.unlink(missing_ok=True)
            result.erased.append(path.name)
    if _holds(paths.dlq_previous, text):
        paths.dlq_previous.unlink(missing_ok=True)


def _holds(path: Path, text: _Text) -> bool:
    with suppress(OSError):
        return text.is_in(regular_file.read_bytes(path))
    return False


def _name_what_is_left(paths: Paths, text: _Text, result: Forgotten) -> None:
    """Name files that still hold the text, or may: editors' backups, users' copies, the buffer."""
    for folder in (paths.data_dir, paths.orders, paths.quarantine, paths.claude_dir):
        for path in _listing(folder, "*", result):
            try:
                if not stat.S_ISREG((status := path.stat()).st_mode):
                    continue
                if status.st_size > _LARGEST:
                    result.name(path, "too large to be looked into")
                elif text.is_in(regular_file.read_bytes(path)):
                    result.name(path, _why_it_stays(paths, path))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                result.name(path, f"not looked into: {error.strerror or error}")
    folders = [path for path in _listing(paths.claude_dir, "*", result) if path.is_dir()]
    if set(folders) - {paths.log.parent}:
        why = "the folders in it are not looked into, Claude Code's own records among them"
        result.name(paths.claude_dir, why)


def _why_it_stays(paths: Paths, path: Path) -> str:
    if path.parent == paths.data_dir:
        return "stop mem0tray and run this again"
    if "mem0_emergency" in path.name:
        return "producers write it; a day after it was read it is removed"
    if path.name.startswith("mem0_queue"):
        return "another memory in it holds the same text, or it has an odd shape: erase it by hand"
    return "not ours to change"
