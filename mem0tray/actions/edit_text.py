"""A user's edit of a memory's text: the memory stays the same, a file of ours keeps the old text.

Nothing is locked while an editor is open; whoever saves first wins.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mem0tray.actions import waiting
from mem0tray.actions.apply import apply
from mem0tray.actions.find import FoundItem
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core.errors import NotFoundError
from mem0tray.core.text import short_id
from mem0tray.files import atomic, document, orders, private_folders
from mem0tray.files.orders import DELIVERED, GONE, IN_FLIGHT, PERHAPS, Order, Text
from mem0tray.system import regular_file
from mem0tray.system.paths import Paths

BEGIN: Final = "edited-"  # the beginning of a file's name with an old text
PATTERN: Final = f"{BEGIN}*.json"
_DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Changed:
    """`kept` is the file with the memory as it was, `is_dead` whether it is a dead letter.

    `delivered`: the server has the old text, and gets the new one too. `in_flight`: the old
    text is being sent, and the new one follows after the answer. `perhaps`: nobody
    knows how an attempt to send the old text ended, now or before. `heard`: the worker, if one
    runs, knows of the edit.
    """

    kept: Path
    is_dead: bool
    delivered: bool = False
    in_flight: bool = False
    perhaps: bool = False
    heard: bool = True


class GoneError(NotFoundError):
    """The memory is no longer there with the text to be changed."""


@contextmanager
def opened(paths: Paths, item_id: str, text: bytes) -> Iterator[Path]:
    """Put the text into a file (0600) for an editor; the file is gone at the end.

    It is in a folder of its own, and with it goes what the editor puts beside it. When an error
    leads out, a text that was changed stays. Raises FileUnavailableError.
    """
    private_folders.make_private_folder(paths.edits)
    try:
        folder = Path(tempfile.mkdtemp(prefix="open-", dir=paths.edits))
    except OSError as error:
        raise atomic.unavailable(paths.edits, error) from error
    name = "".join(letter if letter.isalnum() else "_" for letter in item_id[:8])
    path = folder / f"{name}.txt"
    is_kept = False
    try:
        atomic.replace(path, text)
        yield path
    except BaseException:
        is_kept = _is_changed(path, text)
        raise
    finally:
        if not is_kept:
            shutil.rmtree(folder, ignore_errors=True)
            private_folders.drop_empty(paths.edits)


def _is_changed(path: Path, text: bytes) -> bool:
    """Whether there is another text, or one that cannot be read."""
    try:
        return regular_file.read_bytes(path) != text
    except FileNotFoundError:
        return False
    except OSError:
        return True


def edit_text(paths: Paths, settings: Settings, found: FoundItem, content: Any) -> Changed:
    """Give the memory another content; the old one is kept for `retention.discarded` days.

    If a worker runs, this waits until it knows of the edit and what became of the old text if it
    was sending that, two seconds at most.
    Raises GoneError when the memory was delivered, deleted or changed in between,
    FileUnavailableError, LedgerError; then nothing has changed.
    """
    kept = _keep(paths, found, settings.retention.discarded)
    # An id that we made up from the old text must stay.
    raw = items.with_fields(found.raw, {"content": content, "id": found.id})
    name = found.identity
    order = Order(orders.EDIT, orders.named([name]), [Text.of(raw, dead=found.is_dead)])
    try:
        answer = apply(paths, settings, order)
    except BaseException:
        kept.unlink(missing_ok=True)
        raise
    outcome = answer.of(name)
    if outcome == GONE:
        kept.unlink(missing_ok=True)
        raise GoneError(
            f"{short_id(found.id)} is no longer there as it was: delivered meanwhile,"
            " deleted, or changed by somebody else.",
            f"`mem0tray show {short_id(found.id)}` says more.",
        )
    return Changed(
        kept,
        is_dead=found.is_dead,
        delivered=outcome == DELIVERED,
        in_flight=outcome == IN_FLIGHT,
        perhaps=outcome == PERHAPS,
        heard=answer.heard,
    )


def _keep(paths: Paths, found: FoundItem, days: float) -> Path:
    """Keep the memory as it is in a file of its own, and remove kept files older than `days`."""
    private_folders.make_private_folder(paths.edits)
    # One reading of the clock: two could fall into different seconds, and names would be out
    # of order.
    seconds, fraction = divmod(time.time_ns(), 1_000_000_000)
    for old in private_folders.listing(paths.edits, PATTERN):
        with suppress(OSError):
            if seconds - old.stat().st_mtime > days * _DAY:
                old.unlink()
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(seconds))
    path = paths.edits / f"{BEGIN}{stamp}-{fraction // 1000:06d}.json"
    atomic.replace(path, document.compose({found.place: [document.pretty(found.raw, 2)]}))
    return path


def undo(settings: Settings, old: FoundItem) -> Changed | None:
    """Put the text of `old` back in place of the present one; None when it no longer waits."""
    with waiting.opened(settings) as seen:
        there = seen.with_id(old.id)
    present = [each for each in there if each.identity != old.identity]
    if not present:
        return None
    content = (items.load_object(old.raw) or {}).get("content")
    with suppress(GoneError):
        return edit_text(settings.locations(), settings, present[0], content)
    return None


def texts_kept(paths: Paths) -> list[Path]:
    """The files with old texts, by name. Raises FileUnavailableError."""
    return private_folders.listing(paths.edits, PATTERN)


def forget(paths: Paths, is_it: Callable[[bytes], bool]) -> list[str]:
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
