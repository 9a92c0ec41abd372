"""The ledger is deleted, corrupt or an old copy: rebuilt, with no storm of resends."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mem0tray.system import computer
from tests.acceptance.kinds import ON_LIBRARY_TOO
from tests.support import oracle
from tests.support.forked import ForkedHome
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.shapes import dead, entries, texts, waiting
from tests.support.standin import Standin
from tests.support.variants import variants

pytestmark = pytest.mark.row(38)


def delete(home: Home) -> None:
    shutil.rmtree(home.data)


def overwrite(home: Home) -> None:
    for path in home.ledgers():
        path.write_bytes(b"this is no database\n" * 1000)


def scribble(home: Home) -> None:
    for path in home.ledgers():
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * max(4096, path.stat().st_size - 8192))


def change_behind(home: Home, index: str, change: str) -> None:
    """Change rows, and leave an index of one page as it was, as a disk that loses a write does."""
    (path,) = home.ledgers()
    find = "SELECT rootpage FROM sqlite_master WHERE name = ?"
    with closing(sqlite3.connect(path)) as db:  # closing takes in the write-ahead log
        page = db.execute(find, (index,)).fetchone()[0]
        size = db.execute("PRAGMA page_size").fetchone()[0]
    where = slice((page - 1) * size, page * size)
    before = path.read_bytes()[where]
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(change)
    data = bytearray(path.read_bytes())
    assert data[where] != before
    data[where] = before
    path.write_bytes(data)


DAMAGES = [delete, overwrite, scribble]


@pytest.mark.parametrize("damage", variants(DAMAGES), ids=lambda f: f.__name__)
@ON_LIBRARY_TOO
def test_a_lost_ledger_is_rebuilt_without_resends(
    home: Home, server: Standin, damage: Callable[[Home], None]
) -> None:
    queue, letters = entries(40), [dead("letter"), waiting("later", retry_count=8)]
    home.write_queue(queue)
    home.write_dlq(letters)
    old = home.queue.read_bytes()
    home.drain()
    assert home.ledgers(), "the ledger is a SQLite file in the data folder"
    damage(home)
    home.queue.write_bytes(old)
    home.drain()
    assert server.missing([*texts(queue), "letter"]) == []
    assert server.surplus() == {}
    assert len(server.saves) == 41
    home.wait_dlq(["later"])
    assert home.dead_letter("later")["retry_count"] == 8


def test_a_ledger_found_corrupt_in_use_is_rebuilt_at_the_next_start(
    home: Home, server: Standin
) -> None:
    home.write_queue(entries(3))
    home.write_dlq([waiting("later")])
    home.drain()
    change_behind(home, "items_dead", "UPDATE items SET due = due + 1e9 WHERE state = 'dead'")
    done = home.drain()
    assert done.returncode == 1
    assert "Restart mem0tray" in done.stderr
    home.drain()
    assert "it could not be used (found in use); kept as" in home.log_text()
    assert oracle.faults(home, server, ["later", *texts(entries(3))]) == []
    home.wait_dlq(["later"])


def test_a_lost_ledger_on_a_server_that_cannot_be_asked(home: Home, server: Standin) -> None:
    server.honours_keys, server.can_be_asked = True, False
    queue = entries(20)
    home.write_queue(queue)
    old = home.queue.read_bytes()
    home.drained()
    delete(home)
    home.queue.write_bytes(old)
    home.drain()
    assert server.total_stored() == 20


@ON_LIBRARY_TOO
def test_an_old_copy_of_the_ledger_resends_nothing(
    home: Home, server: Standin, tmp_path: Path
) -> None:
    server.health = Answer(503)
    queue = entries(30)
    home.write_queue(queue)
    home.drain()
    shutil.copytree(home.data, tmp_path / "old data")
    old = home.queue.read_bytes()
    server.health = Answer(body={"status": "ok"})
    home.drained()
    delete(home)
    shutil.copytree(tmp_path / "old data", home.data)
    home.queue.write_bytes(old)
    home.drain()
    assert server.missing(texts(queue)) == []
    assert server.surplus() == {}


def test_entries_that_the_server_has_at_the_very_first_start_are_not_sent(
    home: Home, server: Standin
) -> None:
    queue = entries(10)
    server.stored += [(item["project_id"], item["content"]) for item in queue[:5]]
    home.write_queue(queue)
    home.drained()
    assert sorted(server.order()) == sorted(texts(queue[5:]))
    assert home.queue_items() == []


@ON_LIBRARY_TOO
def test_a_ledger_deleted_under_a_running_worker_loses_nothing(home: Home, server: Standin) -> None:
    server.latency = 0.02
    queue = entries(150)
    home.write_queue(queue)
    worker = home.start("run")
    server.wait_for(lambda: server.total_stored() >= 30)
    delete(home)
    home.write_emergency(entries(5, "afterwards"))
    wanted = [*texts(queue), *texts(entries(5, "afterwards"))]
    home.wait(lambda: server.missing(wanted) == [] or not worker.alive, what="delivered")
    worker.kill()
    home.drain()
    assert server.missing(wanted) == []
    assert server.total_stored() - len(wanted) <= 2


def lose_the_last_commit(home: Home) -> None:
    """Take back the last, unsynced commit about the DLQ file: that it had been written."""
    (path,) = home.ledgers()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        last = db.execute("SELECT max(gen) FROM generations").fetchone()[0]
        db.execute("UPDATE generations SET published = 0 WHERE gen = ?", (last,))


@pytest.mark.row(3)
def test_a_deletion_outlasts_the_loss_of_the_last_commit(home: Home, server: Standin) -> None:
    server.default = Answer(500)
    home.write_queue([{**entries(1)[0], "retries": 4}])
    home.drain()
    lose_the_last_commit(home)
    home.ok("delete", "--yes", home.dlq_items()[0]["id"])
    home.drain()
    assert home.dlq_items() == []
    sent = len(server.saves)
    home.ok("restore")
    home.ok("retry", "--all")
    server.default = Answer()
    home.drained()
    assert len(server.saves) == sent + 1


def become(name: str) -> None:
    """Let this process be on another computer."""
    computer.identity = lambda: name


@pytest.mark.parametrize("kind", ["lists", "keeps keys"])
def test_a_home_that_was_copied_to_another_computer_sends_nothing_twice(
    tmp_path: Path, kind: str
) -> None:
    by_keys = kind == "keeps keys"
    with (
        Standin(honours_keys=by_keys, can_be_asked=not by_keys) as server,
        ForkedHome(tmp_path / "home", server.url) as home,
    ):
        home.write_queue(entries(3))
        home.drained()
        home.write_queue(entries(8)[3:])
        home.ok("list")  # the ledger knows what waits
        shutil.copytree(home.root, tmp_path / "copy", symlinks=True)
        home.drained()
        shutil.rmtree(home.root)
        shutil.copytree(tmp_path / "copy", home.root, symlinks=True)
        there = ("tests.acceptance.test_ledger_loss:become", {"name": "there"})
        process = home.start("run", "--until-idle", before=there)
        assert process.wait() == 0, process.out + process.err
        assert "comes from another computer: what waits (5)" in process.out
        assert (server.total_stored(), server.surplus()) == (8, {})
