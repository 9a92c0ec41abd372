"""A disk that fails once, or whenever it is asked to write for good."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.proofs.syscalls import strace
from tests.support.home import Home
from tests.support.shapes import dead, entries, texts
from tests.support.standin import Standin
from tests.support.variants import variants

pytestmark = pytest.mark.row(4)
ALWAYS, ONCE, LATER = "1+", "1", "3"
JOURNAL_MODE = """
import sys
from pathlib import Path
from mem0tray.ledger.database import Ledger
from tests.support.variants import variants
with Ledger(Path(sys.argv[1])).locked() as db:
    print(*db.execute("PRAGMA journal_mode").fetchone())
"""


@pytest.fixture(autouse=True, scope="module")
def _traced() -> None:
    """Skip, and say why, where nothing can be traced."""
    if reason := strace.missing():
        pytest.skip(reason)


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


@pytest.mark.parametrize("call", variants(["fdatasync", "fsync"]))
def test_a_worker_writes_anew_what_did_not_reach_the_disk(
    home: Home, server: Standin, tmp_path: Path, call: str
) -> None:
    home.drain()  # what follows is not about folders that are made
    queue = entries(3)
    home.write_queue(queue)
    home.write_dlq([dead("letter")])
    worker = home.start("run", wrapper=strace.failing(call, "EIO", LATER, tmp_path / "trace"))
    server.wait_for(lambda: server.total_stored() >= 4, 30)
    home.wait(lambda: home.queue_items() == [], 30, "queue published")
    home.wait_dlq([], 30)
    worker.stop()
    assert server.missing(["letter", *texts(queue)]) == []
    assert server.surplus() == {}
    assert home.stats()["total_synced"] == 4
    assert "nput/output error" in home.log_text() or "disk I/O error" in home.log_text()


@pytest.mark.parametrize("nth", ["2", "3"])
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
    """Run a program in this home to its end."""
    return subprocess.run(
        command, env=home.env, capture_output=True, text=True, check=False, timeout=30
    )
