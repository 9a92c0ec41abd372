"""Another worker on the same files is noticed by the metrics that it writes, and told."""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mem0tray.actions import verbs
from mem0tray.config.settings import PathSettings, Settings
from mem0tray.core.events import Events
from mem0tray.core.reasons import NONE
from mem0tray.core.state import ACTION_NEEDED, WorkerSeen
from mem0tray.files import atomic
from mem0tray.ledger.counters import Counters
from mem0tray.ledger.database import Ledger
from mem0tray.system import processes
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.metrics import SILENT, OtherWorker, is_none_beside
from tests.ledger.samples import NOW, fresh
from tests.worker.queue.scene import QueueScene, opened

HOST = socket.gethostname()
RUN = "0d9f"
GONE = 2**22 + 1  # no process has this number


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[QueueScene]:
    with opened(tmp_path, monkeypatch) as made:
        made.context.run = RUN
        made.context.breaker.note_probe(healthy=True, reason=NONE)
        made.context.inbox.add_fresh(fresh("a"), NOW, ask=False)
        yield made


@pytest.fixture
def other(ground: QueueScene) -> OtherWorker:
    made = OtherWorker(ground.context)
    made.look()
    return made


def write(ground: QueueScene, age: float = 5.0, **values: Any) -> None:
    path = ground.context.paths.metrics
    ground.put(path, json.dumps({"vps_status": "healthy", **values}).encode(), age=age)


@pytest.mark.parametrize(
    ("values", "pid", "host"),
    [
        ({"pid": os.getppid(), "host": HOST}, os.getppid(), HOST),
        ({"pid": 7, "host": "there"}, 7, "there"),
        ({}, None, None),
        ({"pid": "odd", "host": 5}, None, None),
        ({"pid": os.getpid(), "host": "there"}, os.getpid(), "there"),
        ({"pid": os.getpid(), "host": HOST, "run": "e1a0"}, os.getpid(), HOST),
        ({"pid": os.getpid(), "host": HOST}, os.getpid(), HOST),
    ],
    ids=["here", "elsewhere", "no name", "odd names", "our number", "namesake", "older one"],
)
def test_who_rewrites_the_metrics_is_another_worker(
    ground: QueueScene, other: OtherWorker,
    values: dict[str, Any], pid: int | None, host: str | None,
) -> None:  # fmt: skip
    write(ground, **values)
    other.look()
    assert ground.context.foreign_claims.worker() == WorkerSeen(pid, host, NOW, NOW)
    assert ground.context.other_at_work
    assert not ground.context.breaker.lets_through(time.monotonic())
    assert ground.context.breaker.state(time.monotonic()).name == ACTION_NEEDED


@pytest.mark.parametrize("host", [HOST, "former-name"])
def test_our_own_metrics_are_no_sign(ground: QueueScene, other: OtherWorker, host: str) -> None:
    write(ground, pid=os.getpid(), host=host, run=RUN)
    other.look()
    assert ground.context.foreign_claims.worker() is None
    assert ground.context.breaker.lets_through(time.monotonic())


def test_metrics_as_we_wrote_them_are_not_even_read(ground: QueueScene, other: OtherWorker) -> None:
    write(ground, pid=7, host="there")
    assert not other.is_unchanged()
    other.note_write(atomic.signature(ground.context.paths.metrics))
    assert other.is_unchanged()
    other.look()
    assert ground.context.foreign_claims.worker() is None


def test_another_worker_goes_when_it_has_been_silent(
    ground: QueueScene, other: OtherWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For three heartbeats; what waits is asked about, since it may have been at work on it."""
    assert SILENT == 90.0
    write(ground, pid=7, host="there")
    other.look()
    started = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: started + SILENT - 1)
    other.look()
    other.release()
    assert ground.context.foreign_claims.worker() is not None
    monkeypatch.setattr(time, "monotonic", lambda: started + SILENT + 1)
    other.look()
    other.release()
    assert ground.context.foreign_claims.worker() is None
    assert not ground.context.other_at_work
    assert ground.context.breaker.lets_through(started)
    assert ground.column("unknown", fresh("a")) == NOW


@pytest.mark.parametrize("where", [{}, {"space": f"{processes.space()}x"}], ids=["here", "not"])
def test_another_worker_that_has_ended_goes_at_once_unless_it_was_in_another_container(
    ground: QueueScene, other: OtherWorker, monkeypatch: pytest.MonkeyPatch, where: dict[str, Any]
) -> None:
    write(ground, pid=GONE, host=HOST, **where)
    other.look()
    assert ground.context.foreign_claims.worker() is not None
    started = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: started + 6)
    other.look()
    other.release()
    assert (ground.context.foreign_claims.worker() is None) == (where == {})
    assert ground.context.breaker.lets_through(started) == (where == {})


def test_what_was_seen_before_our_own_end_is_still_known(ground: QueueScene) -> None:
    ground.context.foreign_claims.note_worker(WorkerSeen(7, "there", NOW - 10, NOW - 10))
    OtherWorker(ground.context)
    assert ground.context.other_at_work
    assert not ground.context.breaker.lets_through(time.monotonic())


# What stands in the metrics, of how long ago; whether that is a sign, and for a while suspected.
PAST: dict[str, tuple[dict[str, Any], float, bool, bool]] = {
    "lives": ({"pid": os.getppid(), "host": HOST}, 5.0, True, True),
    "for long": ({"pid": os.getppid(), "host": HOST}, SILENT - 1, True, True),
    "long ago": ({"pid": os.getppid(), "host": HOST}, SILENT + 1, False, True),
    "ended": ({"pid": GONE, "host": HOST}, 5.0, False, False),
    "elsewhere": ({"pid": GONE, "host": "there"}, 5.0, False, True),
    "container": ({"pid": GONE, "host": HOST, "space": "another"}, 5.0, True, True),
    "ended there": ({"pid": None, "host": HOST, "space": "another"}, 5.0, False, True),
    "no process": ({}, 5.0, False, True),
}


@pytest.mark.parametrize(("values", "age", "seen", "suspected"), PAST.values(), ids=list(PAST))
def test_metrics_from_before_our_start(
    ground: QueueScene, values: dict[str, Any], age: float, *, seen: bool, suspected: bool
) -> None:
    """Fresh ones of a process that runs are a sign; others are suspected for three heartbeats."""
    write(ground, age=age, **values)
    OtherWorker(ground.context).look()
    assert (ground.context.foreign_claims.worker() is not None) is seen
    assert ground.context.other_may_write_until == (
        pytest.approx(NOW - age + SILENT) if suspected else 0.0
    )


@pytest.mark.parametrize("killed_early", [(), ("77b1",)])
def test_metrics_of_our_own_runs_are_no_sign(
    ground: QueueScene, killed_early: tuple[str, ...]
) -> None:
    first = OtherWorker(ground.context)
    first.look()
    write(ground, pid=os.getppid(), host=HOST, run=RUN)
    for ground.context.run in (*killed_early, "e1a0"):
        OtherWorker(ground.context).look()
    assert ground.context.foreign_claims.worker() is None
    assert not ground.context.other_at_work
    assert ground.context.other_may_write_until == 0.0


def test_metrics_written_between_our_runs_are_doubt(ground: QueueScene) -> None:
    OtherWorker(ground.context).look()
    write(ground, pid=GONE, host=HOST)
    other = OtherWorker(ground.context)
    other.look()
    assert ground.context.other_at_work
    other.release()
    assert ground.column("unknown", fresh("a")) == NOW
    ground.context.ledger.write("UPDATE items SET unknown = NULL")
    other.release()
    assert ground.column("unknown", fresh("a")) is None
    assert not ground.context.other_at_work


@pytest.mark.parametrize(("run", "is_ours"), [(RUN, True), ("77b1", False)])
def test_a_command_knows_the_metrics_of_our_last_run(
    ground: QueueScene, run: str, *, is_ours: bool
) -> None:
    OtherWorker(ground.context).look()
    write(ground, pid=7, host="there", run=run)
    assert is_none_beside(ground.context) is is_ours


@pytest.mark.row(45)
def test_the_menu_retries_dead_letters_only(tmp_path: Path) -> None:
    """Its "Try all again now" shows nothing of what is held; the command names it, and sends it."""
    settings = Settings(paths=PathSettings(claude_dir=str(tmp_path)))
    paths = settings.locations()
    with closing(Ledger(paths.ledger)) as ledger:
        context = WorkerContext(paths, settings, ledger, Events(), "http://here")
        context.foreign_claims.hold(context.inbox.add_fresh(fresh("m1"), NOW, ask=True), NOW)
        paths.queue.write_bytes(b'{"queue": [], "held": [' + fresh("m1").raw + b"]}")
    assert verbs.retry_all(settings, held=False).items == ()
    assert [item.id for item in verbs.retry_all(settings).items] == ["m1"]
    with closing(Ledger(paths.ledger)) as ledger:
        assert Counters(ledger).waiting().held == 0
