"""`status` never shows a count that it could not read as 0."""

import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from mem0tray.files.lock import InstanceLock
from tests.cli.scratch import Done, Scratch


def _status(home: Scratch) -> tuple[Done, Any]:
    done = home.run("status", "--json")
    assert done.code == 1
    assert done.line.startswith("mem0tray: Not everything could be read. ")
    return done, done.json()


def _unreadable(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.mkdir()  # as root no mode keeps a file from being read


def test_a_queue_file_that_cannot_be_read(home: Scratch) -> None:
    _unreadable(home.queue)
    done, document = _status(home)
    assert document["queue"] is None
    assert document["totals"] == {"queued": None, "synced": None, "failed": None}
    assert document["dlq"] == 0
    assert set(document["unknown"]) == {"queue", "totals"}
    assert document["state"] == "action needed"
    assert str(home.queue) in document["reason"]
    assert str(home.queue) in done.line
    text = home.run("status").out
    assert "queue          unknown" in text
    assert "totals         unknown" in text
    assert "0 delivered" not in text


@pytest.mark.parametrize("data", [b"", bytes(300), b"not JSON", b"[1, 2]"])
def test_a_queue_file_that_is_broken_is_unknown_until_it_holds_still(
    home: Scratch, data: bytes
) -> None:
    home.claude.mkdir()
    home.queue.write_bytes(data)
    _, document = _status(home)
    assert document["queue"] is document["totals"]["synced"] is None
    assert f"{home.queue} is broken, or just being written" in document["reason"]
    os.utime(home.queue, (1e9, 1e9))
    document = home.run("status", "--json").json()
    assert document["queue"] == document["totals"]["synced"] == 0
    assert document["quarantine"] == bool(data.strip(b"\0"))
    assert home.queue.read_bytes() == data


def test_a_quarantine_and_a_ledger_that_cannot_be_read(home: Scratch) -> None:
    home.paths.data_dir.mkdir(parents=True)
    home.paths.quarantine.write_text("no folder")
    home.paths.ledger.write_bytes(b"no ledger" * 100)
    _, document = _status(home)
    assert document["quarantine"] is document["last_delivery"] is None
    text = home.run("status").out
    assert "quarantine     unknown" in text
    assert "last delivery  unknown" in text


# The folder ------------------------------------------------------------------------------------


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
        failed = home.run(*command)
        assert failed.code == 1, command
        assert str(folder) in failed.line


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


@pytest.mark.parametrize("value", ["claude", "./claude", "../x", "  ", "~nobody-here/x"])
@pytest.mark.parametrize("where", ["file", "environment"])
def test_a_relative_folder_is_refused(home: Scratch, where: str, value: str) -> None:
    if where == "file":
        home.configure(f'[paths]\nclaude_dir = "{value}"\n')
    else:
        home.env(MEM0TRAY_PATHS_CLAUDE_DIR=value)
    for command in (["status"], ["run", "--once"], ["list"]):
        done = home.run(*command)
        assert done.code == 2
        name = "paths.claude_dir" if where == "file" else "MEM0TRAY_PATHS_CLAUDE_DIR"
        assert name in done.line
        assert repr(value.strip()).strip("'") in done.line
        assert "an absolute path" in done.line
    done = home.run("add", "--project", "p", "x")
    assert "an absolute path" in done.err
    assert done.err.endswith(f"The memory is queued all the same, in {home.claude}.\n")
    assert home.queue.exists()


# The disk ----------------------------------------------------------------------------------------


@pytest.mark.row(50)
@pytest.mark.parametrize("number", [errno.EROFS, errno.EIO, errno.EACCES])
def test_a_disk_that_takes_no_files_is_seen_at_once(
    home: Scratch, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
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

    monkeypatch.setattr(os, "open", refusing)
    text = home.ok("status")
    lock.release()
    assert "action needed" in text
    assert os.strerror(number) in text


# Looks -------------------------------------------------------------------------------------------
