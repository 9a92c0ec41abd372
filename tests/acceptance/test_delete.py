"""`delete` and `restore`: back up, then delete; what was deleted can be put back."""

import json
import re
import shlex
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from mem0tray.files.lock import FileLock
from tests.support import needs
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.needs import SIGNALS
from tests.support.shapes import Item, dead, entries, entry, texts, waiting
from tests.support.standin import Standin

DATED = re.compile(r"mem0_queue_dlq\.backup-[^\s/]+\.json")


@pytest.fixture
def letters(home: Home) -> list[Item]:
    items = [waiting(text, f"project-{text}", mine=text) for text in ("a", "b", "c")]
    home.write_dlq(items, comment="kept")
    return items


@pytest.fixture(params=[True, False], ids=["running", "stopped"])
def running(request: pytest.FixtureRequest, home: Home, letters: list[Item]) -> bool:
    if request.param:
        home.worker(dlq_size=len(letters))
    return bool(request.param)


def later(home: Home, *, running: bool) -> None:
    if not running:
        home.drain()


def test_delete_backs_up_and_prints_the_backup_s_name(
    home: Home, server: Standin, letters: list[Item], *, running: bool
) -> None:
    before = home.read(home.dlq)
    output = home.ok("delete", letters[1]["id"], "--yes")
    name, *_ = DATED.findall(output)
    backup = home.claude / name
    (kept,) = json.loads(backup.read_text())["items"]
    assert kept == letters[1] | {key: kept[key] for key in kept if key not in letters[1]}
    assert backup.stat().st_mode & 0o077 == 0
    assert texts(home.read(home.dlq_backup)["items"]) == texts(before["items"])
    home.wait_dlq(["a", "c"])
    later(home, running=running)
    home.wait_dlq(["a", "c"])
    assert home.read(home.dlq)["comment"] == "kept"
    assert server.sends("b") == 0


def test_restore_takes_back_the_last_delete_which_is_delivered_when_due(
    home: Home, server: Standin, letters: list[Item], *, running: bool
) -> None:
    home.ok("delete", letters[0]["id"], "--yes")
    home.ok("delete", letters[1]["id"][:13], letters[2]["id"], "--yes")
    home.wait_dlq([])
    later(home, running=running)
    home.ok("restore")
    home.wait_dlq(["b", "c"])
    later(home, running=running)
    home.wait_dlq(["b", "c"])
    found = home.dead_letter("b")
    assert {key: found[key] for key in letters[1]} == letters[1]
    home.ok("retry", letters[1]["id"])
    later(home, running=running)
    server.wait_for(lambda: server.count("b") == 1)
    assert server.order() == ["b"]


def test_forget_erases_the_text_under_a_running_worker(home: Home, letters: list[Item]) -> None:
    text = "zanzibar must be forgotten"
    home.write_dlq([*letters, waiting(text, id="cafe0000-0000-4000-8000-000000000000")])
    worker = home.worker(dlq_size=4)
    home.ok("delete", "cafe0000", "--yes", "--forget")
    home.wait_dlq(["a", "b", "c"])
    home.wait(lambda: home.files_with(text) == [], what="erased")
    assert worker.alive


HEARD = ("Deleted: 1", "Changed with")  # what the log has when the worker has heard of it


@pytest.fixture(params=["fresh", "dead"])
def _sends(request: pytest.FixtureRequest, home: Home) -> None:
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
    server.wait_for(lambda: server.sends("old") == 1)


def edit(home: Home) -> str:
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
    home.wait(lambda: home.log_lines("too late"), what="told")
    home.wait(lambda: not home.queue_items() and not home.dlq_items(), what="published")


@pytest.mark.usefixtures("_sends")
def test_what_is_being_sent_is_said_to_be(home: Home, server: Standin) -> None:
    answers = threading.Event()
    begin(home, server, Answer(), after=answers.is_set)
    done = home.run("delete", "aa-1", "--yes", "--json")
    answers.set()
    assert done.returncode == 1
    assert "aa-1 is being sent at this moment" in done.stderr
    assert '"deleted": []' in done.stdout
    home.wait(lambda: home.log_lines("too late"), what="told")
    assert "delivered" in home.ok("show", "aa-1")


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
    home.wait(lambda: server.sends("old"))
    home.wait(lambda: home.log_lines("too late"), what="told")
    home.run("retry", "--all")
    server.wait_for(partial(server.count, "new"))
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
    server.wait_for(lambda: server.saves)
    worker.signal(signal.SIGSTOP)
    deleted = items[1:4]
    ids = [each["id"] for each in deleted]
    done = home.run("delete", *ids, "--yes")
    assert done.returncode == 0
    assert done.stdout.startswith("Deleted 3 items.")
    assert "The worker has not heard of it yet" in done.stderr
    worker.signal(signal.SIGCONT)
    thawed.set()
    server.wait_for(lambda: not server.missing(texts([items[0], items[4]])))
    home.wait(lambda: not home.queue_items(), what="published")
    assert [text for text in texts(deleted) if server.sends(text)] == []
    assert home.log_lines("too late") == []


BY_COMMAND, BY_HAND = "Deleted: ", "DLQ edited: "


def told(home: Home, *marks: str) -> list[str]:
    lines = home.log_text().splitlines()
    return [line.split(" ", 2)[2] for line in lines if any(mark in line for mark in marks)]


def test_what_a_command_did_is_told_once_as_that(
    home: Home, server: Standin, letters: list[Item], *, running: bool
) -> None:
    first, second, third = (str(letter["id"]) for letter in letters)
    output = home.ok("delete", first, second, "--yes")
    later(home, running=running)
    home.wait(lambda: told(home, BY_COMMAND), what="told")
    (line,) = told(home, BY_COMMAND, BY_HAND)
    assert line.startswith("Deleted: 2 memories (`mem0tray restore mem0_queue_dlq.backup-")
    assert line.partition("restore ")[2].partition("`")[0] in output
    home.ok("restore")
    home.wait_dlq(["a", "b", "c"])
    server.default = Answer(500)
    home.ok("retry", first, third)
    later(home, running=running)
    home.wait(lambda: len(server.saves) == 2, what="retried")
    home.wait(lambda: told(home, "Retry asked for: "), what="told")
    assert told(home, BY_HAND, "Restored: ", "Retry asked for: ") == [
        "Restored: 2 memories",
        "Retry asked for: 2 memories",
    ]


def editor_in(folder: Path, work: str) -> Path:
    """Make an editor that does this `work` with the file "$1"."""
    program = folder / "editor"
    program.write_text(f"#!/bin/sh\n{work}\n")
    program.chmod(0o700)
    return program


@pytest.mark.parametrize("saved", [False, True])
@needs.SHELL
def test_what_was_saved_before_a_signal_is_kept_and_named_and_nothing_else(
    home: Home, tmp_path: Path, *, saved: bool
) -> None:
    home.write_dlq([dead("a private text", id="a")])
    mark = tmp_path / "open"
    work = 'printf new > "$1"' if saved else ":"
    program = editor_in(tmp_path, f'{work}\ntouch "{mark}"\nexec sleep 60')
    process = home.start("edit", "a", env={"VISUAL": str(program), "TMPDIR": str(tmp_path)})
    home.wait(mark.exists, what="the editor is open")
    (text,) = home.data_files("open-*/*.txt")
    assert text.stat().st_mode & 0o777 == 0o600
    process.signal(signal.SIGHUP)
    assert process.wait() == 128 + signal.SIGHUP
    assert text.exists() == saved
    assert [path for path in tmp_path.glob("*") if path.name.startswith("editor-")] == []
    if saved:
        assert text.read_text() == "new"
        said = f"mem0tray: Your text is in {text}; `mem0tray show a` shows the memory's."
        assert process.err.strip() == said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
@needs.SHELL
def test_a_text_that_an_editor_saved_is_in_its_place_or_kept(
    home: Home, tmp_path: Path, number: int
) -> None:
    home.write_queue([entry("old", id="a")])
    mark = tmp_path / "left"
    program = editor_in(tmp_path, f'printf new > "$1"\ntouch "{mark}"')
    with FileLock(home.lock).held(1):
        process = home.start("edit", "a", env={"VISUAL": str(program)})
        home.wait(mark.exists, what="the editor has ended")
        home.wait(lambda: home.data_files("edited-*.json"), what="the command wants the queue file")
        process.signal(number)
        process.wait()
    waiting = [each["content"] for each in json.loads(home.ok("list", "--queue", "--json"))]
    kept = [text.read_text() for text in home.data_files("open-*/*.txt")]
    assert waiting == ["new"] or (waiting, kept) == (["old"], ["new"])
