"""The commands: exit codes, --json, list, diagnose, stats, retry, pause, doctor."""

import json
import re
import signal
import threading
from pathlib import Path

import pytest

from tests.support.forked import ANEW
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.processes import Process
from tests.support.shapes import Item, entries, entry, waiting
from tests.support.standin import Standin


@pytest.fixture
def letters(home: Home) -> list[Item]:
    items = [
        waiting("first", "alpha", id="aaaa1111-0000-4000-8000-000000000001", retry_count=7),
        waiting("second", "alpha", id="aaaa2222-0000-4000-8000-000000000002", retry_count=9),
        waiting("third", "beta", id="bbbb3333-0000-4000-8000-000000000003", last_error="500: odd"),
    ]
    home.write_dlq(items)
    home.write_queue([entry("queued 1"), entry("queued 2", "gamma")])
    return items


JSON_COMMANDS = [["status"], ["list"], ["list", "--queue"], ["diagnose"], ["stats"], ["doctor"]]


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
@pytest.mark.usefixtures("letters")
def test_json_is_one_document_and_nothing_else(
    home: Home, server: Standin, *, running: bool
) -> None:
    server.health = Answer(503)
    if running:
        home.worker()
        home.wait(lambda: home.read(home.metrics)["dlq_size"] == 3, what="taken in")
    for command in JSON_COMMANDS:
        assert home.json(*command) is not None
    document = home.json("status")
    assert server.netloc in json.dumps(document)
    assert (document["queue"], document["dlq"]) == (2, 3)


def test_pause_survives_a_restart_until_resume(home: Home, server: Standin) -> None:
    worker = home.worker()
    home.ok("pause")
    home.wait(lambda: home.state()[0] == "paused", what="paused")
    home.ok("add", "--project", "alpha", "patient")
    worker.stop()
    home.worker()
    home.wait(lambda: home.state()[0] == "paused", what="still paused")
    assert "paused" in home.ok("status").lower()
    assert server.saves == []
    home.ok("resume")
    server.wait_for(lambda: server.count("patient") == 1)
    home.wait(lambda: home.state()[0] == "healthy", what="healthy")


@pytest.mark.row(7)
def test_nothing_is_sent_while_a_pause_cannot_be_read(home: Home, server: Standin) -> None:
    home.ok("pause")
    (pause,) = home.data_files("pause.json")
    pause.unlink()
    pause.symlink_to(pause)  # a link in a circle: not even root can read it
    home.write_queue(entries(1))
    home.worker(env={"MEM0TRAY_SYNC_PROBE_INTERVAL": "1"})
    server.wait_for(lambda: server.probes() > 1)
    assert server.saves == []
    home.wait(lambda: home.state()[0] == "action needed", what="told")
    assert "pause.json" in home.state()[1]
    home.ok("resume")
    server.wait_for(lambda: server.total_stored() == 1)


LINE = json.dumps({"id": "x1", "project_id": "alpha", "content": "first text"})


def listed(home: Home) -> list[str]:
    shown = [each["content"] for each in home.json("list", "--queue", "--json")]
    count = f"{len(shown)} waiting" if shown else "not running"
    assert count in home.ok("status", "--line")
    return shown


@pytest.mark.parametrize("how", ["add", "--forget", "by hand"])
def test_what_is_put_back_after_its_deletion_waits_again(
    home: Home, server: Standin, how: str
) -> None:
    home.ok("add", "--jsonl", stdin=LINE)
    before = home.queue.read_bytes()
    home.ok("delete", "x1", "--yes", *["--forget"] * (how == "--forget"))
    assert listed(home) == []
    if how == "by hand":
        home.queue.write_bytes(before)
    else:
        home.ok("add", "--jsonl", stdin=LINE)
    assert listed(home) == ["first text"]
    home.drained()
    assert [text for _, text in server.stored] == ["first text"]


NAMES = ("aaaa0000-1", "bbbb0000-1", "cccc0000-1")


@pytest.fixture
def worker(home: Home) -> Process:
    projects = ("alpha", "alpha", "beta")
    home.write_dlq(
        [waiting(name[0], project, id=name) for name, project in zip(NAMES, projects, strict=True)]
    )
    process = home.worker()
    home.wait(lambda: home.read(home.metrics)["dlq_size"] == len(NAMES), what="taken in")
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
    assert "1 of 3 memories not delivered. `mem0tray diagnose bbbb0000`" in error


@pytest.mark.usefixtures("worker")
def test_all_delivered_is_exit_0_and_one_document(home: Home) -> None:
    done = home.run("retry", "-p", "alpha", "--wait", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert {(each["id"], each["outcome"]) for each in told["items"]} == {
        (name, "delivered") for name in NAMES[:2]
    }
    assert told["causes"] == []
    again = home.json("retry", "cccc")
    assert [(each["id"], each["outcome"]) for each in again["items"]] == [(NAMES[2], None)]
    home.wait_dlq([])


def test_without_a_worker_it_is_said_at_once(home: Home, worker: Process) -> None:
    worker.stop()
    done = home.run("retry", "aaaa", "--wait")
    assert done.returncode == 1
    assert "`mem0tray run`" in done.stderr
    assert f"{done.stdout}{done.stderr}".count("nothing is sent") == 1
    assert home.dead_letter("a")["last_attempt"] == 0
    home.drain()
    assert home.dlq_texts() == ["b", "c"]


def test_a_worker_that_ends_meanwhile_ends_the_waiting(
    home: Home, server: Standin, worker: Process
) -> None:
    server.default = Answer(delay=60)
    command = home.start("retry", "aaaa", "--wait")
    server.wait_for(lambda: len(server.saves) == 1)
    worker.kill()
    assert command.wait() == 1
    assert re.search("worker (does not run|not running)", command.out + command.err, re.IGNORECASE)


@pytest.mark.usefixtures("worker")
def test_ctrl_c_leaves_it_requested(home: Home, server: Standin) -> None:
    ended = threading.Event()
    server.default = Answer(after=ended.is_set)
    command = home.start("retry", "aaaa", "--wait")
    server.wait_for(lambda: len(server.saves) == 1)
    home.wait(lambda: "is healthy" in command.out, what="it waits")
    command.signal(signal.SIGINT)
    assert command.wait() == 130
    assert "stay requested" in command.err
    ended.set()
    home.wait_dlq(["b", "c"])


SECRET = "sesame-3c1f"  # noqa: S105 - a word to look for


@pytest.mark.row(44)
def test_a_symlinked_file_is_followed_and_stays_a_link(home: Home) -> None:
    target = home.root / "dotfiles.toml"
    target.write_text("[sync]\ntimeout = 30\n")
    home.config.parent.mkdir(parents=True)
    home.config.symlink_to(target)
    assert float(home.ok("config", "get", "sync.timeout")) == 30
    home.ok("config", "set", "sync.timeout", "45")
    assert home.config.is_symlink()
    assert "45" in target.read_text()


@pytest.mark.row(44)
def test_a_secret_is_shown_nowhere(home: Home, server: Standin) -> None:
    server.api_key = "another"
    home.configure(f'[server]\napi_key = "{SECRET}"\n')
    home.write_queue(entries(2))
    worker = home.worker(wrapper=ANEW)
    home.wait(lambda: home.state()[0] == "action needed", what="refused")
    commands = [["status"], ["doctor"], ["config", "show"], ["diagnose"], ["list", "--queue"]]
    outputs = [home.run(*command) for command in commands]
    assert not any(SECRET in done.stdout + done.stderr for done in outputs)
    assert SECRET not in Path(f"/proc/{worker.pid}/cmdline").read_text()
    worker.stop()
    assert SECRET not in worker.out + worker.err
    assert home.files_with(SECRET) == [home.config]


@pytest.mark.row(44)
@pytest.mark.parametrize(
    "text", [f'[server]\napi_key = "{SECRET}\n', f'[server]\napi_key = ["{SECRET}"]\n']
)
def test_a_secret_is_not_in_an_error(home: Home, text: str) -> None:
    home.configure(text)
    done = home.run("status")
    assert done.returncode == 2
    assert SECRET not in done.stdout + done.stderr
