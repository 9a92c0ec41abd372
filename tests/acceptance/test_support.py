"""The stand-in server, the producer and the scratch home hold what the tests build on."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support import user
from tests.support.forked import ANEW, CAN_FORK, Forked, ForkedHome
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.oracle import faults
from tests.support.shapes import dead, entry, waiting
from tests.support.standin import Standin


@pytest.fixture
def forking(home: Home) -> ForkedHome:
    if not CAN_FORK:
        pytest.skip("nothing is forked here")
    assert isinstance(home, ForkedHome)
    return home


@pytest.mark.parametrize(
    ("arguments", "stdin", "env"),
    [
        (("list", "--json"), "", {}),
        (("add", "--project", "alpha", "-"), " \n", {}),
        (("nonsense",), "", {}),
        (("config", "get", "server.url"), "", {"MEM0TRAY_SERVER_URL": "http://other.test"}),
        (("status",), "", {"HOME": "/nowhere/at/all"}),
    ],
)
def test_both_end_alike_and_say_the_same(
    forking: ForkedHome, arguments: tuple[str, ...], stdin: str, env: dict[str, str]
) -> None:
    forked = forking.run(*arguments, stdin=stdin, env=env)
    anew = Home.run(forking, *arguments, stdin=stdin, env=env)
    assert forked.args == ("mem0tray", *arguments)
    assert (forked.returncode, forked.stdout, forked.stderr) == (
        anew.returncode, anew.stdout, anew.stderr,
    )  # fmt: skip


def test_a_fork_gets_its_input_and_stands_in_its_folder(forking: ForkedHome) -> None:
    long = "long " * 30_000
    forking.ok("add", "-", stdin=long)
    (queued,) = forking.queue_items()
    assert (queued["content"].strip(), queued["project_id"]) == (long.strip(), forking.root.name)


def test_a_fork_is_a_session_of_its_own_and_can_be_killed(
    forking: ForkedHome, server: Standin
) -> None:
    worker = forking.worker()
    assert isinstance(worker, Forked)
    fields = Path(f"/proc/{worker.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    assert [int(field) for field in fields[2:4]] == [worker.pid, worker.pid]
    worker.kill()
    assert (worker.alive, worker.wait()) == (False, -9)
    assert forking.worker().stop() == 0
    assert server.probes() >= 2


@pytest.mark.parametrize("name", ["LANG", "PYTHONUTF8", "LD_BIND_NOW"])
def test_what_an_interpreter_asks_once_starts_one(forking: ForkedHome, name: str) -> None:
    assert not isinstance(forking.start("--version", env={name: "C"}), Forked)
    assert not isinstance(forking.start("--version", wrapper=ANEW), Forked)


def test_a_memory_in_each_of_its_places_is_no_fault(home: Home, server: Standin) -> None:
    server.script(Answer(500), content="refused", forever=True)
    home.write_queue([entry("good"), entry("refused")])
    home.write_dlq([waiting("letter"), waiting("deleted")])
    home.drain()
    user.remove(home, "deleted")
    home.drain()
    home.write_emergency([entry("late")])
    everything = ["good", "refused", "letter", "late", "deleted"]
    assert faults(home, server, everything, discarded=["deleted"]) == []


def lose(home: Home, server: Standin) -> None:
    del server
    home.write_dlq([])
    for path in home.ledgers():
        with closing(sqlite3.connect(path)) as ledger, ledger:
            ledger.execute("DELETE FROM items WHERE state = 'dead'")


def delete(home: Home, server: Standin) -> None:
    del server
    user.remove(home, "letter")
    home.drain()


def store(text: str) -> Callable[[Home, Standin], None]:
    return lambda _, server: server.stored.append(("alpha", text))


def tear(home: Home, server: Standin) -> None:
    del server
    home.queue.write_bytes(home.queue.read_bytes()[:-20])


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lose, "lost: 'letter'"),
        (delete, "gone from the files, though nobody discarded it: 'letter'"),
        (store("good"), "stored 2 times, not 1: 'good'"),
        (store("goo"), "on the server, though nobody queued it: 'goo'"),
        (tear, "mem0_queue.json cannot be read"),
    ],
)
def test_each_harm_is_named(
    home: Home, server: Standin, harm: Callable[[Home, Standin], None], said: str
) -> None:
    home.write_queue([entry("good")])
    home.write_dlq([waiting("letter")])
    home.drain()
    harm(home, server)
    assert faults(home, server, ["good", "letter"]) == [said]


def test_doubles_count_only_where_they_could_be_avoided(home: Home, server: Standin) -> None:
    server.stored += [("alpha", "twice")] * 2
    server.can_be_asked = False
    assert faults(home, server, ["twice"]) == []
    server.honours_keys = True
    assert faults(home, server, ["twice"]) == ["stored 2 times, not 1: 'twice'"]


def test_equal_texts_are_counted(home: Home, server: Standin) -> None:
    server.stored += [("alpha", "twice")] * 2 + [("alpha", "perhaps")]
    home.write_dlq([dead("also")])
    assert faults(home, server, ["twice", "twice", "also"], offered=["perhaps", "never"]) == []
