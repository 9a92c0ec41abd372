"""Kills and errors at some system calls of the scripted run; the command does all of them."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.proofs.syscalls import strace, sweep, trial
from tests.proofs.syscalls.strace import KILL, SHORT, Point, evenly
from tests.proofs.syscalls.trial import TWICE
from tests.support import oracle
from tests.support.home import Home
from tests.support.shapes import entries, texts, waiting
from tests.support.standin import Standin
from tests.support.variants import variants

COMMANDS: Final = ("delete", "delete there once")


@pytest.fixture(autouse=True, scope="module")
def _traced() -> None:
    if reason := strace.missing():
        pytest.skip(reason)


@pytest.fixture(scope="module")
def everything() -> list[Point]:
    return [point for act in ("worker", *COMMANDS) for point in trial.count(act, 1)]


@pytest.mark.parametrize(
    ("fault", "calls", "number"),
    [
        pytest.param(KILL, (), 2, marks=pytest.mark.row(1), id="kill"),
        pytest.param(TWICE, (), 1, marks=pytest.mark.row(2), id="kill, again in the recovery"),
        pytest.param("EIO", ("fsync", "fdatasync"), 1, marks=pytest.mark.row(4), id="EIO"),
        pytest.param("ENOSPC", ("write", "pwrite64"), 1, marks=pytest.mark.row(5, 6), id="ENOSPC"),
        pytest.param("EACCES", ("openat", "rename"), 1, marks=pytest.mark.row(7), id="EACCES"),
        pytest.param(SHORT, ("write", "pwrite64"), 1, marks=pytest.mark.row(8), id="short"),
    ],
)
def test_a_fault_at_a_system_call_loses_and_doubles_nothing(
    everything: list[Point], fault: str, calls: Sequence[str], number: int
) -> None:
    """Some trials of a fault at these calls, evenly spaced, and one of each command.

    No two runs of a worker's threads are alike, so a point of it may not come; a
    command's always does.
    """
    chosen = [point for point in everything if not calls or point.call in calls]
    trials = sweep.trials(chosen, fault)
    some = list(evenly([each for each in trials if each.point.act == "worker"], number))
    for act in COMMANDS if fault in (KILL, TWICE) else COMMANDS[:1]:
        some += evenly([each for each in trials if each.point.act == act], 1)
    results = list(sweep.run(some))
    assert any(result.reached for result in results), "no trial met its point"
    assert [f"{r.trial} at {r.met}: {wrong}" for r in results for wrong in r.faults] == []


ALWAYS, ONCE = "1+", "1"
JOURNAL_MODE = """
import sys
from pathlib import Path
from mem0tray.ledger.database import Ledger
with Ledger(Path(sys.argv[1])).locked() as db:
    print(*db.execute("PRAGMA journal_mode").fetchone())
"""


@pytest.mark.row(4)
def test_add_acknowledges_nothing_that_is_not_on_the_disk(
    home: Home, server: Standin, tmp_path: Path
) -> None:
    home.write_queue(entries(3))
    wrapper = strace.failing("fsync", "EIO", ALWAYS, tmp_path / "trace")
    add = home.start("add", "--project", "alpha", "not kept", wrapper=wrapper)
    assert add.wait() == 1
    assert add.out == ""
    assert "Input/output error" in add.err
    assert len(home.queue_items()) == 3
    home.drained()
    assert server.missing(texts(entries(3))) == []


@pytest.mark.row(4)
def test_add_whose_first_fsync_fails_keeps_the_memory_elsewhere(
    home: Home, server: Standin, tmp_path: Path
) -> None:
    home.write_queue(entries(3))
    wrapper = strace.failing("fsync", "EIO", ONCE, tmp_path / "trace")
    add = home.start("add", "--project", "alpha", "kept", wrapper=wrapper)
    assert add.wait() == 0
    assert add.out.strip() in home.emergency.read_text()
    home.drained()
    assert server.count("kept") == 1


@pytest.mark.parametrize("since", variants(["1+", "6+"]))
@pytest.mark.row(4)
def test_a_worker_whose_syncs_fail_loses_and_doubles_nothing(
    home: Home, server: Standin, tmp_path: Path, since: str
) -> None:
    home.write_queue(entries(3))
    home.write_dlq([waiting("later")])
    wrapper = strace.failing("fsync,fdatasync", "EIO", since, tmp_path / "trace")
    process = home.start("run", "--until-idle", wrapper=wrapper)
    process.wait(30)
    accepted = [*texts(entries(3)), "later"]
    assert oracle.faults(home, server, accepted) == []
    said = f"{home.log_text()} {process.err}"
    assert "Input/output error" in said or "disk I/O error" in said
    assert not list(home.claude.glob(".*.tmp"))
    home.drain()
    assert oracle.faults(home, server, accepted) == []
    assert home.queue_items() == []


@pytest.mark.parametrize("nth", ["2", "3"])
@pytest.mark.row(4)
def test_a_fault_at_the_switch_to_a_write_ahead_log_is_named(
    home: Home, tmp_path: Path, nth: str
) -> None:
    command = [sys.executable, "-c", JOURNAL_MODE, str(home.data / "ledger.sqlite3")]
    trace = tmp_path / "trace"
    failed = ran([*strace.failing("pwrite64", "EIO", nth, trace), *command], home)
    assert "(INJECTED)" in trace.read_text()
    assert "disk I/O error" in failed.stderr
    assert ran(command, home).stdout == "wal\n"


def ran(command: Sequence[str], home: Home) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=home.env, capture_output=True, text=True, check=False, timeout=30
    )
