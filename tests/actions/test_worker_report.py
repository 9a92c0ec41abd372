"""What a worker tells of itself, and what is made of files that others write."""

import os
from pathlib import Path

import pytest

from mem0tray.actions import worker_report
from mem0tray.actions.worker_report import NO_METRICS, Metrics, Running
from mem0tray.files.lock import InstanceLock
from mem0tray.system.paths import Paths


def test_the_worker_that_runs_is_known_by_its_lock(paths: Paths) -> None:
    assert worker_report.running(paths) is None
    lock = InstanceLock(paths.instance_lock)
    lock.acquire()
    found = worker_report.running(paths)
    lock.release()
    assert found is not None
    assert found.pid == os.getpid()
    assert worker_report.running(paths) is None


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
    ("worker", "ours"),
    [
        (Running(7, 1.0, "a"), True),
        (Running(7, 1.0, "b"), False),
        (Running(8, 1.0, "a"), True),
        (Running(7, 1.0), False),
        (Running(None, 1.0), False),
        (None, False),
    ],
    ids=["same run", "another run", "pid of elsewhere", "older version", "unknown", "none"],
)
def test_metrics_are_of_the_worker_whose_run_they_name(
    worker: Running | None, *, ours: bool
) -> None:
    assert Metrics({"pid": 7, "run": "a"}, 1.0).are_of(worker) is ours
    assert not Metrics({}, 1.0).are_of(worker)


def test_metrics_of_an_older_version_are_known_by_the_process() -> None:
    assert Metrics({"pid": 7}, 1.0).are_of(Running(7, 1.0))
    assert not Metrics({"pid": 8}, 1.0).are_of(Running(7, 1.0))


@pytest.mark.parametrize("value", [None, 5, "soon", "99999-01-01T00:00:00", []])
def test_a_time_that_is_none_is_no_time(value: object) -> None:
    assert worker_report.local_time(value) is None
