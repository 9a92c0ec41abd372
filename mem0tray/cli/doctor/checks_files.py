"""What `doctor` looks at on the disk: settings, folders, locks, files, ledger."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from mem0tray.actions import folder as claude_folder
from mem0tray.actions.standing import Snapshot
from mem0tray.actions.waiting import DLQ_LIST
from mem0tray.cli.doctor import remedies
from mem0tray.cli.doctor.check import FAIL, OK, WARN, Check
from mem0tray.cli.doctor.seen_file import SeenFile, look
from mem0tray.config.settings import Loaded, PathSettings, unknown_variables
from mem0tray.core import item as items
from mem0tray.core.errors import FileUnavailableError, LockTimeoutError
from mem0tray.core.text import plural
from mem0tray.files import atomic, private_folders
from mem0tray.files.document import QUEUE_SECTIONS, Document
from mem0tray.files.lock import FileLock
from mem0tray.system.paths import Paths, config_file
from mem0tray.worker.folders import served_folder

_LITTLE_SPACE: Final = 200_000_000  # bytes
_HARDLY_ANY: Final = 10_000_000
_MB: Final = 1_000_000
_MANY: Final = 10_000  # megabytes from which on the room is told in gigabytes
_PATIENCE: Final = 1.0  # seconds for the producers' lock, which is held for milliseconds
# What follows if a folder cannot be used: memories taken in before are still delivered.
_STAYS: Final = "what is delivered cannot be taken out of its files."
_UNRECORDED: Final = "nothing is sent that cannot be recorded."


def settings_file(loaded: Loaded) -> Iterable[Check]:
    """Where the settings come from, and what is odd about them."""
    file = config_file()
    if file.exists():
        yield Check("settings", OK, f"{file} is valid.")
    else:
        yield Check("settings", OK, f"{file} is not there: defaults and environment apply.")
    for warning in loaded.warnings:
        yield Check("settings", WARN, warning, "Mend it with `mem0tray config edit`.")
    for warning in unknown_variables(os.environ):
        yield Check("settings", WARN, warning, "Correct the variable's name, or unset it.")


def folders(loaded: Loaded) -> Iterable[Check]:
    """The shared folder and ours: there, writable, with room on the disk."""
    paths = loaded.settings.locations()
    trouble = claude_folder.trouble(loaded.settings)
    named = loaded.settings.paths != PathSettings()
    if trouble is not None and not os.path.lexists(paths.claude_dir):
        yield Check("claude folder", WARN, trouble.message, trouble.remedy)
    elif trouble is not None and named:  # something else is there: the setting is wrong
        yield Check("claude folder", FAIL, trouble.message, trouble.remedy)
    else:
        yield _folder("claude folder", paths.claude_dir, _STAYS)
    yield _folder("data folder", paths.data_dir, _UNRECORDED)
    yield from _owner(paths)
    for folder in _disks(paths):
        yield _space(folder)


def _owner(paths: Paths) -> Iterator[Check]:
    """Who owns the shared folder, if root looks at another user's."""
    if sys.platform == "win32" or os.geteuid() != 0 or not paths.claude_dir.is_dir():
        return
    owner = paths.claude_dir.stat().st_uid
    if not owner:
        return
    shared = (paths.queue, paths.queue_lock, paths.dlq, paths.emergency, paths.metrics)
    lost = [path for path in shared if path.is_file() and path.stat().st_uid != owner]
    if lost:
        yield Check(
            "owner",
            WARN,
            f"{paths.claude_dir} belongs to {remedies.name_of(owner)}, but not"
            f" {', '.join(path.name for path in lost)}: their worker and their hooks may be"
            " unable to use that.",
            f"`chown {owner} {shlex.join(map(str, lost))}`",
        )
    else:
        yield Check(
            "owner",
            WARN,
            f"{paths.claude_dir} belongs to {remedies.name_of(owner)}, and you are root.",
            f"Run mem0tray as that user: `sudo -H -u {shlex.quote(remedies.name_of(owner))}"
            " mem0tray doctor`.",
        )


def _folder(name: str, folder: Path, unusable: str) -> Check:
    """The check of one folder; `unusable` says what follows if it cannot be used."""
    if not folder.exists():
        if folder.is_symlink():
            message = f"{folder} is a link to {folder.readlink()}, which is not there."
            return Check(name, FAIL, message, remedies.away(folder))
        parent = _existing(folder)
        if os.access(parent, os.W_OK | os.X_OK):
            return Check(name, OK, f"{folder} is not there yet; it is made when it is needed.")
        return Check(name, FAIL, f"{folder} cannot be made.", remedies.made(folder, parent))
    if not folder.is_dir():
        return Check(name, FAIL, f"{folder} is no folder.", remedies.away(folder))
    allowed = os.access(folder, os.R_OK | os.W_OK | os.X_OK)
    why = private_folders.why_unwritable(
        folder
    )  # the disk may refuse writes, whatever the modes say
    if why or not allowed:
        return Check(
            name,
            FAIL,
            f"{folder} cannot be read and written: {unusable}",
            str(why) if allowed else remedies.writable(folder),
        )
    real = folder.resolve()
    link = f" (it is a link to {real})" if folder.is_symlink() else ""
    return Check(name, OK, f"{folder} can be read and written{link}.")


def _existing(path: Path) -> Path:
    return next((parent for parent in path.parents if parent.exists()), path)


def _disks(paths: Paths) -> list[Path]:
    """A folder on each of the disks that we write to."""
    disks: dict[int, Path] = {}
    for folder in (paths.claude_dir, paths.data_dir):
        there = folder if folder.exists() else _existing(folder)
        disks.setdefault(there.stat().st_dev, there)
    return list(disks.values())


def _space(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    size = f"{free // _MB:,} MB" if free < _MANY * _MB else f"{free // (1000 * _MB):,} GB"
    said = f"{size} are free on the disk of {folder}."
    if not free:
        return Check("disk", FAIL, f"{said} Deliveries wait.", remedies.room(folder))
    if free < _HARDLY_ANY:  # a delivery needs a few kilobytes
        text = f"{said} When none is left, deliveries wait."
        return Check("disk", WARN, text, remedies.room(folder))
    if free < _LITTLE_SPACE:
        return Check("disk", WARN, said, remedies.room(folder))
    return Check("disk", OK, said)


def locks(loaded: Loaded) -> Iterable[Check]:
    """The producers' lock can be opened, and nobody hangs with it."""
    path = loaded.settings.locations().queue_lock
    if not path.exists():
        yield Check("queue lock", OK, f"{path} is not there yet.")
        return
    lock = FileLock(path)
    try:
        lock.acquire(_PATIENCE)
    except LockTimeoutError:
        yield Check(
            "queue lock",
            WARN,
            f"Another program has held {path} for more than {_PATIENCE:.0f} s; until it lets go,"
            " new memories go to the emergency file.",
            f"Find it with `fuser {path}`, and end it if it hangs.",
        )
    except FileUnavailableError as error:
        yield Check("queue lock", FAIL, error.message, error.remedy)
    else:
        lock.release()
        yield Check("queue lock", OK, f"{path} is free.")


def files(seen: Snapshot) -> Iterable[Check]:
    """Each file that others read and write: readable, whole, writable; and the quarantine."""
    paths = seen.paths
    yield from _file(look(paths.queue, QUEUE_SECTIONS), QUEUE_SECTIONS)
    yield from _file(look(paths.dlq, (DLQ_LIST,)), (DLQ_LIST,))
    yield from _file(look(paths.metrics, ()), ())
    yield from _emergency(paths)
    yield from _written(paths)
    yield from _ours(seen)


def _ours(seen: Snapshot) -> Iterator[Check]:
    pause, kept = seen.pause, seen.inside.quarantine
    if pause.error is not None:
        yield Check("pause", FAIL, pause.error.message, "`mem0tray resume` removes it.")
    where = seen.paths.quarantine
    if kept.error is not None:
        yield Check("quarantine", WARN, kept.error.message, remedies.away(where))
    elif kept.count:
        yield Check(
            "quarantine",
            WARN,
            f"What could not be read is kept in {where}: {plural(kept.count, 'file')}.",
            "What was whole in it has been saved already; `mem0tray restore --list` shows it.",
        )


def _file(seen: SeenFile, sections: Sequence[str]) -> Iterator[Check]:
    path, name, parsed = seen.path, seen.path.name, seen.document
    if seen.error is not None:
        remedy = remedies.writable(path) if _is_shut(path) else seen.error.remedy
        yield Check(name, FAIL, seen.error.message, remedy)
    elif seen.restless:
        yield Check(
            name,
            FAIL,
            f"{path} is being rewritten all the time.",
            f"Find out which program does that: `fuser -v {path}`.",
        )
    elif not seen.is_there:
        yield Check(name, OK, "is not there yet.")
    elif seen.broken:
        yield Check(
            name,
            WARN,
            f"is broken: {seen.broken}.",
            "A running worker keeps a copy and saves what is whole in it: `mem0tray run`.",
        )
    else:
        yield from _whole_file(path, parsed, sections)


def _whole_file(path: Path, parsed: Document, sections: Sequence[str]) -> Iterator[Check]:
    name = path.name
    if parsed.rejected:
        yield Check(
            name,
            WARN,
            f"holds {plural(len(parsed.rejected), 'value')} that other programs cannot load.",
            "A running worker sets these aside, nothing is lost: `mem0tray run`.",
        )
    if not os.access(path, os.W_OK):
        yield Check(name, FAIL, "cannot be written.", remedies.writable(path))
        return
    odd = sum(items.parse(raw) is None for part in sections[:1] for raw in parsed.lists[part])
    if odd:
        yield Check(
            name,
            WARN,
            f"holds {plural(odd, 'thing')} without a content that is text: never sent.",
            f"They are left alone. Mend them in the file, or remove them from it: {path}.",
        )
    count = sum(map(len, parsed.lists.values()))
    yield Check(name, OK, f"is whole: {plural(count, 'item')}." if sections else "is whole.")


def _is_shut(path: Path) -> bool:
    """Whether the file is there but its permissions keep us out."""
    return path.is_file() and not os.access(path, os.R_OK)


def _emergency(paths: Paths) -> Iterator[Check]:
    path = paths.emergency
    try:
        atomic.refuse_odd(path)
    except FileUnavailableError as error:
        yield Check(path.name, FAIL, error.message, error.remedy)
        return
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        yield Check(path.name, FAIL, "cannot be read and written.", remedies.writable(path))


def _written(paths: Paths) -> Iterator[Check]:
    """Check that the files which we only write can stand in their places."""
    try:
        served_folder.refuse_unwritable(paths)
    except FileUnavailableError as error:
        yield Check("files", FAIL, error.message, error.remedy)


def ledger(seen: Snapshot) -> Iterable[Check]:
    """The ledger can be read."""
    found = seen.inside.ledger
    if found.size is None:
        yield Check("ledger", OK, f"{found.path} is not there yet; the worker makes it.")
    elif found.usable:
        yield Check("ledger", OK, f"{found.path} can be read.")
    else:
        yield Check(
            "ledger",
            WARN,
            f"{found.path} cannot be read.",
            "If it is broken, the worker sets it aside at its start and rebuilds it:"
            " `mem0tray run`.",
        )
