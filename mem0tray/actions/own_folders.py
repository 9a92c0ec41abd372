"""What mem0tray keeps, in its own folders and in those it shares: where, how much, its removal."""

import os
import shutil
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from itertools import chain
from pathlib import Path
from typing import Final

import platformdirs

from mem0tray.actions import backups
from mem0tray.config.server_address import ServerAddress
from mem0tray.config.settings import CLAUDE_DIR, LOCAL_URL, Loaded
from mem0tray.core import state
from mem0tray.core.errors import AlreadyRunningError, Mem0TrayError, SettingsError
from mem0tray.core.text import plural
from mem0tray.files import atomic, emergency, lock, private_folders, temporary
from mem0tray.ledger.reader import Reader
from mem0tray.localserver import endpoint, store
from mem0tray.system.paths import APP, LOG, Paths, config_file, data_root, folder_records

LOCAL: Final = "local-server"
_SERVES: Final = "claude-*"
_LOCK: Final = "instance.lock"
_LEDGER: Final = "ledger.sqlite3"
_DATED: Final = (backups.DATED, emergency.READ.format(inode="*"), f"{'/'.join(LOG)}*")
_PATIENCE: Final = 30.0  # seconds for a program that holds the queue's lock


def all_of_them() -> list[Path]:
    """Return settings, data and cache folders that exist; some systems have one for all."""
    cache = platformdirs.user_cache_path(APP, appauthor=False)
    folders = dict.fromkeys((config_file().parent, data_root(), cache))
    return [folder for folder in folders if os.path.lexists(folder)]


def claude_folders(loaded: Loaded) -> list[Path]:
    """Return the folders of shared files that a worker has served, and the one chosen, if known."""
    found = [Path(record.real) for record in folder_records(data_root())]
    if CLAUDE_DIR not in loaded.unknown:
        found.append(loaded.settings.locations().claude_dir)
    return list({each.resolve(): each for each in found}.values())


def running() -> list[tuple[Path, int | None]]:
    """Return the locks of running workers, else of the embedded server, with their processes."""
    root = data_root()
    workers = [path for path in sorted(root.glob(f"{_SERVES}/{_LOCK}")) if lock.is_workers(path)]
    if workers:  # one of them has started the embedded server, and will end it
        return [(path, lock.holder(path).pid) for path in workers]
    served = root / LOCAL / endpoint.LOCK
    if not lock.is_locked(served):
        return []
    there = endpoint.read(served.parent)
    return [(served, there.pid if there else None)]


def servers(chosen: str) -> list[str]:
    """Return the addresses of the server chosen now and of those in the ledgers."""
    found = []
    if chosen not in ("", LOCAL_URL):
        with suppress(SettingsError):
            found.append(ServerAddress.of(chosen).url)
    for folder in sorted(data_root().glob(_SERVES)):
        with suppress(Mem0TrayError), Reader(folder / _LEDGER) as reader:
            found += reader.servers()
    return [url for url in dict.fromkeys(found) if url != LOCAL_URL]


def shared_files(folder: Path) -> list[Path]:
    """Return what mem0tray and producers keep in this folder.

    But for the lock: whoever waits for it would exclude nobody any more.
    """
    its = Paths.for_claude_dir(folder)
    named = (its.queue, its.queue_backup, its.emergency, its.dlq, its.dlq_backup, its.dlq_previous)
    dated = [path for pattern in _DATED for path in sorted(folder.glob(pattern))]
    return [*filter(os.path.lexists, (*named, its.metrics)), *dated, *temporary.leftovers(folder)]


def would_be_lost() -> tuple[int, list[str]]:
    """Count what waits, and say what our folders hold; Mem0TrayError where one is unreadable."""
    waiting, kept = 0, False
    for folder in sorted(data_root().glob(_SERVES)):
        with Reader(folder / _LEDGER, needed=True) as reader:
            waiting += len(reader.waiting_names())
            kept |= reader.has_discarded() or bool(
                private_folders.quarantined(folder / "quarantine")
            )
    embedded = store.memories_in(data_root() / LOCAL / endpoint.DATABASE)
    held = f"The embedded server holds {plural(embedded, 'memory', 'memories')}."
    late = plural(waiting, "memory is", "memories are")
    late = f"{late} not delivered yet; `mem0tray run --until-idle` delivers what can be delivered."
    back = "What was deleted or could not be read can be put back as long as these folders exist"
    sentences = {held: embedded, late: waiting, f"{back} (`mem0tray restore --list`).": kept}
    return waiting, [sentence for sentence, holds in sentences.items() if holds]


def check(shared: list[Path]) -> None:
    """Raise Mem0TrayError when a folder of shared files lies inside one of ours."""
    for each in shared:
        for folder in all_of_them():
            if os.path.lexists(each) and each.resolve().is_relative_to(folder.resolve()):
                raise Mem0TrayError(
                    f"{each}, whose files belong to other programs too, lies in {folder}.",
                    "Nothing was removed. Move it elsewhere first.",
                )


def remove(shared: Sequence[Path] = ()) -> tuple[list[str], list[tuple[str, str]]]:
    """Remove our folders and the files in `shared`; return what went, and what stayed and why."""
    removed: list[str] = []
    left: list[tuple[str, str]] = []
    with _nobody_else() as stack:
        for folder in shared:
            kept = Paths.for_claude_dir(folder).queue_lock
            stack.enter_context(lock.FileLock(kept).held(_PATIENCE))
            stack.callback(private_folders.drop_empty, folder / LOG[0])
            left.append((str(kept), "it is empty, and other programs may hold it"))
        for path in (*chain(*map(shared_files, shared)), *all_of_them()):
            try:
                if path.is_symlink():
                    left.append((str(path.resolve()), f"{path} was a link of yours to it"))
                is_folder = path.is_dir() and not path.is_symlink()
                (shutil.rmtree if is_folder else os.unlink)(path)
            except OSError as error:
                raise atomic.unavailable(Path(error.filename or path), error) from error
            removed.append(str(path))
    return removed, left


def _nobody_else() -> ExitStack:
    """Hold every worker's lock, so that none starts in between; Mem0TrayError if one runs."""
    root = data_root()
    with ExitStack() as stack:
        for path in (*root.glob(f"{_SERVES}/{_LOCK}"), *root.glob(f"{LOCAL}/{endpoint.LOCK}")):
            held = lock.InstanceLock(path, lock.COMMAND)
            try:
                held.acquire()
            except AlreadyRunningError as error:
                raise in_the_way(path, lock.holder(path).pid) from error
            # Windows cannot remove open files, and nothing there is likely to start a worker.
            if os.name == "nt":
                held.release()
            else:
                stack.callback(held.release)
        return stack.pop_all()


def in_the_way(path: Path, pid: int | None) -> Mem0TrayError:
    """Return the error that says who runs, and how to stop it."""
    what = "The embedded server" if path.parent.name == LOCAL else "A worker"
    named = f" (process {pid})" if pid else ""
    how = f": `{state.kill_command(pid)}`, or Quit in the menu of its icon" if pid else ""
    return Mem0TrayError(
        f"{what} runs{named}, and would lose what it writes.",
        f"Settings and memories were left as they are. Stop it first{how}, then try again.",
    )
