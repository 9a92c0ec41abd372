"""`add`: an ordinary producer, quick and durable."""

import json
import subprocess
import time
import uuid

import pytest

from tests.support.home import COMMAND, Home, one_line
from tests.support.machine import tool
from tests.support.shapes import entries, entry, queue_document
from tests.support.standin import Standin


def test_add_queues_an_entry_as_a_producer_does(home: Home) -> None:
    document = queue_document(entries(100), shade="blue")
    home.dump(home.queue, document)
    before = time.time()
    identity = home.ok("add", "--project", "my project", "« été »").strip()
    after = home.read(home.queue)
    added = after["queue"][-1]
    assert added["id"] == identity
    assert uuid.UUID(identity)
    assert set(added) >= {"id", "project_id", "content", "timestamp", "retries"}
    assert (added["project_id"], added["content"]) == ("my project", "« été »")
    assert added["retries"] == 0
    assert before - 1 <= added["timestamp"] <= time.time() + 1
    assert after["queue"][:-1] == document["queue"]
    assert after["last_100"] == [*document["last_100"][1:], added]
    assert after["stats"]["total_queued"] == 101
    assert after["shade"] == "blue"


@pytest.mark.parametrize("arguments", [["-"], []], ids=["-", "no text"])
def test_add_reads_standard_input(home: Home, arguments: list[str]) -> None:
    home.ok("add", "--project", "alpha", *arguments, stdin="two\nlines – ü")
    (item,) = home.queue_items()
    assert item["content"].rstrip("\n") == "two\nlines – ü"


@pytest.mark.parametrize("text", ["-5 degrees", "--help me", "$(boom) `x` \\n", "\u202ertl 🙂"])
def test_add_takes_any_text(home: Home, text: str) -> None:
    home.ok("add", "--project", "alpha", "--", text)
    assert home.queue_items()[0]["content"] == text


def test_add_works_in_an_empty_home(bare_home: Home) -> None:
    bare_home.claude.rmdir()
    bare_home.ok("add", "--project", "alpha", "first")
    (item,) = bare_home.queue_items()
    assert item["content"] == "first"
    assert bare_home.queue.stat().st_mode & 0o777 == 0o600


def test_add_is_delivered_by_a_running_app(home: Home, server: Standin) -> None:
    home.worker()
    home.ok("add", "--project", "alpha", "hello")
    server.wait_for(lambda: server.count("hello") == 1, 1)


def test_add_with_an_empty_project_is_a_usage_error(home: Home) -> None:
    done = home.run("add", "--project", "", "text")
    assert done.returncode == 2
    assert "project" in done.stderr.lower()
    assert not home.queue.exists()


@pytest.mark.row(10)
def test_add_keeps_a_broken_queue_file_s_entries(home: Home, server: Standin) -> None:
    text = json.dumps(queue_document(entries(5), last_100=[]), indent=2)
    home.queue.write_text(text[: text.index("memory number 4")])
    home.ok("add", "--project", "alpha", "new")
    home.drain()
    assert server.missing(["new", *(f"memory number {n}" for n in range(4))]) == []


def test_add_is_synced_to_the_disk(home: Home) -> None:
    trace = home.root / "trace"
    command = [tool("strace"), "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", str(trace)]
    subprocess.run(
        [*command, *COMMAND, "add", "--project", "alpha", "safe"],
        env=home.env,
        cwd="/",
        check=True,
        capture_output=True,
        timeout=30,
    )
    assert "sync(" in trace.read_text()


@pytest.mark.row(20)
def test_many_adds_at_once_are_all_kept(home: Home, server: Standin) -> None:
    commands = [home.start("add", "--project", "alpha", f"at once {n}") for n in range(8)]
    assert [command.wait(30) for command in commands] == [0] * 8
    home.drained()
    assert server.missing([f"at once {n}" for n in range(8)]) == []
    assert home.stats()["total_queued"] == 8


@pytest.mark.row(7)
def test_add_that_cannot_write_says_so(humble_home: Home) -> None:
    humble_home.write_queue([entry("x")])
    humble_home.claude.chmod(0o500)
    done = humble_home.run("add", "--project", "alpha", "lost?")
    humble_home.claude.chmod(0o700)
    assert done.returncode == 1
    assert str(humble_home.claude) in one_line(done.stderr)
    assert done.stdout == ""
