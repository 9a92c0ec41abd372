"""The overview of a snapshot: nothing is looked at that is not in it."""

from dataclasses import replace
from pathlib import Path

import pytest

from mem0tray.actions import overview
from mem0tray.actions.find import FileListing
from mem0tray.actions.read_files import SeenFile
from mem0tray.actions.snapshot import (
    ChosenServer,
    Contents,
    SeenLedger,
    SeenQuarantine,
    Snapshot,
)
from mem0tray.actions.waiting import WhatWaits
from mem0tray.actions.worker_report import Metrics, Running
from mem0tray.config.server_choice import CHOOSE
from mem0tray.core import reasons
from mem0tray.core.state import HEALTHY, WorkerState, WorkerStatus
from mem0tray.files import document
from mem0tray.system.paths import Paths

NOW = 1_764_500_000.0
RUNNING = Running(7, NOW - 600)
TOLD = WorkerStatus(WorkerState(HEALTHY), 3, 4, None, paused=False, held=1)


@pytest.fixture
def seen(tmp_path: Path) -> Snapshot:
    """A snapshot of a folder in which all is well, and nobody works."""
    paths = Paths(tmp_path / "claude", tmp_path / "data")
    ledger = SeenLedger(paths.ledger, None, False, (), None, None, None, {}, {}, None)  # noqa: FBT003  (in order)
    queue = SeenFile(paths.queue, document.parse(b"{}", ("queue", "held")))
    dlq = SeenFile(paths.dlq, document.parse(b"{}", ("items",)))
    contents = Contents(
        folder=reasons.NONE,
        disk=reasons.NONE,
        queue=queue,
        dlq=dlq,
        waits=WhatWaits(FileListing(), {}),
        emergency=reasons.NONE,
        quarantine=SeenQuarantine(0),
        ledger=ledger,
    )
    return Snapshot(NOW, paths, server=ChosenServer("s", "server.test"), contents=contents)


def test_without_a_worker(seen: Snapshot) -> None:
    """It does not run; before a server is chosen that is what is to be done first."""
    assert overview.of(seen).state == overview.NOT_RUNNING
    made = overview.of(replace(seen, server=ChosenServer(trouble=CHOOSE)))
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
    """Older ones are of somebody who has left: ours is only starting."""
    other = Metrics({"pid": 8, "host": "elsewhere"}, NOW)
    made = overview.of(replace(seen, worker=RUNNING, metrics=other))
    assert made.state == "action needed"
    assert "another worker on elsewhere" in str(made.reason)
    old = replace(other, written=RUNNING.since - 1)
    assert overview.of(replace(seen, worker=RUNNING, metrics=old)).state == "starting"


def test_a_disk_that_takes_nothing_is_told_before_what_the_worker_says(seen: Snapshot) -> None:
    """Its metrics may be from before."""
    inside = replace(seen.inside, disk=reasons.quoted("the disk fails"))
    fresh = Metrics({}, NOW)
    made = overview.of(replace(seen, worker=RUNNING, told=TOLD, metrics=fresh, contents=inside))
    assert (made.state, str(made.reason)) == ("action needed", "the disk fails")


def test_the_folder_that_is_missing_hides_what_it_would_hold(seen: Snapshot) -> None:
    """No count is 0, and its reason comes before every other."""
    gone = reasons.quoted("the folder is gone")
    inside = replace(seen.inside, folder=gone, disk=reasons.quoted("the disk fails"))
    made = overview.of(replace(seen, contents=inside))
    assert (made.queue, made.dlq, made.reason) == (None, None, gone)
    assert made.unknown == {"queue": gone, "dlq": gone, "totals": gone}
