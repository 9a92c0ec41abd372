"""The stand-in server, the producer and the scratch home hold what the tests build on."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support import machine, privileges, user
from tests.support.forked import ANEW, CAN_FORK, Forked, ForkedHome
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.oracle import faults
from tests.support.shapes import dead, entry, waiting
from tests.support.standin import Standin


def test_the_producer_without_lock_writes_an_emergency_line(bare_home: Home) -> None:
    holder = bare_home.lock_holder()
    producer = bare_home.producer("--give-up", "0.2", "--label", "late")
    assert producer.wait() == 0
    line = json.loads(bare_home.emergency.read_text())
    assert (line["content"], line["emergency"]) == ("late wrote 0", True)
    assert not bare_home.queue.exists()
    assert json.loads(producer.out)["emergencies"] == 1
    holder.kill()
    assert bare_home.producer("--label", "next").wait() == 0
    assert [item["content"] for item in bare_home.queue_items()] == ["next wrote 0"]


def test_the_wall_clock_of_a_process_can_jump(tmp_path: Path) -> None:
    clock = machine.WallClock(tmp_path)
    clock.jump(-86_400 * 365)
    code = "import time, datetime; print(time.time(), datetime.datetime.now().timestamp())"
    seen = subprocess.check_output([sys.executable, "-c", code], env={**os.environ, **clock.env})
    for value in seen.split():
        assert float(value) == pytest.approx(time.time() - 86_400 * 365, abs=10)


def test_writes_can_be_short(tmp_path: Path) -> None:
    code = (
        "import os, sys; print(os.write(os.open(sys.argv[1], os.O_CREAT | os.O_RDWR), b'x' * 99))"
    )
    env = {**os.environ, **machine.short_writes(tmp_path)}
    command = [sys.executable, "-c", code, str(tmp_path / "file")]
    assert subprocess.check_output(command, env=env).strip() == b"49"


def test_a_small_disk_gets_full(tmp_path: Path) -> None:
    with machine.small_disk(tmp_path / "disk", "256k"):
        filler = machine.fill(tmp_path / "disk")
        with pytest.raises(OSError, match="No space"):
            (tmp_path / "disk" / "more").write_bytes(b"x")
        filler.unlink()
        (tmp_path / "disk" / "more").write_bytes(b"x")


def test_permissions_stop_a_humble_process(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    command = [*privileges.wrapper(), "touch", str(tmp_path / "x")]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 1
    tmp_path.chmod(0o700)


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
    """Take the dead letter out of file and ledger."""
    del server
    home.write_dlq([])
    for path in home.ledgers():
        with closing(sqlite3.connect(path)) as ledger, ledger:
            ledger.execute("DELETE FROM items WHERE state = 'dead'")


def delete(home: Home, server: Standin) -> None:
    del server
    user.remove(home, "letter")
    home.drain()


def double(home: Home, server: Standin) -> None:
    """Store the delivered memory again."""
    del home
    server.stored.append(("alpha", "good"))


def invent(home: Home, server: Standin) -> None:
    """Store half of a text."""
    del home
    server.stored.append(("alpha", "goo"))


def tear(home: Home, server: Standin) -> None:
    """Leave half of the queue file."""
    del server
    home.queue.write_bytes(home.queue.read_bytes()[:-20])


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lose, "lost: 'letter'"),
        (delete, "gone from the files, though nobody discarded it: 'letter'"),
        (double, "stored 2 times, not 1: 'good'"),
        (invent, "on the server, though nobody queued it: 'goo'"),
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
