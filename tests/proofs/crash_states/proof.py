"""A protocol recorded, cut at every moment, and recovered from each."""

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from unittest import mock

from mem0tray.config import settings as config
from mem0tray.config.settings import PathSettings, ServerSettings, Settings, SyncSettings
from mem0tray.core.errors import Mem0TrayError, SettingsError
from mem0tray.core.events import Event, Events, PartFailed
from mem0tray.localserver import endpoint
from mem0tray.localserver.store import ROW_MAX, Filter, Store
from mem0tray.system.paths import Paths
from mem0tray.worker.thread import WorkerThread
from tests.proofs.crash_states.disk import Tree
from tests.proofs.crash_states.protocols import PROTOCOLS
from tests.proofs.crash_states.take import KEEPER, SETTING, Promises, Take
from tests.support import oracle
from tests.support.home import Home
from tests.support.standin import Standin


@dataclass
class Result:
    """How many states of a protocol were tried, and those that the program did not recover from."""

    states: int = 0
    bad: list[str] = field(default_factory=list)


def prove(name: str, *, bug: str = "", at_most: int = 0) -> Result:
    """Record protocol `name` and try its states, or `at_most` of them, evenly spread."""
    result = Result()
    with scratch() as folder, Standin() as server, Home(folder / "home", server.url) as home:
        take = Take(home, server, bug)
        PROTOCOLS[name](take)
        server.clear_scripts()
        with rebooted(home):
            for moment in take.moments(at_most):
                build(home.root, moment.left.tree)
                result.states += 1
                if faults := recover(home, server, moment.promises):
                    after = f"after operation {moment.number} ({moment.event})"
                    result.bad.append(f"{after}, {moment.left.words}: {'; '.join(faults)}")
    return result


_AGO: Final = 120.0  # seconds since the files were written: a machine takes its time to start
_LONGEST: Final = 20.0  # seconds until the worker must have come to rest
_BOOT_IDS: Final = tuple(
    f"mem0tray.{module}.boot_id"
    for module in ("worker.parts", "worker.queue.emergency", "ledger.opening")
)


@contextmanager
def scratch() -> Iterator[Path]:
    """Make a folder that is gone afterwards: in memory where that can be had, which is faster."""
    memory = "/dev/shm"  # noqa: S108  (the folder in it is our own)
    folder = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="crash-states-", dir=folder) as made:
        yield Path(made)


@contextmanager
def rebooted(home: Home) -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, home.env))
        for name in _BOOT_IDS:
            stack.enter_context(mock.patch(name, return_value="the start after the power cut"))
        yield


def build(root: Path, tree: Tree) -> None:
    for path in root.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    then = time.time() - _AGO
    for name, data in tree.items():  # a folder comes before what is in it
        path = root / name
        if data is None:
            path.mkdir(mode=0o700)
            continue
        with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
            file.write(data)
        os.utime(path, (then, then))


def recover(home: Home, server: Standin, promises: Promises) -> list[str]:
    """Start the worker, while `rebooted`, on `home`; name each promise that does not hold."""
    server.begin_with(promises.stored)
    seen: list[Event] = []
    faults = _run_to_rest(home, server, seen)
    faults += (f"{each.part}: {each.error}" for each in seen if isinstance(each, PartFailed))
    faults += oracle.faults(
        home, server, promises.accepted, discarded=promises.discardable, offered=promises.offered
    )
    before = {text for _, text in promises.stored}
    faults += (
        f"deleted, and sent all the same: {text}"
        for text in promises.deleted - before
        if server.count(text)
    )
    return [*faults, *_setting(home, promises), *_kept(home, promises)]


def _run_to_rest(home: Home, server: Standin, seen: list[Event]) -> list[str]:
    bus = Events()
    bus.subscribe(seen.append)
    settings = Settings(
        paths=PathSettings(claude_dir=str(home.claude)),
        server=ServerSettings(url=server.url),
        sync=SyncSettings(probe_interval=0.05, retry_interval=0.02),
    )
    worker = WorkerThread(settings, bus, lambda: None)
    worker.start(watch=False, patient=False)
    deadline = time.monotonic() + _LONGEST
    rested = False
    while worker.is_alive and not rested and time.monotonic() < deadline:
        rested = worker.is_idle(1.0)
        worker.join(0.002)
    worker.stop()
    worker.join()
    if worker.failure is not None:
        return [f"the worker did not start: {worker.failure}"]
    return [] if rested else ["the worker did not come to rest"]


def _kept(home: Home, promises: Promises) -> list[str]:
    if not promises.kept:
        return []
    folder = Paths(home.claude, home.data / "mem0tray").local_server
    try:
        with closing(Store(folder / endpoint.DATABASE)) as store:
            there = {each.memory for each in store.newest(Filter(KEEPER), ROW_MAX)[0]}
    except (Mem0TrayError, sqlite3.Error) as error:
        return [f"the embedded server cannot be opened: {error}"]
    return [f"lost by the embedded server: {text}" for text in promises.kept - there]


def _setting(home: Home, promises: Promises) -> list[str]:
    if not promises.settings:
        return []
    try:
        value = config.get(config.load(home.config).settings, SETTING)
    except SettingsError as error:
        return [f"the settings cannot be read: {error}"]
    if value in promises.settings:
        return []
    return [f"{SETTING} is {value!r}, not one of {sorted(promises.settings)}"]
