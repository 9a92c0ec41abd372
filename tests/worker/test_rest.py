"""What a worker with nothing to do leaves alone."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import pytest

from mem0tray.config.settings import Settings
from mem0tray.core.events import Events
from mem0tray.core.state import Gate
from mem0tray.files import atomic
from mem0tray.ledger.database import Ledger
from mem0tray.system.paths import Paths
from mem0tray.worker import engine
from mem0tray.worker.context import Core
from mem0tray.worker.other_worker import OtherWorker
from mem0tray.worker.sending.delivery import Delivery
from mem0tray.worker.telling.metrics import MetricsWriter
from mem0tray.worker.watch import Watcher
from tests.support.home import Home
from tests.support.shapes import waiting
from tests.support.standin import Standin
from tests.worker.dlq.generations import dead_letter, parsed
from tests.worker.test_start import working

PATIENCE: Final = 10.0
LOOKS: Final = 20


def counted(
    monkeypatch: pytest.MonkeyPatch, owner: type[object], name: str, calls: threading.Semaphore
) -> None:
    """Count the calls of a method."""
    real = getattr(owner, name)

    def counting(self: object) -> None:
        real(self)
        calls.release()

    monkeypatch.setattr(owner, name, counting)


def test_nothing_due_wakes_no_sender(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While dead letters wait for their time, a look at the files is the worker's alone."""
    looks, kicks = threading.Semaphore(0), threading.Semaphore(0)
    counted(monkeypatch, Watcher, "check", looks)
    counted(monkeypatch, Delivery, "kick", kicks)
    monkeypatch.setattr(engine, "LOOK", 0.01)
    with Standin() as server, Home(tmp_path / "home", server.url) as home:
        home.write_dlq([waiting("later")])
        with working(home, server, monkeypatch):
            for _ in range(LOOKS):
                assert looks.acquire(timeout=PATIENCE)
    kicks.acquire(blocking=False)  # the prober's, should it have found the server well by now
    assert not kicks.acquire(blocking=False)


def test_what_waits_is_counted_again_only_after_a_change(tmp_path: Path) -> None:
    """A look at the counts costs nothing while the ledger stays as it is."""
    ledger = Ledger(tmp_path / "ledger")
    with closing(ledger):
        core = Core(Paths(tmp_path, tmp_path), Settings(), ledger, Events(), "http://here")
        gate = Gate()
        metrics = MetricsWriter(core, gate, OtherWorker(core, gate))
        assert metrics.counts().queue == 0
        asked: list[str] = []
        with ledger.reading() as db:
            db.set_trace_callback(asked.append)
        assert metrics.counts().queue == 0
        assert asked == []
        with ledger.transaction():
            core.inbox.add_fresh(parsed(dead_letter("m1")), 1.0, ask=False)
        assert metrics.counts().queue == 1


@contextmanager
def watching(folder: Path) -> Iterator[threading.Semaphore]:
    """Count the wakes by changes in a folder; `metrics` in it is rewritten all day."""
    woken = threading.Semaphore(0)
    watcher = Watcher([folder], woken.release, ours=folder / "metrics")
    watcher.start()
    assert woken.acquire(timeout=PATIENCE)  # it has begun
    try:
        yield woken
    finally:
        watcher.stop()


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.write_text("in place"),
        lambda file: atomic.replace(file, b"by a rename"),
        lambda file: file.with_name("copy").rename(file),
        lambda file: file.unlink(),
        lambda file: file.with_name("new").write_text("new"),
        lambda file: file.with_name("metrics").write_text("of another worker"),
        lambda file: file.with_name("copy").rename(file.with_name("metrics")),
        lambda file: (file.parents[1] / "outside").rename(file),
        lambda file: file.with_name("link").hardlink_to(file),
        lambda file: file.with_name("link").symlink_to(file),
    ],
    ids=[
        "in place", "replaced", "renamed", "removed", "made", "metrics", "metrics renamed",
        "moved in", "linked", "linked by name",
    ],
)  # fmt: skip
def test_a_change_by_others_wakes(tmp_path: Path, change: Callable[[Path], object]) -> None:
    """However a file is changed, the worker looks at once."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for file in (folder / "file", folder / "copy", tmp_path / "outside"):
        file.write_text("before")
    with watching(folder) as woken:
        change(folder / "file")
        assert woken.acquire(timeout=PATIENCE)


def test_a_line_of_a_writer_that_keeps_its_file_open_wakes(tmp_path: Path) -> None:
    """What is appended is seen before the file is closed."""
    with (tmp_path / "file").open("a") as file, watching(tmp_path) as woken:
        file.write("a line\n")
        file.flush()
        assert woken.acquire(timeout=PATIENCE)


def test_our_own_metrics_wake_nobody(tmp_path: Path) -> None:
    """Of what is rewritten all day the worker is not told."""
    (tmp_path / "copy").touch()
    with watching(tmp_path) as woken:
        for number in range(LOOKS):
            atomic.replace(tmp_path / "metrics", b"%d" % number)
        (tmp_path / "copy").unlink()
        assert woken.acquire(timeout=PATIENCE)
        assert not woken.acquire(blocking=False)
