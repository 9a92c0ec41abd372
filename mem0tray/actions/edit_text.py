"""A user's edit of a memory's text: the memory stays the same, a file of ours keeps the old text.

A fresh entry is changed under the producers' lock, a dead letter as by hand.
Nothing is locked while an editor is open; whoever saves first wins.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mem0tray.actions import change_files, ledger_writer, open_text
from mem0tray.actions.change_files import DlqEdit
from mem0tray.actions.find import FoundItem, identity
from mem0tray.core import item as items
from mem0tray.core.errors import FileUnavailableError, NotFoundError
from mem0tray.core.text import short_id
from mem0tray.files import atomic, document, orders, private_folders, receipts
from mem0tray.system import plain
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


class HalfEditedError(FileUnavailableError):
    """The worker has dropped the old text, and the new one is not in the file."""


class GoneError(NotFoundError):
    """The memory is no longer there with the text to be changed."""


def edit_text(paths: Paths, found: FoundItem, content: Any, *, keep_days: float) -> Changed:
    """Give the memory another content; the old one is kept for `keep_days`.

    If a worker runs, this waits until it has heard of the edit and knows what became of
    the old text if it was sending that, two seconds at most.
    Raises GoneError when the memory was delivered, deleted or changed in between,
    FileUnavailableError, LockTimeoutError; then nothing has changed. But after a HalfEditedError
    `restore` puts the old text back.
    """
    kept = _keep(paths, found, keep_days)
    given: list[Path | None] = []  # orders left for the worker
    done = False
    try:
        in_queue = not found.is_dead and _in_queue(paths, found, content, given)
        # An entry's last failure may have made a dead letter of it in between.
        done = in_queue or _in_dlq(paths, found, content, given)
    except FileUnavailableError as error:
        if not given:
            raise
        raise HalfEditedError(
            f"{error.message} The memory is kept as it was.",
            f"`mem0tray restore {kept.name}` puts it back.",
        ) from error
    finally:
        if not done and not given:
            kept.unlink(missing_ok=True)
    if not done:
        raise GoneError(
            f"{short_id(found.id)} is no longer there as it was: delivered meanwhile,"
            " deleted, or changed by somebody else.",
            f"`mem0tray show {short_id(found.id)}` says more.",
        )
    name = found.identity
    heard = ledger_writer.let_hear(paths, given, [name])
    return Changed(
        kept,
        is_dead=not in_queue,
        delivered=name in heard.delivered,
        in_flight=name in heard.in_flight,
        perhaps=name in heard.perhaps,
        heard=heard.answers,
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


def _changer(found: FoundItem, content: Any) -> Callable[[bytes], bytes | None]:
    """A function that gives the item's bytes with the new content, and None for other items."""
    wanted = found.identity
    # An id that we made up from the old text must stay.
    fields = {"content": content, "id": found.id}

    def changed(raw: bytes) -> bytes | None:
        return items.with_fields(raw, fields) if identity(raw) == wanted else None

    return changed


def _in_dlq(paths: Paths, found: FoundItem, content: Any, given: list[Path | None]) -> bool:
    """Change a dead letter; return whether it was there. `given` gets the order that was left."""
    changer = _changer(found, content)
    done = False

    def change(file: DlqEdit) -> None:
        nonlocal done
        after = [changer(raw) for raw in file.items]
        done = any(raw is not None for raw in after)
        file.items = [new or old for new, old in zip(after, file.items, strict=True)]
        file.wanted = done

    change_files.change_dlq(paths, change)
    if done and ledger_writer.worker_runs(paths):
        given.append(orders.ask_to_merge(paths))
    return done


def _in_queue(paths: Paths, found: FoundItem, content: Any, given: list[Path | None]) -> bool:
    """Change a fresh entry; return whether it was there. `given` gets the order that was left.

    The worker delivers an entry that merely vanishes from the file: it must be told not to send
    the old text before it can see the file without it.
    """
    changer = _changer(found, content)
    names = [found.item.name] if found.item is not None else []
    try:
        with change_files.queue_file(paths) as file:
            after = [changer(raw) for raw in file.queue]
            of_held = [changer(raw) for raw in file.held]
            if not any(raw is not None for raw in (*after, *of_held)):
                return False
            new = [identity(raw) for raw in (*after, *of_held) if raw is not None]

            def announce() -> None:
                """Tell the worker, once the new text is on the disk: it then drops the old one."""
                orders.withdraw(paths.orders, new)  # an earlier edit may have taken it away
                given.append(orders.give(paths, orders.DISCARD, names, receipts.EDIT))

            file.announce = announce
            file.queue = [new or old for new, old in zip(after, file.queue, strict=True)]
            # The new text of a held entry has been delivered by nobody.
            file.held = [old for new, old in zip(of_held, file.held, strict=True) if new is None]
            file.queue += [new for new in of_held if new is not None]
    except BaseException:  # what the worker has carried out stays done
        given[:] = [each for each in given if each is not None and not orders.take_back(each)]
        raise
    return True


def undo(
    paths: Paths, old: FoundItem, among: list[FoundItem], *, keep_days: float
) -> Changed | None:
    """Put the text of `old` back in place of the present one; None when it no longer waits."""
    present = [each for each in among if each.id == old.id and each.identity != old.identity]
    if not present:
        return None
    content = (items.load_object(old.raw) or {}).get("content")
    with suppress(GoneError):
        return edit_text(paths, present[0], content, keep_days=keep_days)
    return None


def texts_kept(paths: Paths) -> list[Path]:
    """The files with old texts, by name. Raises FileUnavailableError."""
    return private_folders.listing(paths.edits, PATTERN)


def forget(paths: Paths, is_it: Callable[[bytes], bool]) -> list[str]:
    """Remove kept texts for which `is_it` is true; return names. Raises FileUnavailableError."""
    removed = []
    there = [each for each in private_folders.listing(paths.edits, "*") if not each.is_dir()]
    for path in (*there, *open_text.files(paths)):
        with suppress(FileNotFoundError):
            if is_it(plain.read_bytes(path)):
                path.unlink()
                removed.append(path.relative_to(paths.data_dir).as_posix())
    return removed
