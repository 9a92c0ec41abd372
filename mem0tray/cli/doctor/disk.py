"""Checks of the disk: settings, folders, lock, files, ledger."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from mem0tray.actions import folder as claude_folder
from mem0tray.actions.in_step import DLQ, EMERGENCY, QUEUE
from mem0tray.cli.doctor import FAIL, OK, WARN, Check, Examined
from mem0tray.config.settings import Loaded, PathSettings, unknown_variables
from mem0tray.core import reasons
from mem0tray.core.errors import FileUnavailableError, LockTimeoutError
from mem0tray.core.text import plural
from mem0tray.desktop.autostart import linux
from mem0tray.files import atomic, private_folders
from mem0tray.files.lock import FileLock
from mem0tray.system.paths import Paths, config_file
from mem0tray.worker.folders import served_folder

_LITTLE_SPACE: Final = 200_000_000  # bytes
_MB: Final = 1_000_000
_MANY: Final = 10_000  # megabytes from which on the room is told in gigabytes
_PATIENCE: Final = 1.0  # seconds for the producers' lock, which is held for milliseconds
# What follows if a folder cannot be used: memories taken in before are still delivered.
_STAYS: Final = "what is delivered cannot be taken out of its files."
_UNRECORDED: Final = "nothing is sent that cannot be recorded."
_RUN: Final = "A running worker keeps a copy and saves what is whole in it: `mem0tray run`."


def settings_file(loaded: Loaded) -> Iterable[Check]:
    """Say where the settings come from, and what is odd about them."""
    file = config_file()
    there = "is valid." if file.exists() else "is not there: defaults and environment apply."
    yield Check("settings", OK, f"{file} {there}")
    for warning in loaded.warnings:
        yield Check("settings", WARN, warning, "Mend it with `mem0tray config edit`.")
    for warning in unknown_variables(os.environ):
        yield Check("settings", WARN, warning, "Correct the variable's name, or unset it.")


def folders(examined: Examined) -> Iterable[Check]:
    """Check the shared folder and ours: there, writable, with room on the disk."""
    paths = examined.paths
    trouble = claude_folder.trouble(examined.settings)
    named = examined.settings.paths != PathSettings()
    if trouble is not None and not os.path.lexists(paths.claude_dir):
        yield Check("claude folder", WARN, trouble.message, trouble.remedy)
    elif trouble is not None and named:  # something else is there: the setting is wrong
        yield Check("claude folder", FAIL, trouble.message, trouble.remedy)
    else:
        yield _folder("claude folder", paths.claude_dir, _STAYS)
    yield _folder("data folder", paths.data_dir, _UNRECORDED)
    for folder in _disks(paths):
        yield _space(folder)


def _folder(name: str, folder: Path, unusable: str) -> Check:
    """Check one folder; `unusable` says what follows if it cannot be used."""
    if not os.path.lexists(folder):
        parent = _existing(folder)
        if os.access(parent, os.W_OK | os.X_OK):
            return Check(name, OK, f"{folder} is not there yet; it is made when it is needed.")
        return Check(name, FAIL, f"{folder} cannot be made.", _writable(parent))
    if not folder.is_dir():
        what = f"a link to {folder.readlink()}" if folder.is_symlink() else "no folder"
        return Check(name, FAIL, f"{folder} is {what}.", _away(folder))
    allowed = os.access(folder, os.R_OK | os.W_OK | os.X_OK)
    why = private_folders.why_unwritable(folder)  # a disk may refuse, whatever the modes say
    if why or not allowed:
        remedy = str(why) if allowed else _writable(folder)
        return Check(name, FAIL, f"{folder} cannot be read and written: {unusable}", remedy)
    link = f" (it is a link to {folder.resolve()})" if folder.is_symlink() else ""
    return Check(name, OK, f"{folder} can be read and written{link}.")


def _existing(path: Path) -> Path:
    return next((parent for parent in path.parents if parent.exists()), path)


def _disks(paths: Paths) -> list[Path]:
    """Return a folder on each of the disks that we write to."""
    disks: dict[int, Path] = {}
    for folder in (paths.claude_dir, paths.data_dir):
        there = folder if folder.exists() else _existing(folder)
        disks.setdefault(there.stat().st_dev, there)
    return list(disks.values())


def _space(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    size = f"{free // _MB:,} MB" if free < _MANY * _MB else f"{free // (1000 * _MB):,} GB"
    said = f"{size} are free on the disk of {folder}."
    if free >= _LITTLE_SPACE:
        return Check("disk", OK, said)
    shows = "cleanmgr" if sys.platform == "win32" else f"df -h {shlex.quote(str(folder))}"
    remedy = f"Free some disk space (`{shows}` helps)."
    return Check("disk", WARN if free else FAIL, f"{said} Without any, deliveries wait.", remedy)


def lock(examined: Examined) -> Iterable[Check]:
    """Check that the producers' lock can be opened, and nobody hangs with it."""
    path = examined.paths.queue_lock
    if not path.exists():
        yield Check("queue lock", OK, f"{path} is not there yet.")
        return
    held = FileLock(path)
    try:
        held.acquire(_PATIENCE)
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
        held.release()
        yield Check("queue lock", OK, f"{path} is free.")


def files(examined: Examined) -> Iterable[Check]:
    """Check each file that others read and write, our pause, and the quarantine."""
    seen, paths = examined.snapshot, examined.paths
    unread = seen.step.unread
    for path, trouble in (
        (paths.queue, unread.get(QUEUE)),
        (paths.emergency, unread.get(EMERGENCY)),
        (paths.dlq, unread.get(DLQ)),
        (paths.metrics, seen.shared_metrics.trouble),
    ):
        what, how = reasons.parted(trouble or reasons.NONE)
        if path.is_file() and not os.access(path, os.R_OK | os.W_OK):
            yield Check(path.name, FAIL, "cannot be read and written.", _writable(path))
        elif what:
            level = FAIL if atomic.why_unreadable(path) else WARN
            yield Check(path.name, level, str(what), str(how) or _RUN)
        else:
            can = "can be read and written." if path.exists() else "is not there yet."
            yield Check(path.name, OK, can)
    try:
        served_folder.refuse_unwritable(paths)
    except FileUnavailableError as error:
        yield Check("files", FAIL, error.message, error.remedy)
    if seen.step.behind:
        yield Check("files", WARN, *map(str, reasons.parted(seen.step.behind)))
    if seen.pause_error:
        why = str(reasons.parted(seen.pause_error)[0])
        yield Check("pause", FAIL, why, "`mem0tray resume` removes it.")
    if seen.quarantine_error:
        why = str(reasons.parted(seen.quarantine_error)[0])
        yield Check("quarantine", WARN, why, _away(paths.quarantine))
    elif seen.quarantine:
        yield Check(
            "quarantine",
            WARN,
            f"What could not be read is kept in {paths.quarantine}:"
            f" {plural(seen.quarantine, 'file')}.",
            "What was whole in it has been saved already; `mem0tray restore --list` shows it.",
        )


def ledger(examined: Examined) -> Iterable[Check]:
    """Check that the ledger can be read."""
    found = examined.snapshot.ledger
    if found.size is None:
        yield Check("ledger", OK, f"{found.path} is not there yet; the worker makes it.")
    elif found.usable:
        yield Check("ledger", OK, f"{found.path} can be read.")
    else:
        remedy = "If it is broken, the worker sets it aside and rebuilds it: `mem0tray run`."
        yield Check("ledger", WARN, f"{found.path} cannot be read.", remedy)


def _writable(path: Path) -> str:
    """Name the command that lets this user read and write `path`, which exists."""
    where = shlex.quote(str(path))
    if sys.platform == "win32":
        return f'Let your user write it: `icacls "{path}" /grant "%USERNAME%:F"`.'
    if atomic.is_read_only(path):
        return "The disk is read-only: mount it for writing again."
    if path.stat().st_uid != os.getuid():
        owner = linux.user() or str(os.getuid())
        return f"It belongs to another user: `sudo chown {owner} {where}`."
    return f"Mend its permissions: `chmod u+rwX {where}`."


def _away(path: Path) -> str:
    """Name the command that moves an obstacle out of the way without losing anything."""
    return f"Move it away: `{atomic.moving(path)}`."
