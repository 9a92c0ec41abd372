"""`delete` and `edit` of what is being sent at that moment: what they say is so."""

import shlex
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.needs import SIGNALS
from tests.support.shapes import entries, entry, texts, waiting
from tests.support.standin import Standin

HEARD = ("Deleted: 1", "Changed with")  # what the log has when the worker has heard of it


@pytest.fixture(params=["fresh", "dead"])
def _sends(request: pytest.FixtureRequest, home: Home) -> None:
    """Have one memory that is due."""
    item = entry("old", id="aa-1") if request.param == "fresh" else waiting("old", id="aa-1")
    if request.param == "fresh":
        home.write_queue([item])
    else:
        home.write_dlq([item | {"last_attempt": 0}])


def begin(
    home: Home, server: Standin, answer: Answer, after: Callable[[], object] | None = None
) -> None:
    """Let the worker send it, which is answered so as soon as it has heard of a command."""

    def heard() -> bool:
        return any(home.log_lines(line) for line in HEARD)

    server.script(replace(answer, after=after or heard), content="old")
    home.worker()
    server.wait_for(lambda: server.sends("old") == 1, 10)


def edit(home: Home) -> str:
    """Change the text to `new`; what the command says."""
    program = "import pathlib, sys; pathlib.Path(sys.argv[-1]).write_bytes(b'new')"
    editor = shlex.join([sys.executable, "-c", program])
    return home.ok("edit", "aa-1", env={"VISUAL": editor})


@pytest.mark.usefixtures("_sends")
def test_what_is_delivered_at_that_moment_is_not_said_to_be_deleted(
    home: Home, server: Standin
) -> None:
    begin(home, server, Answer())
    done = home.run("delete", "aa-1", "--yes")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "mem0tray: aa-1 is not deleted: it was delivered meanwhile.\n"
    assert list(home.claude.glob("mem0_queue_dlq.backup-*")) == []
    assert server.count("old") == 1
    home.wait(lambda: home.log_lines("Deleted too late"), 5, "told")
    home.wait(lambda: not home.queue_items() and not home.dlq_items(), 5, "published")


@pytest.mark.usefixtures("_sends")
def test_what_is_being_sent_is_said_to_be(home: Home, server: Standin) -> None:
    answers = threading.Event()
    begin(home, server, Answer(), after=answers.is_set)
    done = home.run("delete", "aa-1", "--yes", "--json")
    answers.set()
    assert done.returncode == 1
    assert "aa-1 is being sent at this moment" in done.stderr
    assert '"deleted": []' in done.stdout
    home.wait(lambda: home.log_lines("Deleted too late"), 10, "told")
    assert "delivered" in home.ok("show", "aa-1")


@pytest.mark.usefixtures("_sends")
def test_what_the_server_did_not_take_is_deleted(home: Home, server: Standin) -> None:
    begin(home, server, Answer(422, stores=False))
    assert home.ok("delete", "aa-1", "--yes").startswith("Deleted 1 item.")
    home.ok("retry", "--all")
    assert (server.sends("old"), server.count("old")) == (1, 0)
    assert home.log_lines("too late") == []


@pytest.mark.usefixtures("_sends")
@pytest.mark.parametrize("in_time", [True, False])
def test_the_new_text_waits_for_the_answer_to_the_old_one(
    home: Home, server: Standin, *, in_time: bool
) -> None:
    answers = threading.Event()
    begin(home, server, Answer(), after=None if in_time else answers.is_set)
    said = edit(home)
    answers.set()
    if in_time:
        assert "The old text had been sent already: the server has it" in said
    else:
        assert "The old text is being sent at this moment." in said
    home.wait(lambda: server.sends("old"), 10)
    home.wait(lambda: home.log_lines("Edited too late"), 10, "told")
    home.run("retry", "--all")
    server.wait_for(partial(server.count, "new"), 10)
    old, new = server.saves
    assert old.finished is not None
    assert old.finished <= new.started
    assert server.keys("new") != server.keys("old")


@SIGNALS
def test_a_worker_that_was_frozen_sends_nothing_that_was_deleted_meanwhile(
    home: Home, server: Standin
) -> None:
    items = entries(5)
    home.write_queue(items)
    thawed = threading.Event()
    server.script(Answer(after=thawed.is_set), content=items[0]["content"])
    worker = home.worker(env={"MEM0TRAY_SYNC_CONCURRENCY": "1"})
    server.wait_for(lambda: server.saves, 10)
    worker.signal(signal.SIGSTOP)
    deleted = items[1:4]
    ids = [each["id"] for each in deleted]
    done = home.run("delete", *ids, "--yes")
    assert done.returncode == 0
    assert done.stdout.startswith("Deleted 3 items.")
    assert "The worker has not heard of it yet" in done.stderr
    worker.signal(signal.SIGCONT)
    thawed.set()
    server.wait_for(lambda: not server.missing(texts([items[0], items[4]])), 15)
    home.wait(lambda: not home.queue_items(), 5, "published")
    assert [text for text in texts(deleted) if server.sends(text)] == []
    assert home.log_lines("too late") == []
