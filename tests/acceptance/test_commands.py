"""The commands: what is deleted and added again, `retry --wait`, and secrets."""

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
from tests.support.shapes import entries, waiting
from tests.support.standin import Standin

LINE = json.dumps({"id": "x1", "project_id": "alpha", "content": "first text"})


@pytest.mark.parametrize("options", [(), ("--forget",)], ids=["deleted", "forgotten"])
def test_what_is_added_after_its_deletion_waits_again(
    home: Home, server: Standin, options: tuple[str, ...]
) -> None:
    home.ok("add", "--jsonl", stdin=LINE)
    home.ok("delete", "x1", "--yes", *options)
    assert home.json("list", "--queue") == []
    home.ok("add", "--jsonl", stdin=LINE)
    home.drained()
    assert [text for _, text in server.stored] == ["first text"]


def test_what_a_worker_that_hangs_has_not_taken_in_waits_and_is_listed(
    home: Home, server: Standin
) -> None:
    worker = home.worker()
    home.wait(lambda: home.state()[0] == "healthy", what="healthy")
    worker.signal(signal.SIGSTOP)
    home.ok("add", "--project", "alpha", "not taken in")
    seen = home.json("status")
    assert (seen["queue"], "mem0_queue.json is not taken in yet" in seen["reason"]) == (1, True)
    [listed] = home.json("list", "--queue")
    assert listed["content"] == "not taken in"
    assert "waiting: not taken in" in home.run("recall", "-p", "alpha").stdout
    assert "not taken in" in home.ok("show", listed["id"])
    home.wait(lambda: "1 waiting" in home.ok("status", "--line"), what="the line says so")
    worker.signal(signal.SIGCONT)
    server.wait_for(lambda: server.count("not taken in") == 1)
    assert home.json("status")["reason"] == ""


NAMES = ("aaaa0000-1", "bbbb0000-1", "cccc0000-1")


@pytest.fixture
def worker(home: Home) -> Process:
    projects = ("alpha", "alpha", "beta")
    home.write_dlq(
        [waiting(name[0], project, id=name) for name, project in zip(NAMES, projects, strict=True)]
    )
    return home.worker(dlq_size=len(NAMES))


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


def test_an_edit_behind_one_that_the_worker_has_not_heard_of_is_refused(
    home: Home, server: Standin
) -> None:
    home.env |= {"EDITOR": 'sh -c \'printf "$NEW" > "$0"\'', "NEW": "first"}
    home.ok("pause")
    worker = home.worker()
    name = home.ok("add", "--project", "alpha", "old").strip()
    home.wait(lambda: home.read(home.metrics)["queue_size"] == 1, what="taken in")
    worker.signal(signal.SIGSTOP)
    assert "Changed the text" in home.ok("edit", name)
    home.env["NEW"] = "second"
    for refused in (home.run("edit", name), home.run("delete", "--yes", name)):
        assert refused.returncode == 1
        assert "has not heard yet what a command before asked" in refused.stderr
    worker.signal(signal.SIGCONT)
    home.wait(lambda: [each["content"] for each in home.queue_items()] == ["first"])
    home.ok("resume")
    server.wait_for(lambda: server.count("first") == 1)
    assert server.total_stored() == 1


def test_a_command_that_the_worker_of_another_data_folder_would_not_hear_of_is_refused(
    home: Home, server: Standin
) -> None:
    home.ok("pause")
    home.worker(wrapper=ANEW)  # it is known by its command line
    name = home.ok("add", "--project", "alpha", "text").strip()
    home.wait(lambda: home.read(home.metrics)["queue_size"] == 1, what="taken in")
    elsewhere = {"XDG_DATA_HOME": str(home.root / "elsewhere")}
    done = home.run("delete", "--yes", name, env=elsewhere)
    assert (done.returncode, "it would not hear of this" in done.stderr) == (1, True)
    home.ok("delete", "--yes", name)
    home.ok("resume")
    assert server.total_stored() == 0
