"""The oracle of all proofs names each harm, and nothing else."""

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from tests.support import user
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.oracle import faults
from tests.support.shapes import dead, entry, waiting
from tests.support.standin import Standin


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
