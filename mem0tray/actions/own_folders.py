"""The folders that are mem0tray's alone: where they are, what they hold, how they are removed."""

import os
import shutil
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs

from mem0tray.actions import restore_sources
from mem0tray.actions.find import Identity
from mem0tray.actions.in_step import keep_in_step
from mem0tray.config.server_address import ServerAddress
from mem0tray.config.settings import LOCAL_URL, Settings
from mem0tray.core import another_worker
from mem0tray.core.errors import Mem0TrayError, SettingsError
from mem0tray.core.item import DELIVERED, EDITED, identity
from mem0tray.core.text import plural
from mem0tray.files import atomic, lock, quarantine
from mem0tray.ledger.reader import Reader
from mem0tray.localserver import endpoint, store
from mem0tray.system import data_folders, plain
from mem0tray.system.paths import APP, Paths, config_file, data_root

LOCAL: Final = "local-server"
_SERVES: Final = "claude-*"
_LOCK: Final = "instance.lock"
_LEDGER: Final = "ledger.sqlite3"


@dataclass(slots=True)
class Holdings:
    """How many memories, and files that could not be read, our folders hold.

    `undelivered` are known to the ledger, of which `only_here` stand in no shared
    file; `discarded` are deleted, but `restore` would put them back: of these
    `discarded_only_here` stand in no backup; `embedded_only` are on the embedded
    server, and no other has taken their text.
    """

    undelivered: int = 0
    only_here: int = 0
    discarded: int = 0
    discarded_only_here: int = 0
    quarantined: int = 0
    embedded_only: int = 0

    def told(self) -> list[str]:
        """What would be lost with the folders, in sentences."""
        said = []
        if self.embedded_only:
            number = plural(self.embedded_only, "memory", "memories")
            said.append(
                f"The embedded server holds {number} that no other server has got from mem0tray."
            )
        if self.undelivered:
            number = plural(self.undelivered, "memory is", "memories are")
            where = "the shared files, which stay, hold them"
            if self.only_here:
                where = (
                    f"{self.only_here:,} of these stand nowhere else"
                    " (`mem0tray run --until-idle` delivers what can be delivered)"
                )
            said.append(f"{number} not delivered yet; {where}.")
        if self.discarded:
            number = plural(self.discarded, "deleted memory", "deleted memories")
            where = "the backups, which stay, hold them"
            if self.discarded_only_here:
                where = f"{self.discarded_only_here:,} of these stand nowhere else"
            said.append(f"{number} can be restored (`mem0tray restore --list`); {where}.")
        if self.quarantined:
            number = plural(self.quarantined, "file")
            said.append(f"The quarantine holds {number} of what could not be read.")
        return said


def all_of_them() -> list[Path]:
    """Settings, data and cache folders, as far as they exist; some systems have one for all."""
    cache = platformdirs.user_cache_path(APP, appauthor=False)
    folders = dict.fromkeys((config_file().parent, data_root(), cache))
    return [folder for folder in folders if os.path.lexists(folder)]


def claude_folders(chosen: Path) -> list[Path]:
    """Every folder of shared files that a worker has served, and the one chosen now."""
    served = [Path(record.real) for record in data_folders.records(data_root())]
    return list(dict.fromkeys([chosen.expanduser().absolute(), *served]))


def running() -> list[tuple[Path, int | None]]:
    """The running workers, else the embedded server: the lock that each holds, and its process."""
    root = data_root()
    workers = [path for path in sorted(root.glob(f"{_SERVES}/{_LOCK}")) if lock.is_locked(path)]
    if workers:  # one of them has started the embedded server, and will end it
        return [(path, lock.holder(path)) for path in workers]
    served = root / LOCAL / endpoint.LOCK
    if not lock.is_locked(served):
        return []
    there = endpoint.read(served.parent)
    return [(served, there.pid if there else None)]


def servers(chosen: str) -> list[str]:
    """The addresses of the server chosen now and of those in the ledgers."""
    found = []
    if chosen not in ("", LOCAL_URL):
        with suppress(SettingsError):
            found.append(ServerAddress.of(chosen).url)
    for folder in sorted(data_root().glob(_SERVES)):
        with suppress(Mem0TrayError), Reader(folder / _LEDGER) as reader:
            found += reader.former.names()
    return [url for url in dict.fromkeys(found) if url != LOCAL_URL]


def holdings() -> Holdings:
    """Count the holdings; raises Mem0TrayError where something there cannot be read."""
    found = Holdings()
    others_have: set[bytes] = set()
    served = {each.folder: Path(each.real) for each in data_folders.records(data_root())}
    for folder in sorted(data_root().glob(_SERVES)):
        found.quarantined += len(quarantine.kept(folder / "quarantine"))
        shared: set[Identity] = set()
        kept: set[Identity] = set()
        if folder in served:
            paths = Paths.for_claude_dir(served[folder])
            keep_in_step(paths, Settings())
            shared = _in_file(paths.queue) | _in_file(paths.dlq)
            kept = restore_sources.backed_up(paths)
        with Reader(folder / _LEDGER, needed=True) as reader:
            known = reader.waiting.names()
            deleted = {identity(raw) for batch in reader.discarded() for raw in batch.raws}
            deleted = {name for name in deleted | kept if not _is_past(reader, name)} - known
            others_have |= reader.former.taken_by_others(LOCAL_URL)
        found.discarded += len(deleted)
        found.discarded_only_here += len(deleted - kept)
        found.undelivered += len(known)
        found.only_here += len(known - shared)
    embedded = store.digests(data_root() / LOCAL / endpoint.DATABASE)
    found.embedded_only = sum(digest not in others_have for digest in embedded)
    return found


def _is_past(reader: Reader, name: Identity) -> bool:
    """Whether a memory is delivered, or was replaced by an edit: it need not be put back."""
    row = reader.known(*name) if name[0] else None
    return row is not None and (row.state == DELIVERED or row.reason == EDITED)


def _in_file(path: Path) -> set[Identity]:
    """The items in a shared file, as far as it can be read."""
    try:
        return {identity(each.raw) for each in restore_sources.pieces_of(plain.read_bytes(path))}
    except OSError:
        return set()


def check(shared: list[Path]) -> None:
    """Raise Mem0TrayError when a folder of shared files lies inside one of ours."""
    for each in shared:
        for folder in all_of_them():
            if os.path.lexists(each) and each.resolve().is_relative_to(folder.resolve()):
                raise Mem0TrayError(
                    f"{each}, whose files belong to other programs too, lies in {folder}.",
                    "Nothing was removed. Move it elsewhere first.",
                )


def remove() -> tuple[list[str], list[tuple[str, str]]]:
    """Remove our folders; return what went, and what stayed with the reason.

    Raises Mem0TrayError, with none of them removed, when a worker runs.
    """
    removed: list[str] = []
    left: list[tuple[str, str]] = []
    with _nobody_else():
        for folder in all_of_them():
            try:
                if folder.is_symlink():
                    left.append((str(folder.resolve()), f"{folder} was a link of yours to it"))
                    folder.unlink()
                else:
                    shutil.rmtree(folder)
            except OSError as error:
                raise atomic.unavailable(Path(error.filename or folder), error) from error
            removed.append(str(folder))
    return removed, left


def _nobody_else() -> ExitStack:
    """Hold every worker's lock, so that none starts in between; Mem0TrayError if one runs."""
    stack = ExitStack()
    root = data_root()
    for path in (*root.glob(f"{_SERVES}/{_LOCK}"), *root.glob(f"{LOCAL}/{endpoint.LOCK}")):
        held = lock.FileLock(path)
        if not held.try_acquire():
            stack.close()
            raise in_the_way(path, lock.holder(path))
        # Windows cannot remove open files, and nothing there is likely to start a worker.
        if os.name == "nt":
            held.release()
        else:
            stack.callback(held.release)
    return stack


def in_the_way(path: Path, pid: int | None) -> Mem0TrayError:
    """The error that says who runs, and how to stop it."""
    what = "The embedded server" if path.parent.name == LOCAL else "A worker"
    named = f" (process {pid})" if pid else ""
    return Mem0TrayError(
        f"{what} runs{named}, and would lose what it writes.",
        f"Settings and memories were left as they are. Stop it first{_how(pid)}, then try again.",
    )


def _how(pid: int | None) -> str:
    return f": {stop_command(pid)}, or Quit in the menu of its icon" if pid else ""


def stop_command(pid: int) -> str:
    """The command that ends a process, in backticks."""
    return f"`{another_worker.killing(pid)}`"
