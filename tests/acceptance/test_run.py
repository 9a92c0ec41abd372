"""What the real `mem0tray run` tells: each delivery, the sum, and the stop as the last."""

import contextlib
import os
import re
import signal
import subprocess

import pytest

from mem0tray.localserver.serve import listen
from tests.support.home import COMMAND, Home
from tests.support.http1 import Answer
from tests.support.shapes import dead, entries, entry
from tests.support.standin import Standin

CLOCK = re.compile(r"^\d\d:\d\d:\d\d \S ")


def told(text: str) -> list[str]:
    """List the lines without time and sign; AssertionError for one that lacks them."""
    assert all(map(CLOCK.match, text.splitlines())), text
    return [CLOCK.sub("", line) for line in text.splitlines()]


@pytest.mark.parametrize("way", ["--once", "--until-idle"])
def test_a_finite_run_tells_each_delivery_then_the_sum_then_the_stop(
    home: Home, server: Standin, way: str
) -> None:
    home.write_queue(entries(3))
    home.write_dlq([dead("old")])
    done = home.run("run", way)
    assert done.returncode == 0, done
    lines = told(done.stdout)
    assert sum(line.startswith(("Delivered: ", "DLQ recovered: ")) for line in lines) == 4
    host = server.url.removeprefix("http://")
    assert lines[-2:] == [f"Delivered 4 memories to {host}.", "Worker stopped."]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_told_to_stop_ends_with_the_sum_and_the_stop(
    home: Home, server: Standin, number: int
) -> None:
    home.write_queue([entry("x")])
    worker = home.worker()
    server.wait_for(lambda: server.count("x") == 1)
    home.wait(lambda: "Delivered: alpha" in worker.out, 10, "told")
    worker.signal(number)
    assert worker.wait() == 0
    assert [line.split()[:2] for line in told(worker.out)[-2:]] == [
        ["Delivered", "1"],
        ["Worker", "stopped."],
    ]


def test_what_still_waits_is_said_between_the_sum_and_the_stop(home: Home) -> None:
    home.write_queue([entry("x", project=None), entry("y")])
    both = subprocess.run(
        [*COMMAND, "run", "--until-idle"],
        env=home.env,
        cwd=home.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert both.returncode == 1
    *_, total, waits, stop = both.stdout.splitlines()
    assert "Delivered 1 memory to" in total
    assert waits.startswith("mem0tray: 1 ")
    assert stop.endswith("Worker stopped.")


def test_many_deliveries_make_few_lines(home: Home, server: Standin) -> None:
    home.write_queue(entries(1_000))
    done = home.drained()
    assert len(server.saves) == 1_000
    lines = told(done.stdout)
    assert len(lines) < 100
    assert "Delivered 1,000 memories" in lines[-2]


def test_a_reader_that_stands_still_holds_up_neither_deliveries_nor_the_end(
    home: Home, server: Standin
) -> None:
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(writes, b"x" * 4096):
            pass
    os.set_blocking(writes, True)
    home.write_queue(entries(50))
    worker = subprocess.Popen(
        [*COMMAND, "run"],
        env=home.env,
        cwd=home.root,
        stdin=subprocess.DEVNULL,
        stdout=writes,
        stderr=subprocess.DEVNULL,
    )
    try:
        server.wait_for(lambda: len(server.saves) == 50)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0
    finally:
        worker.kill()
        worker.wait()
        os.close(reads)
        os.close(writes)
    assert home.queue_items() == []


def test_an_embedded_server_that_moved_says_where_it_is(bare_home: Home) -> None:
    bare_home.write_queue([])
    with listen(0) as taken:
        port = taken.getsockname()[1]
        env = {"MEM0TRAY_SERVER_URL": "local", "MEM0TRAY_SERVER_LOCAL_PORT": str(port)}
        done = bare_home.drained(env=env)
    said = f", not at {port} (server.local_port)"
    (line,) = [line for line in told(done.stdout) if line.endswith(said)]
    assert line.startswith("The embedded server listens at port ")
    assert len(bare_home.log_lines(said)) == 1


@pytest.mark.parametrize("between", [False, True])
def test_what_a_kill_left_under_way_is_waited_for(
    home: Home, server: Standin, *, between: bool
) -> None:
    home.write_queue([entry("cut off")])
    server.script(Answer(delay=60, stores=True), content="cut off")
    worker = home.worker()
    server.wait_for(lambda: server.sends("cut off") == 1, 10)
    worker.kill()
    soon = {"MEM0TRAY_SYNC_RETRY_INTERVAL": "4"}
    if between:
        assert home.run("run", "--once", env=soon).returncode == 1
    done = home.drain(env=soon)
    assert done.returncode == 0, done.stderr
    assert "The last worker ended while it was sending: asked about in" in done.stdout
    assert home.queue_items() == []
