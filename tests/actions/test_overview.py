"""The overview of a snapshot: nothing is looked at that is not in it."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from mem0tray.actions import overview
from mem0tray.actions.fresh_entries import FreshCount
from mem0tray.actions.read_files import SeenFile
from mem0tray.actions.server_names import ServerNames
from mem0tray.actions.snapshot import (
    Contents,
    SeenLedger,
    SeenPause,
    SeenQuarantine,
    Snapshot,
)
from mem0tray.actions.worker_report import Metrics, Running
from mem0tray.config.server_choice import CHOOSE
from mem0tray.core import another_worker, reasons
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.state import HEALTHY, WorkerState, WorkerStatus
from mem0tray.files import document
from mem0tray.files.document import Document
from mem0tray.system.paths import Paths

NOW = 1_764_500_000.0
RUNNING = Running(7, NOW - 600)
TOLD = WorkerStatus(WorkerState(HEALTHY), 3, 4, None, paused=False, held=1)


@pytest.fixture
def seen(tmp_path: Path) -> Snapshot:
    """A snapshot of a folder in which all is well, and nobody works."""
    paths = Paths(tmp_path / "claude", tmp_path / "data")
    ledger = SeenLedger(paths.ledger, None, False, None, None, None, {}, {}, {}, None)  # noqa: FBT003  (in order)
    queue = SeenFile(paths.queue, document.parse(b"{}", ("queue", "held")))
    dlq = SeenFile(paths.dlq, document.parse(b"{}", ("items",)))
    contents = Contents(
        folder=reasons.NONE,
        queue=queue,
        dlq=dlq,
        dlq_error=reasons.NONE,
        dead=0,
        fresh=FreshCount(),
        emergency=reasons.NONE,
        quarantine=SeenQuarantine(0),
        ledger=ledger,
    )
    return Snapshot(NOW, paths, server=ServerNames("s", "server.test"), contents=contents)


def test_without_a_worker(seen: Snapshot) -> None:
    """It does not run; before a server is chosen that is what is to be done first."""
    assert overview.of(seen).state == overview.NOT_RUNNING
    made = overview.of(replace(seen, server=ServerNames(trouble=CHOOSE)))
    assert (made.state, made.reason) == ("action needed", CHOOSE)


@pytest.mark.parametrize(
    ("age", "state"), [(0.0, "healthy"), (59.0, "healthy"), (61.0, "action needed")]
)
def test_a_worker_that_is_silent_hangs(seen: Snapshot, age: float, state: str) -> None:
    """It writes its metrics every thirty seconds; the clock is that of the snapshot."""
    made = overview.of(
        replace(seen, worker=RUNNING, told=TOLD, metrics=Metrics({"pid": 7}, NOW - age))
    )
    assert made.state == state
    assert (made.queue, made.dlq, made.held) == (3, 4, 1)


def test_metrics_of_another_worker_beside_ours(seen: Snapshot) -> None:
    """Who it is and how to stop it is the reason; without any ours is only starting."""
    named = another_worker.sentence(8, "elsewhere")
    made = overview.of(replace(seen, worker=RUNNING, another=named))
    assert (made.state, made.reason) == ("action needed", named)
    assert overview.of(replace(seen, worker=RUNNING)).state == "starting"


def test_a_disk_that_takes_nothing_is_told_before_what_the_worker_says(seen: Snapshot) -> None:
    """Its metrics may be from before."""
    fails = reasons.quoted("the disk fails")
    fresh = Metrics({}, NOW)
    made = overview.of(replace(seen, worker=RUNNING, told=TOLD, metrics=fresh, disk=fails))
    assert (made.state, str(made.reason)) == ("action needed", "the disk fails")


def test_a_worker_that_runs_knows_what_a_missing_folder_held(seen: Snapshot) -> None:
    """Its counts are those of the ledger."""
    inside = replace(seen.inside, folder=reasons.quoted("the folder is gone"))
    told = replace(seen, worker=RUNNING, told=TOLD, metrics=Metrics({}, NOW), contents=inside)
    made = overview.of(told)
    assert (made.queue, made.dlq, str(made.reason)) == (3, 4, "the folder is gone")


def broken(file: SeenFile | None, *sections: str, whole: int = 0) -> SeenFile:
    """Break a file in which so many items are whole."""
    assert file is not None
    parts = Document({name: [] for name in sections})
    parts.lists[sections[0]] = [b'{"id": "a", "content": "x"}'] * whole
    return replace(file, document=parts, broken=reasons.quoted("it ends too soon"))


@pytest.mark.parametrize("whole", [0, 2])
def test_a_broken_dlq_file_has_no_count_unless_something_in_it_is_whole(
    seen: Snapshot, whole: int
) -> None:
    """It is told in either case."""
    dlq = broken(seen.inside.dlq, "items", whole=whole)
    made = overview.of(replace(seen, contents=replace(seen.inside, dlq=dlq)))
    assert made.dlq == (whole or None)
    assert set(made.unknown) == (set() if whole else {"dlq"})
    assert made.reason == dlq.trouble


def test_a_broken_queue_file_is_told_though_it_is_counted(seen: Snapshot) -> None:
    """What is whole in it counts, and somebody must know all the same."""
    queue = broken(seen.inside.queue, "queue", "held", whole=1)
    queue.document.rest["stats"] = b"{}"
    made = overview.of(replace(seen, contents=replace(seen.inside, queue=queue)))
    assert "queue" not in made.unknown
    assert made.reason == queue.trouble


def test_of_broken_files_a_worker_tells_itself(seen: Snapshot) -> None:
    """It is mending them: the page reads them only to show what is in them."""
    dlq = broken(seen.inside.dlq, "items")
    told = replace(seen, worker=RUNNING, told=TOLD, metrics=Metrics({}, NOW))
    made = overview.of(replace(told, contents=replace(seen.inside, dlq=dlq)))
    assert (made.state, made.dlq) == ("healthy", 4)


@pytest.mark.parametrize("which", ["queue", "restless queue", "emergency", "dlq"])
def test_beside_a_worker_a_file_that_cannot_be_read_has_no_count_either(
    seen: Snapshot, which: str
) -> None:
    """The ledger does not know what stands in it."""
    inside, shut = seen.inside, FileUnavailableError("It is shut.")
    changes: dict[str, dict[str, Any]] = {
        "queue": {"queue": replace(inside.queue, error=shut)},
        "restless queue": {"queue": replace(inside.queue, restless=True)},
        "emergency": {"emergency": shut.reason},
        "dlq": {"dlq_error": shut.reason},
    }
    told = replace(seen, worker=RUNNING, told=TOLD, metrics=Metrics({}, NOW))
    made = overview.of(replace(told, contents=replace(inside, **changes[which])))
    assert (made.queue, made.dlq) == ((3, None) if which == "dlq" else (None, 4))
    assert ("dlq" if which == "dlq" else "queue") in made.unknown
    assert made.state == "action needed"


@pytest.mark.parametrize("failed", [None, 0])
def test_of_the_counters_all_are_known_or_none(seen: Snapshot, failed: int | None) -> None:
    """Those of the ledger, where the file shows none and a worker is there."""
    totals = {"queued": 1, "synced": 1, "failed": failed}
    inside = replace(
        seen.inside,
        queue=broken(seen.inside.queue, "queue", "held"),
        ledger=replace(seen.inside.ledger, totals=totals),
    )
    told = replace(seen, worker=RUNNING, told=TOLD, metrics=Metrics({}, NOW), contents=inside)
    unknown = dict.fromkeys(totals)
    made = overview.of(told)
    assert made.totals == (unknown if failed is None else totals)
    assert ("totals" in made.unknown) == (failed is None)
    shut = replace(inside.queue, error=FileUnavailableError("It is shut."))
    assert overview.of(replace(told, contents=replace(inside, queue=shut))).totals == unknown


def test_metrics_that_cannot_be_read_are_told(seen: Snapshot) -> None:
    """A folder in their place keeps the worker from writing them."""
    made = overview.of(replace(seen, metrics=Metrics({}, 0.0, reasons.quoted("a folder"))))
    assert (made.state, str(made.reason)) == ("action needed", "a folder")


def test_a_pause_that_cannot_be_read_stands_in_the_way(seen: Snapshot) -> None:
    """Deliveries stand still for it."""
    made = overview.of(replace(seen, pause=SeenPause(error=FileUnavailableError("a folder"))))
    assert (made.state, made.pause) == ("action needed", None)
    assert "a folder" in str(made.reason)


def test_the_folder_that_is_missing_hides_what_it_would_hold(seen: Snapshot) -> None:
    """No count is 0, and its reason comes before every other."""
    gone = reasons.quoted("the folder is gone")
    inside = replace(seen.inside, folder=gone)
    made = overview.of(replace(seen, contents=inside, disk=reasons.quoted("the disk fails")))
    assert (made.queue, made.dlq, made.reason) == (None, None, gone)
    assert made.unknown == {"queue": gone, "dlq": gone, "totals": gone}
