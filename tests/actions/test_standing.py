"""How things stand, read once: what is there, and what could not be read."""

import os
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from mem0tray.actions import standing, worker_report
from mem0tray.actions.one_writer import InStep
from mem0tray.actions.standing import SeenLedger, Snapshot
from mem0tray.actions.status_line import line
from mem0tray.actions.worker_report import NO_METRICS, Metrics, Running
from mem0tray.config.server_choice import CHOOSE, ServerNames
from mem0tray.config.settings import ServerSettings, Settings
from mem0tray.core import reasons, state
from mem0tray.core.reasons import Reason
from mem0tray.core.state import HEALTHY, WorkerState, WorkerStatus
from mem0tray.ledger.counters import Counts
from mem0tray.system.paths import Paths, config_file
from tests.actions.scene import holding, metrics_of, run_worker, write, write_dlq
from tests.support.shapes import dead

SERVER = "https://server.test"


def read(*, url: str = SERVER, now: float | None = None) -> Snapshot:
    settings = Settings(server=ServerSettings(url=url))
    return standing.read(settings, time.time() if now is None else now)


@pytest.fixture
def running(paths: Paths) -> Iterator[None]:
    with holding(paths):
        yield


def tell(path: Path, **values: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, {"pid": os.getpid(), "host": socket.gethostname(), **values})


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(
    ("reason", "paused"), [(Reason("paused by you"), True), (state.BREAK, False)]
)
def test_a_pause_is_the_user_s_and_a_break_the_server_s(
    paths: Paths, reason: Reason, *, paused: bool
) -> None:
    tell(paths.metrics, **metrics_of("paused", reason), last_delivery="2025-11-30T04:38:18")
    told = read().told
    assert told is not None
    assert (told.paused, told.state.reason) == (paused, reason)
    assert told.last_delivery == time.mktime((2025, 11, 30, 4, 38, 18, 0, 0, -1))


@pytest.mark.usefixtures("running")
def test_the_worker_notes_beside_the_metrics_while_it_cannot_write_them(paths: Paths) -> None:
    write(paths.metrics, {"pid": 1, "host": "elsewhere"})
    os.utime(paths.metrics, times=(1, 1))
    tell(paths.spare_metrics, state="action needed", queue_size=4)
    seen = read()
    assert seen.told is not None
    assert (seen.told.queue, seen.shared_metrics.values["pid"]) == (4, 1)
    write(paths.spare_metrics, {"pid": 1, "host": "elsewhere", "state": "healthy"})
    assert read().told is None


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("there", ["", None, 7, "former.test"])
def test_the_metrics_of_a_worker_that_does_not_know_its_server_yet_name_none(
    paths: Paths, there: object
) -> None:
    tell(paths.metrics, state="starting", destination=there)
    if there == "former.test":  # where memories went before the settings were changed
        file = config_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        os.utime(paths.metrics, (1000.0, 1000.0))
    assert read().server.shown == "server.test"


CANNOT: dict[str, Callable[[Snapshot], object]] = {
    "queue": lambda seen: seen.step.unread.get("queue"),
    "dlq": lambda seen: seen.step.unread.get("dlq"),
    "emergency": lambda seen: seen.step.unread.get("emergency"),
    "metrics": lambda seen: seen.metrics.trouble,
    "pause": lambda seen: seen.pause_error,
    "queue_lock": lambda seen: seen.disk,
}


@pytest.mark.parametrize("name", CANNOT)
def test_what_cannot_be_read_is_named(paths: Paths, name: str) -> None:
    path: Path = getattr(paths, name)
    path.mkdir(parents=True)
    seen = read()
    found = {each: why(seen) for each, why in CANNOT.items()}
    assert str(path) in str(found.pop(name))
    assert not any(found.values())


@pytest.mark.parametrize(
    ("made", "lost"),
    [(b"no ledger" * 100, True), (b"", False), ("", False), ("CREATE TABLE meta (name)", False)],
    ids=["odd", "empty", "new", "being made"],
)
def test_a_ledger_that_cannot_be_read_or_is_being_made(
    paths: Paths, made: bytes | str, *, lost: bool
) -> None:
    paths.data_dir.mkdir(parents=True)
    if isinstance(made, bytes):
        paths.ledger.write_bytes(made)
    else:
        with closing(sqlite3.connect(paths.ledger)) as db:
            db.execute("PRAGMA journal_mode = WAL").fetchall()
            db.execute(made)
    assert ("last_delivery" in standing.overview(read()).unknown) == lost


@pytest.mark.parametrize("ledger", [True, False])
def test_of_a_broken_dlq_file_what_is_whole_counts_and_what_the_ledger_has(
    paths: Paths, *, ledger: bool
) -> None:
    write_dlq(paths, [dead("a"), dead("b"), dead("c")])
    if ledger:
        run_worker(paths)
    paths.dlq.write_bytes(paths.dlq.read_bytes()[:-60])
    made = standing.overview(read())
    assert made.dlq is None
    assert str(paths.dlq) in str(made.unknown["dlq"])
    os.utime(paths.dlq, (1e9, 1e9))  # nobody is writing it any more
    made = standing.overview(read())
    assert (made.dlq, made.quarantine) == (3 if ledger else 2, 1)


NOW = 1_764_500_000.0
RUNNING = Running(7, NOW - 600)
TOLD = WorkerStatus(WorkerState(HEALTHY), 3, 4, None, paused=False, held=1)
GONE = reasons.quoted("the folder is gone")
FULL = reasons.quoted("the disk fails")
NAMED = state.another_worker(8, "elsewhere")


@pytest.fixture
def seen(tmp_path: Path) -> Snapshot:
    """A snapshot of a folder in which all is well, and nobody works."""
    paths = Paths(tmp_path / "claude", tmp_path / "data")
    totals = {"queued": 5, "synced": 1, "failed": 4}
    counts = Counts(3, 4, 7.0, 1)
    ledger = SeenLedger(usable=True, counts=counts, totals=totals)
    return Snapshot(NOW, paths, server=ServerNames("s", "server.test"), ledger=ledger)


@pytest.mark.parametrize(
    ("fields", "state", "reason"),
    [
        ({}, standing.NOT_RUNNING, reasons.NONE),
        ({"server": ServerNames(trouble=CHOOSE)}, "action needed", CHOOSE),
        ({"worker": RUNNING, "another": NAMED}, "action needed", NAMED),
        ({"worker": RUNNING}, "starting", reasons.NONE),
        ({"metrics": Metrics({}, 0.0, GONE)}, "action needed", GONE),
        ({"pause_error": GONE, "disk": FULL}, "action needed", GONE),
        (
            {"worker": RUNNING, "told": TOLD, "metrics": Metrics({}, NOW), "disk": FULL},
            "action needed",
            FULL,
        ),
        ({"step": InStep(behind=FULL)}, standing.NOT_RUNNING, FULL),
    ],
    ids=["alone", "no server", "beside", "starting", "metrics", "pause", "disk", "behind"],
)
def test_the_first_thing_in_the_way_is_the_reason(
    seen: Snapshot, fields: dict[str, Any], state: str, reason: Reason
) -> None:
    made = standing.overview(replace(seen, **fields))
    assert (made.state, made.reason) == (state, reason)
    assert (made.queue, made.dlq, made.held) == (3, 4, 1)


@pytest.mark.parametrize(
    ("age", "state"), [(0.0, "healthy"), (59.0, "healthy"), (61.0, "action needed")]
)
def test_a_worker_that_is_silent_hangs(seen: Snapshot, age: float, state: str) -> None:
    told = replace(seen, worker=RUNNING, told=TOLD, metrics=Metrics({"pid": 7}, NOW - age))
    assert standing.overview(told).state == state


@pytest.mark.parametrize("told", [TOLD, None])
@pytest.mark.parametrize(
    ("file", "unknown"),
    [("queue", {"queue", "totals"}), ("emergency", {"queue"}), ("dlq", {"dlq"})],
)
def test_a_file_that_cannot_be_read_has_no_count(
    seen: Snapshot, file: str, unknown: set[str], told: WorkerStatus | None
) -> None:
    """Beside a worker neither: the ledger does not know what stands in it."""
    at_work = RUNNING if told is not None else None
    shut = InStep({file: reasons.quoted("It is shut.")})
    look = replace(seen, worker=at_work, told=told, metrics=Metrics({}, NOW), step=shut)
    made = standing.overview(look)
    counts = {"queue": made.queue, "dlq": made.dlq, "totals": made.totals["synced"]}
    assert {name for name, count in counts.items() if count is None} == set(made.unknown) == unknown
    assert (made.state, str(made.reason)) == ("action needed", "It is shut.")


@pytest.mark.parametrize("fields", [{"folder": GONE, "disk": FULL}, {"step": InStep(behind=GONE)}])
def test_without_a_ledger_nothing_is_known_of_what_could_not_be_read(
    seen: Snapshot, fields: dict[str, Any]
) -> None:
    made = standing.overview(replace(seen, ledger=SeenLedger(), **fields))
    assert (made.queue, made.dlq, made.totals["synced"], made.reason) == (None, None, None, GONE)
    assert made.unknown == {"queue": GONE, "dlq": GONE, "totals": GONE}
    at_work = replace(seen, worker=RUNNING, told=TOLD, metrics=Metrics({}, NOW), **fields)
    assert (standing.overview(at_work).queue, standing.overview(at_work).dlq) == (3, 4)


NONE = reasons.NONE
REFUSED = state.refusal("401 Unauthorized", 401)
LATER = Reason("{refusal} The last try was answered with: {answer}.", refusal=REFUSED, answer="x")
LONG = reasons.advised(Reason("{path}: {why}.", path="/" + "x" * 80, why="full"), Reason("Do."))


@pytest.mark.parametrize(
    ("name", "reason", "queue", "dead", "told"),
    [
        ("healthy", NONE, 0, 0, "mem0 ✓"),
        ("healthy", NONE, 3, 0, "mem0 3 waiting"),
        ("healthy", NONE, 1234, 1, "mem0 1,234 waiting, 1 dead letter"),
        ("healthy", NONE, None, None, "mem0 ? waiting, ? dead letters"),
        ("starting", NONE, 0, 0, "mem0 starting"),
        ("paused", state.BREAK, 2, 0, "mem0 paused, 2 waiting"),
        ("down", Reason("connection refused"), 2, 0, "mem0 ! server down, 2 waiting"),
        ("not running", NONE, 0, 2, "mem0 ! not running, 2 dead letters"),
        ("action needed", REFUSED, 0, 0, "mem0 ! 401"),
        ("action needed", LATER, 3, 0, "mem0 ! 401, 3 waiting"),
        ("action needed", CHOOSE, 0, 0, "mem0 ! choose a server"),
        ("action needed", LONG, 0, 0, f"mem0 ! /{'x' * 38}…"),
    ],
)
def test_what_counts_stands_in_one_line(
    name: str, reason: Reason, queue: int | None, dead: int | None, told: str
) -> None:
    assert line(name, reason, queue, dead) == told


@pytest.mark.parametrize("data", [b"", b"no JSON", b"[1]", b'{"pid": 1'])
def test_metrics_that_make_no_sense_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    path = tmp_path / "metrics.json"
    assert worker_report.metrics(path) == NO_METRICS
    path.write_bytes(data)
    monkeypatch.setattr(worker_report, "_TORN_WAIT", 0.0)
    assert worker_report.metrics(path) == NO_METRICS


@pytest.mark.parametrize(
    ("told", "worker", "ours"),
    [
        ({"pid": 7, "run": "a"}, Running(7, 1.0, "a"), True),
        ({"pid": 7, "run": "a"}, Running(7, 1.0, "b"), False),
        ({"pid": 7, "run": "a"}, Running(8, 1.0, "a"), True),  # a pid of elsewhere
        ({"pid": 7, "run": "a"}, Running(7, 1.0), False),  # an older version holds the lock
        ({"pid": 7, "run": "a"}, Running(None, 1.0), False),
        ({"pid": 7, "run": "a"}, None, False),
        ({"pid": 7}, Running(7, 1.0), True),  # an older version has written them
        ({"pid": 8}, Running(7, 1.0), False),
    ],
)
def test_metrics_are_of_the_worker_whose_run_they_name(
    told: dict[str, object], worker: Running | None, *, ours: bool
) -> None:
    assert Metrics(told, 1.0).are_of(worker) is ours
    assert not Metrics({}, 1.0).are_of(worker)
