"""Checks of the disk: settings, folders, lock, files, ledger."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from mem0tray.actions import standing
from mem0tray.actions.one_writer import DLQ, EMERGENCY, QUEUE
from mem0tray.actions.server_test import FAIL, OK, WARN, Check
from mem0tray.cli.doctor import Examined
from mem0tray.config.settings import Loaded, PathSettings
from mem0tray.core import reasons
from mem0tray.core.errors import FileUnavailableError, LockTimeoutError
from mem0tray.core.reasons import Reason
from mem0tray.core.text import plural
from mem0tray.desktop.autostart import linux
from mem0tray.files import atomic, orders, private_folders
from mem0tray.files.lock import FileLock
from mem0tray.system.paths import config_file
from mem0tray.worker.folders import served_folder

_LITTLE_SPACE: Final = 200_000_000  # bytes
_MB: Final = 1_000_000
_PATIENCE: Final = 1.0  # seconds for the producers' lock, which is held for milliseconds
# What follows if a folder cannot be used: memories taken in before are still delivered.
_STAYS: Final = "what is delivered cannot be taken out of its files."
_UNRECORDED: Final = "nothing is sent that cannot be recorded."


def settings_file(loaded: Loaded) -> Iterable[Check]:
    """Say where the settings come from, and what is odd about them."""
    file = config_file()
    there = "is valid." if file.exists() else "is not there: defaults and environment apply."
    yield Check("settings", OK, f"{file} {there}")
    for warning in loaded.warnings:
        yield Check("settings", WARN, warning, "Correct the key or the variable, or remove it.")


def folders(examined: Examined) -> Iterable[Check]:
    """Check the shared folder and ours: there, writable, with room on the disk."""
    paths = examined.paths
    trouble = standing.folder_trouble(examined.settings)
    if trouble is not None and examined.settings.paths != PathSettings():
        level = FAIL if os.path.lexists(paths.claude_dir) else WARN
        yield Check("claude folder", level, trouble.message, trouble.remedy)
    else:
        yield _folder("claude folder", paths.claude_dir, _STAYS)
    yield _folder("data folder", paths.data_dir, _UNRECORDED)
    folders = [
        next(at for at in (each, *each.parents) if at.exists())
        for each in (paths.claude_dir, paths.data_dir)
    ]
    for folder in {each.stat().st_dev: each for each in reversed(folders)}.values():
        yield _space(folder)


def _folder(name: str, folder: Path, unusable: str) -> Check:
    if not os.path.lexists(folder):
        parent = next(each for each in folder.parents if each.exists())
        if os.access(parent, os.W_OK | os.X_OK):
            return Check(name, OK, f"{folder} is not there yet; it is made when it is needed.")
        return Check(name, FAIL, f"{folder} cannot be made.", _writable(parent))
    if not folder.is_dir():
        return Check(name, FAIL, f"{folder} is no folder.", _away(folder))
    allowed = os.access(folder, os.R_OK | os.W_OK | os.X_OK)
    why = private_folders.why_unwritable(folder)  # a disk may refuse, whatever the modes say
    if why or not allowed:
        remedy = str(why) if allowed else _writable(folder)
        return Check(name, FAIL, f"{folder} cannot be read and written: {unusable}", remedy)
    return Check(name, OK, f"{folder} can be read and written.")


def _space(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    said = f"{free // _MB:,} MB are free on the disk of {folder}."
    if free >= _LITTLE_SPACE:
        return Check("disk", OK, said)
    waits = "When none is left, deliveries wait." if free else "Deliveries wait."
    return Check("disk", WARN if free else FAIL, f"{said} {waits}", "Free some disk space.")


def lock(examined: Examined) -> Iterable[Check]:
    """Check that the producers' lock can be opened, and nobody hangs with it."""
    path = examined.paths.queue_lock
    if not path.exists():
        yield Check("queue lock", OK, f"{path} is not there yet.")
        return
    try:
        with FileLock(path).held(_PATIENCE):
            pass
    except LockTimeoutError as error:
        held_up = "Until it lets go, new memories go to the emergency file."
        remedy = f"Find it with `fuser {path}`, and end it if it hangs."
        yield Check("queue lock", WARN, f"{error.message} {held_up}", remedy)
    else:
        yield Check("queue lock", OK, f"{path} is free.")


def files(examined: Examined) -> Iterable[Check]:
    """Check each file that others read and write, our pause, and the quarantine."""
    seen, paths = examined.snapshot, examined.paths
    yield _file(paths.queue, seen.step.unread.get(QUEUE))
    yield _file(paths.dlq, seen.step.unread.get(DLQ))
    yield _file(paths.emergency, seen.step.unread.get(EMERGENCY))
    yield _file(paths.metrics, seen.shared_metrics.trouble)
    if seen.step.behind:
        yield _reported("files", WARN, seen.step.behind)
    try:
        served_folder.refuse_unwritable(paths)
        if why := orders.unread(paths.orders):
            yield Check("orders", FAIL, str(reasons.sentence(why)))
    except FileUnavailableError as error:
        yield Check("files", FAIL, error.message, error.remedy)
    if seen.pause_error:
        yield _reported("pause", FAIL, seen.pause_error, "`mem0tray resume` removes it.")
    if seen.quarantine_error:
        yield _reported("quarantine", WARN, seen.quarantine_error, _away(paths.quarantine))
    elif seen.quarantine:
        kept = f"{plural(seen.quarantine, 'file')} of what could not be read"
        there = "What was whole in it has been saved already; `mem0tray restore --list` shows it."
        yield Check("quarantine", WARN, f"{paths.quarantine} keeps {kept}.", there)


def _file(path: Path, why: Reason | None) -> Check:
    """Check a file; `why` it cannot be read, as the reader of all views has found."""
    if path.is_file() and not os.access(path, os.R_OK | os.W_OK):
        return Check(path.name, FAIL, "cannot be read and written.", _writable(path))
    if why:
        return _reported(path.name, WARN if path.is_file() else FAIL, why)
    there = "can be read and written." if path.exists() else "is not there yet."
    return Check(path.name, OK, there)


def _reported(name: str, level: str, why: Reason, better: str = "") -> Check:
    what, remedy = reasons.parted(why)
    return Check(name, level, str(what), better or str(remedy))


def ledger(examined: Examined) -> Iterable[Check]:
    """Check that the ledger can be read."""
    found, path = examined.snapshot.ledger, examined.paths.ledger
    if found.usable:
        yield Check("ledger", OK, f"{path} can be read.")
    elif found.broken:
        what, remedy = reasons.parted(found.broken)
        rebuilt = "If it is broken, the worker sets it aside and rebuilds it: `mem0tray run`."
        yield Check("ledger", WARN, str(what), str(remedy) or rebuilt)
    else:
        yield Check("ledger", OK, f"{path} is not there yet; the worker makes it.")


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
    return f"Move it away: `{atomic.moving(path)}`."
