"""What the real `mem0tray run` tells: each delivery, the sum, and the stop as the last."""

import contextlib
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.home import COMMAND, Home
from tests.support.http1 import Answer
from tests.support.processes import LONGEST, wait_until
from tests.support.shapes import dead, entries, entry, waiting
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
    home.wait(lambda: "Delivered: alpha" in worker.out, what="told")
    worker.signal(number)
    assert worker.wait() == 0
    assert [line.split()[:2] for line in told(worker.out)[-2:]] == [
        ["Delivered", "1"],
        ["Worker", "stopped."],
    ]


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
        assert worker.wait(LONGEST) == 0
    finally:
        worker.kill()
        worker.wait()
        os.close(reads)
        os.close(writes)
    assert home.queue_items() == []


def test_what_a_kill_left_under_way_is_waited_for(home: Home, server: Standin) -> None:
    home.write_queue([entry("cut off")])
    server.script(Answer(delay=60, stores=True), content="cut off")
    worker = home.worker()
    server.wait_for(lambda: server.sends("cut off") == 1)
    worker.kill()
    # Of which a start between the two on a busy machine takes seconds.
    soon = {"MEM0TRAY_SYNC_RETRY_INTERVAL": "9"}
    assert home.run("run", "--once", env=soon).returncode == 1
    done = home.drain(env=soon)
    assert done.returncode == 0, done.stderr
    assert "The last worker ended while it was sending: asked about in" in done.stdout
    assert home.queue_items() == []


def test_in_the_terminal_the_command_hears_of_an_alert(
    home: Home, server: Standin, tmp_path: Path
) -> None:
    mail = tmp_path / "mail"
    command = f"/bin/sh -c 'cat >> {mail}; echo . >> {mail}'"
    home.configure(f'[alerts]\ndlq_size = 1\nafter = 0\ncommand = "{command}"\n')
    home.write_dlq([waiting("one"), waiting("two")])
    server.health = Answer(503)
    worker = home.worker()
    # The first look may come before the file is taken in; the next one comes half a minute later.
    wait_until(lambda: mail.exists() and mail.read_text().endswith(".\n"), LONGEST, "the mail")
    assert "2 dead letters: more than 1 for 0 minutes." in mail.read_text()
    wait_until(lambda: "DLQ alert: 2 dead" in worker.out, what="a line")
    wait_until(lambda: home.log_lines("DLQ alert: 2 dead"), what="logged")
    assert worker.stop() == 0
    (told,) = [path for path in home.data_files() if path.name == "alerts.json"]
    assert home.read(told) == {"told": ["dlq_size"]}
