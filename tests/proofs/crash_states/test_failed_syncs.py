"""fsync itself fails: no false acknowledgement, and another file is tried."""

import pytest

from tests.support import oracle
from tests.support.home import Home
from tests.support.machine import tool
from tests.support.shapes import entries, texts, waiting
from tests.support.standin import Standin
from tests.support.variants import variants

pytestmark = pytest.mark.row(4)


def failing(*, since: int = 1, only: bool = False) -> tuple[str, ...]:
    """Give the wrapper under which fsync fails with EIO: from call number `since` on, or `only` it.

    The calls are counted in each thread.
    """
    when = str(since) if only else f"{since}+"
    calls = "fsync,fdatasync"
    inject = f"inject={calls}:error=EIO:when={when}"
    return (tool("strace"), "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", inject)


def test_add_acknowledges_nothing_that_did_not_reach_the_disk(home: Home, server: Standin) -> None:
    home.write_queue(entries(2))
    before = home.queue.read_bytes()
    process = home.start("add", "--project", "alpha", "added", wrapper=failing())
    assert process.wait() == 1
    assert process.out == ""
    assert "Input/output error" in process.err
    assert home.queue.read_bytes() == before
    home.drained()
    assert oracle.faults(home, server, texts(entries(2)), offered=["added"]) == []


def test_add_takes_another_file_when_one_cannot_be_synced(home: Home, server: Standin) -> None:
    home.write_queue(entries(2))
    before = home.queue.read_bytes()
    process = home.start("add", "--project", "alpha", "added", wrapper=failing(only=True))
    assert process.wait() == 0
    assert home.queue.read_bytes() == before
    assert "added" in home.emergency.read_text()
    home.drained()
    assert oracle.faults(home, server, ["added", *texts(entries(2))]) == []


@pytest.mark.parametrize("since", variants([1, 6]))
def test_a_worker_whose_syncs_fail_loses_and_doubles_nothing(
    home: Home, server: Standin, since: int
) -> None:
    home.write_queue(entries(3))
    home.write_dlq([waiting("later")])
    process = home.start("run", "--until-idle", wrapper=failing(since=since))
    process.wait(30)
    accepted = [*texts(entries(3)), "later"]
    assert oracle.faults(home, server, accepted) == []
    said = f"{home.log_text()} {process.err}"
    assert "Input/output error" in said or "disk I/O error" in said
    assert not list(home.claude.glob(".*.tmp"))
    home.drain()
    assert oracle.faults(home, server, accepted) == []
    assert home.queue_items() == []
