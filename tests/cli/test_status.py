"""`status`: without a worker, with one, and beside another one; `stats`."""

import errno
import json
import os
import shutil
import socket
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from mem0tray.files import orders, private_folders
from mem0tray.files.lock import InstanceLock
from tests.actions.scene import holding
from tests.cli.scratch import Done, Scratch
from tests.support.past import past
from tests.support.shapes import Item, dead, entry, queue_document


def _entry(name: str, timestamp: float = 1000.0) -> Item:
    return entry(name, "p", id=name, timestamp=timestamp)


@pytest.fixture
def worker(home: Scratch) -> Iterator[None]:
    with holding(home.paths):
        yield


def _metrics(home: Scratch, **fields: object) -> None:
    made = {"vps_status": "down", "queue_size": 7, "dlq_size": 8}
    home.write("mem0_metrics.json", made | fields)


def test_an_empty_home_is_shown_and_stays_empty(home: Scratch) -> None:
    document = home.run("status", "--json").json()
    assert set(document) >= {
        *("worker", "state", "reason", "paused", "paused_until", "server", "destination"),
        *("queue", "dlq", "quarantine", "oldest_waiting", "last_delivery", "totals"),
        *("only_on_former_server", "claude_dir", "unknown"),
    }
    assert document["worker"] == {"running": False, "pid": None, "since": None}
    assert document["state"] == "not running"
    assert document["destination"] == "this computer only"
    assert (document["queue"], document["dlq"], document["quarantine"]) == (0, 0, 0)
    assert document["oldest_waiting"] is document["last_delivery"] is None
    assert document["unknown"] == {}
    assert "not running: start it with `mem0tray run`" in home.ok("status")
    assert list(home.root.iterdir()) == []
    home.ok("pause")
    assert "paused until `mem0tray resume`" in home.ok("status")
    document = home.run("status", "--json").json()
    assert (document["paused"], document["paused_until"]) == (True, None)


def test_files_are_counted_when_no_worker_runs(home: Scratch) -> None:
    home.env(MEM0TRAY_SERVER_URL="http://mem0.example:8000")
    now = time.time()
    totals = {"total_queued": 9, "total_synced": 4, "total_failed": 1}
    stats = {**totals, "last_sync": "2025-11-30T04:38:18"}
    queue = [_entry("a", now - 200), _entry("b", now), 7, _entry("a", now)]
    home.write("mem0_queue.json", {"queue": queue, "stats": stats})
    lines = "".join(json.dumps({**_entry(x), "emergency": True}) + "\n" for x in "bc")
    (home.claude / "mem0_emergency.json").write_text(lines + '{"torn')
    home.write("mem0_queue_dlq.json", {"items": [_entry("d"), None]})
    private_folders.quarantine(home.paths.quarantine, home.queue, b"odd", now)
    document = home.run("status", "--json").json()
    assert (document["queue"], document["dlq"], document["quarantine"]) == (3, 2, 1)
    assert document["totals"] == {"queued": 9, "synced": 4, "failed": 1}
    assert document["oldest_waiting"] == now - 200  # what is from before 2001 is no time
    text = home.ok("status")
    assert " (3 min ago)" in text
    assert "4 delivered, 1 moved to the DLQ (since the queue file was begun)" in text
    assert "2025-11-30 04:38:18" in text
    assert "mem0.example:8000" in text


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(("free", "is_full"), [(10_000, True), (30_000, False)])
def test_a_disk_without_room_for_the_queue_file_is_full(
    home: Scratch, free: int, *, is_full: bool
) -> None:
    home.write("mem0_queue.json", {"queue": [_entry("a" * 10_000)]})
    _metrics(home, pid=os.getpid(), host=socket.gethostname(), state="healthy", reason="")
    home.patch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert ("No space left on device" in home.ok("status")) is is_full


@pytest.mark.usefixtures("worker")
def test_a_running_worker_is_believed(home: Scratch) -> None:
    who = {"pid": os.getpid(), "host": socket.gethostname()}
    down = {"state": "down", "reason": "the server\x1b[31m is asleep"}
    _metrics(home, **who, **down, destination="elsewhere:1")
    document = home.run("status", "--json").json()
    assert document["worker"]["pid"] == os.getpid()
    assert time.time() - document["worker"]["since"] < 60
    assert (document["queue"], document["dlq"]) == (7, 8)
    text = home.ok("status")
    assert "running since" in text
    assert "down – the server [31m is asleep" in text
    assert "elsewhere:1" in text
    _metrics(home, **who, state="paused", reason="paused by you")  # which says both
    (line,) = (each for each in home.ok("status").splitlines() if each.startswith("state"))
    assert line.split() == ["state", "paused", "by", "you"]


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"pid": 1, "host": "far.example"}, "another worker runs on far.example: stop it there"),
        ({"pid": 1, "host": socket.gethostname()}, "another worker runs as process 1: find it"),
        ({}, "another worker rewrites mem0_metrics.json"),
    ],
)
def test_another_worker_is_named(home: Scratch, fields: dict[str, object], name: str) -> None:
    home.env(MEM0TRAY_SERVER_URL="http://127.0.0.1:9")
    with past(home.paths) as was:
        key = was.taken_in_as(entry("a", id="aaaa-1"), 5)
    _metrics(home, **fields)
    soon = time.time() + 5
    os.utime(home.claude / "mem0_metrics.json", (soon, soon))
    text = home.ok("status")
    assert "action needed" in text
    assert name in text
    assert f"Nothing is sent now: {name}" in home.ok("list", "--queue")
    with past(home.paths) as was:
        was.taken(key, 6)
    assert "`mem0tray retry ID` sends" in home.ok("list", "--queue")
    (told,) = home.run("diagnose", "aaaa", "--json").json()
    what, _, remedy = name.partition(": ")
    causes = [told, *told["also"]]
    assert ("action needed", what) in {(each["cause"], each["detail"]) for each in causes}
    assert any(remedy.lower() in each["remedy"].lower() for each in causes)


def test_no_server_and_a_key_that_must_not_go_out_need_action(home: Scratch) -> None:
    home.write("mem0_queue.json", {"queue": []})
    text = home.ok("status")
    assert "action needed: choose a server" in text
    assert "mem0tray config set server.url local" in text
    assert home.run("status", "--json").json()["destination"] == ""
    home.env(MEM0TRAY_SERVER_URL="http://far.example", MEM0TRAY_SERVER_API_KEY="sesame-3c1f")
    text = home.ok("status")
    assert "action needed: The API key would go unencrypted" in text
    assert "sesame" not in text


def test_watch_shows_the_status_again_until_ctrl_c(home: Scratch) -> None:
    looks = iter([1.0])

    def look(_: float) -> None:
        private_folders.quarantine(home.paths.quarantine, home.queue, b"odd", 1.0)
        if next(looks, None) is None:
            raise KeyboardInterrupt

    home.patch.setattr(time, "sleep", look)
    done = home.run("status", "--watch")
    assert done.code == 130
    first, second, _ = done.out.split("Ctrl-C ends this.")
    assert "quarantine     0 files" in first
    assert "quarantine     1 file" in second


def test_the_line_counts_without_a_worker(home: Scratch) -> None:
    assert home.ok("status", "--line") == "mem0 ! not running\n"
    assert not home.claude.exists()
    home.write("mem0_queue.json", queue_document([_entry("a"), _entry("b")]))
    home.env(MEM0TRAY_SERVER_URL="http://127.0.0.1:9")
    assert home.ok("status", "--line") == "mem0 ! not running, 2 waiting\n"
    home.never_rests()
    home.queue.write_text("broken", "utf-8")
    done = home.run("status", "--line")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("mem0 ! ")
    assert done.out.endswith("? waiting\n")


@pytest.mark.usefixtures("worker")
def test_the_line_goes_by_what_the_worker_has_counted(home: Scratch) -> None:
    written = time.strftime("%Y-%m-%dT%H:%M:%S")
    told = {"pid": os.getpid(), "host": socket.gethostname(), "last_update": written}
    _metrics(home, **told, state="healthy", reason="")
    home.never_rests()
    home.queue.write_text("broken", "utf-8")
    assert home.ok("status", "--line") == "mem0 7 waiting, 8 dead letters\n"
    _metrics(home, **told, state="healthy", reason="", queue_size=0, dlq_size=0)
    assert home.ok("status", "--line") == "mem0 ✓\n"


def test_the_line_says_that_the_folder_is_missing_or_the_settings_wrong(home: Scratch) -> None:
    home.env(MEM0TRAY_PATHS_CLAUDE_DIR=str(home.root / "typo"))
    assert home.ok("status", "--line") == "mem0 ! no folder at paths.claude_dir\n"
    home.configure("[server]\nurl = 7\n")
    done = home.run("status", "--line")
    assert (done.code, done.out, done.err) == (0, "mem0 ! settings\n", "")


@pytest.mark.parametrize(
    "words", [("status",), ("status", "--json"), ("doctor",), ("status", "--line")]
)
@pytest.mark.usefixtures("worker")
def test_whoever_looks_has_the_worker_see_how_the_server_is_but_a_prompt_s_line(
    home: Scratch, words: tuple[str, ...]
) -> None:
    home.run(*words)
    asked = [order.verb for _, order in orders.readable(home.paths.orders)]
    assert asked == [orders.LOOK] * ("--line" not in words)


def test_counts_by_project_retries_and_age(home: Scratch) -> None:
    now = int(time.time())
    letters = [
        dead("a", "alpha", retry_count=0, timestamp=now - 60),
        dead("b", "alpha", retry_count=7, timestamp=now - 90_000),
        dead("c", "beta", retry_count=10**9, timestamp=now - 90_000),
        dead("d", None, retry_count="many", timestamp="never"),
    ]
    home.write("mem0_queue_dlq.json", {"items": [*letters, None, 5]})
    home.write("mem0_queue.json", queue_document([entry("q", "beta"), entry("r", "gamma")]))
    seen = home.run("stats", "--json").json()
    assert (seen["dead"], seen["waiting"], seen["nonsense"]) == (4, 2, 2)
    assert seen["projects"] == [
        {"project_id": "alpha", "dead": 2, "waiting": 0},
        {"project_id": "beta", "dead": 1, "waiting": 1},
        {"project_id": "", "dead": 1, "waiting": 0},
        {"project_id": "gamma", "dead": 0, "waiting": 1},
    ]
    assert seen["retries"] == {"0": 2, "7 and more": 2}
    assert seen["ages"] == {"under 1 h": 1, "1 to 7 days": 2, "unknown": 1}
    assert abs(seen["oldest"] - 90_000) < 60


def test_the_same_for_people_with_a_row_for_what_has_no_project(home: Scratch) -> None:
    assert home.ok("stats") == "0 dead letters, 0 entries wait.\n"
    home.write("mem0_queue_dlq.json", {"items": [dead("a", "alpha"), dead("b", "")]})
    text = home.ok("stats")
    for word in ("alpha", "(none)", "RETRIED", "AGE", "2 dead letters, 0 entries wait."):
        assert word in text


def _status(home: Scratch) -> tuple[Done, Any]:
    done = home.run("status", "--json")
    assert done.code == 1
    assert done.line.startswith("mem0tray: Not everything could be read. ")
    return done, done.json()


@pytest.mark.parametrize("data", [b"", bytes(300), b"not JSON", b"[1, 2]"])
def test_a_queue_file_that_is_broken_is_unknown_until_it_holds_still(
    home: Scratch, data: bytes
) -> None:
    home.never_rests()
    home.claude.mkdir()
    home.queue.write_bytes(data)
    _, document = _status(home)
    assert (document["state"], document["queue"], document["dlq"]) == ("action needed", None, 0)
    assert document["totals"] == {"queued": None, "synced": None, "failed": None}
    assert set(document["unknown"]) == {"queue", "totals"}
    assert f"{home.queue} is broken, or just being written" in document["reason"]
    text = home.run("status").out
    assert "queue          unknown" in text
    assert "totals         unknown" in text
    os.utime(home.queue, (1e9, 1e9))
    document = home.run("status", "--json").json()
    assert document["queue"] == document["totals"]["synced"] == 0
    assert document["quarantine"] == bool(data.strip(b"\0"))
    assert home.queue.read_bytes() == data


@pytest.mark.parametrize("kind", ["missing", "a file", "a link to nothing"])
def test_a_folder_that_is_named_must_be_there(home: Scratch, kind: str) -> None:
    folder = home.root / "claud"
    if kind == "a file":
        folder.write_text("mine")
    elif kind == "a link to nothing":
        folder.symlink_to("gone")
    home.env(MEM0TRAY_PATHS_CLAUDE_DIR=str(folder))
    done, document = _status(home)
    assert (document["queue"], document["dlq"], document["totals"]["synced"]) == (None, None, None)
    assert str(folder) in document["reason"]
    assert "correct the variable MEM0TRAY_PATHS_CLAUDE_DIR" in done.line
    by_id = (["show", "a"], ["edit", "a"], ["diagnose", "a"])
    for command in (["list"], ["list", "--queue"], ["stats"], ["retry", "--all"], *by_id):
        assert str(folder) in home.fails(*command)


def test_a_default_folder_that_had_files_is_missed(home: Scratch) -> None:
    assert home.run("status").code == 0
    assert home.run("list").code == 0
    home.claude.mkdir()
    home.write("mem0_queue.json", {"queue": []})
    home.paths.data_dir.mkdir(parents=True)
    home.paths.ledger.touch()
    home.queue.unlink()
    home.claude.rmdir()
    _, document = _status(home)
    assert f"The folder {home.claude} is gone" in document["reason"]


@pytest.mark.row(50)
@pytest.mark.parametrize("number", [errno.EROFS, errno.EIO, errno.EACCES])
def test_a_disk_that_takes_no_files_is_seen_at_once(home: Scratch, number: int) -> None:
    lock = InstanceLock(home.paths.instance_lock)
    lock.acquire()
    host = socket.gethostname()
    home.write("mem0_metrics.json", {"pid": os.getpid(), "host": host, "state": "healthy"})
    assert "healthy" in home.ok("status")
    made = os.open

    def refusing(path: Any, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT and str(path).startswith(str(home.claude)):
            raise OSError(number, os.strerror(number))
        return made(path, flags, mode)

    home.patch.setattr(os, "open", refusing)
    text = home.ok("status")
    lock.release()
    assert "action needed" in text
    assert os.strerror(number) in text
