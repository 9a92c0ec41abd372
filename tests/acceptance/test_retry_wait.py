"""`retry --wait`: how each went, as it happens, beside a real worker."""

import json
import signal

import pytest

from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.processes import Process
from tests.support.shapes import waiting
from tests.support.standin import Standin

NAMES = ("aaaa0000-1", "bbbb0000-1", "cccc0000-1")


@pytest.fixture
def worker(home: Home) -> Process:
    """Start a worker over three dead letters of two projects that wait for an hour."""
    projects = ("alpha", "alpha", "beta")
    home.write_dlq(
        [waiting(name[0], project, id=name) for name, project in zip(NAMES, projects, strict=True)]
    )
    process = home.worker()
    home.wait(lambda: home.read(home.metrics)["dlq_size"] == len(NAMES), 5, "taken in")
    return process


@pytest.mark.usefixtures("worker")
def test_each_is_told_and_a_failure_is_exit_1(home: Home, server: Standin) -> None:
    server.script(Answer(500, {"error": "odd"}), content="b", forever=True)
    done = home.run("retry", "--all", "--wait")
    assert done.returncode == 1
    assert "aaaa0000 (alpha): delivered." in done.stdout
    assert "cccc0000 (beta): delivered." in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if "bbbb0000 (alpha): failed: " in line]
    assert "500" in line
    assert "The next try is in " in line
    (error,) = done.stderr.splitlines()
    assert "1 of 3 memories were not delivered. `mem0tray diagnose bbbb0000`" in error


@pytest.mark.usefixtures("worker")
def test_all_delivered_is_exit_0_and_one_document(home: Home) -> None:
    done = home.run("retry", "-p", "alpha", "--wait", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert {(each["id"], each["outcome"]) for each in told["items"]} == {
        (name, "delivered") for name in NAMES[:2]
    }
    assert told["worker_running"]
    assert told["server"]["healthy"]
    again = home.json("retry", "cccc")
    assert [(each["id"], each["outcome"]) for each in again["items"]] == [(NAMES[2], None)]
    home.wait_dlq([])


@pytest.mark.usefixtures("worker")
def test_a_failure_is_one_document_too(home: Home, server: Standin) -> None:
    server.default = Answer(422, {"error": "odd"})
    done = home.run("retry", "aaaa", "--wait", "--json")
    assert done.returncode == 1
    (told,) = json.loads(done.stdout)["items"]
    assert (told["outcome"], "422" in told["reason"]) == ("failed", True)
    assert told["next_retry"] > 0
    assert len(done.stderr.splitlines()) == 1


def test_without_a_worker_it_is_said_at_once(home: Home, worker: Process) -> None:
    worker.stop()
    done = home.run("retry", "aaaa", "--wait")
    assert done.returncode == 1
    assert "`mem0tray run`" in done.stderr
    assert home.dead_letter("a")["last_attempt"] == 0
    home.drain()
    assert home.dlq_texts() == ["b", "c"]


@pytest.mark.usefixtures("worker")
def test_a_server_that_is_down_is_said_at_once(home: Home, server: Standin) -> None:
    server.health = Answer(503)
    home.wait(lambda: home.state()[0] == "down", 5, "down")
    done = home.run("retry", "aaaa", "--wait")
    assert done.returncode == 1
    assert "is down" in done.stderr
    assert server.saves == []


@pytest.mark.usefixtures("worker")
def test_a_server_that_refuses_ends_the_waiting(home: Home, server: Standin) -> None:
    server.default = Answer(401)
    done = home.run("retry", "aaaa", "--wait")
    assert done.returncode == 1
    assert "aaaa0000 (alpha): waiting: the server refuses deliveries: 401" in done.stdout


def test_a_worker_that_ends_meanwhile_ends_the_waiting(
    home: Home, server: Standin, worker: Process
) -> None:
    server.default = Answer(delay=60)
    command = home.start("retry", "aaaa", "--wait")
    server.wait_for(lambda: len(server.saves) == 1, 10)
    worker.kill()
    assert command.wait(10) == 1
    assert "the worker does not run" in command.out


@pytest.mark.usefixtures("worker")
def test_ctrl_c_leaves_it_requested(home: Home, server: Standin) -> None:
    server.default = Answer(delay=3)
    command = home.start("retry", "aaaa", "--wait")
    server.wait_for(lambda: len(server.saves) == 1, 10)
    command.signal(signal.SIGINT)
    assert command.wait(10) == 130
    assert "stay requested" in command.err
    home.wait_dlq(["b", "c"], 10)
