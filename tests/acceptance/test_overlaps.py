"""What happens at the same time: answers that come late, slow items, one file after another."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.acceptance.kinds import ON_LIBRARY_TOO
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.shapes import dead, emergency_lines, entries, entry, texts
from tests.support.standin import Standin

CALM = {"MEM0TRAY_SYNC_PROBE_INTERVAL": "60"}


@pytest.fixture
def other() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


@ON_LIBRARY_TOO
def test_an_answer_that_blames_the_server_is_probed_at_once(home: Home, server: Standin) -> None:
    home.write_queue([entry("bad", timestamp=1), *entries(3)])
    server.script(Answer(503), content="bad", forever=True)
    home.worker(env=CALM)
    server.wait_for(lambda: server.total_stored() == 3, 5)


@ON_LIBRARY_TOO
def test_a_suspect_that_is_under_way_is_not_sent_beside_itself(home: Home, server: Standin) -> None:
    home.write_queue([entry("slow")])
    server.script(Answer(503), Answer(delay=1.5), content="slow")
    home.worker()
    server.wait_for(lambda: server.sends("slow") == 2, 5)
    home.write_emergency([entry(f"other {n}") for n in range(3)])
    server.wait_for(lambda: server.total_stored() == 4, 5)
    home.wait(lambda: home.stats()["total_synced"] == 4, 5, "counted")
    assert (server.sends("slow"), server.count("slow")) == (2, 1)


@ON_LIBRARY_TOO
def test_a_canary_that_got_lost_is_asked_about(home: Home, server: Standin) -> None:
    server.script(Answer(401), Answer(reset=True, stores=True), content="canary")
    home.worker()
    home.ok("add", "--project", "alpha", "canary")
    server.wait_for(lambda: server.count("canary") == 1, 5)
    home.wait(lambda: home.queue_items() == [], 5, "published")
    assert (server.count("canary"), server.sends("canary")) == (1, 2)


@ON_LIBRARY_TOO
def test_two_hanging_entries_hold_up_nobody(home: Home, server: Standin) -> None:
    hanging = [entry(f"hanging {n}") for n in range(2)]
    home.write_queue([*entries(12), *hanging])  # a fast server, but for these
    for item in hanging:
        server.script(Answer(delay=60, stores=False), content=item["content"], forever=True)
    home.worker(env={"MEM0TRAY_SYNC_TIMEOUT": "1.5", "MEM0TRAY_SYNC_MAX_ATTEMPTS": "100"})
    server.wait_for(lambda: all(server.sends(text) >= 2 for text in texts(hanging)), 20)
    for number in range(6):
        home.ok("add", "--project", "alpha", f"prompt {number}")
        server.wait_for(partial(server.count, f"prompt {number}"), 2)


def test_an_answer_of_the_former_server_is_recorded_as_its_own(
    home: Home, server: Standin, other: Standin
) -> None:
    del home.env["MEM0TRAY_SERVER_URL"]
    home.configure(f'[server]\nurl = "{server.url}"\n')
    server.script(Answer(delay=2), content="late")
    home.write_queue([entry("late")])
    home.worker()
    server.wait_for(lambda: server.sends("late") == 1, 5)
    home.configure(f'[server]\nurl = "{other.url}"\n')
    other.wait_for(other.probes, 5)
    server.wait_for(lambda: server.saves[0].finished is not None, 5)
    home.wait(lambda: home.queue_items() == [], 5, "published")
    assert other.saves == []
    former = home.json("status")["only_on_former_server"]
    assert list(former.values()) == [1]
    assert server.netloc in next(iter(former))


def test_without_a_usable_server_nothing_delivered_waits_again(home: Home, server: Standin) -> None:
    home.write_queue([entry("done")])
    before = home.queue.read_bytes()
    home.drained()
    home.queue.write_bytes(before)  # as a kill before publishing leaves it
    server.honours_keys = False
    refused = {"MEM0TRAY_SERVER_URL": "http://192.0.2.1", "MEM0TRAY_SERVER_API_KEY": "sesame"}
    home.run("run", "--until-idle", env=refused)
    home.drained()
    assert (server.sends("done"), server.count("done")) == (1, 1)


def test_a_new_emergency_file_is_read_from_its_start(home: Home, server: Standin) -> None:
    first = [entry(f"first {n}") for n in range(3)]
    home.write_emergency(first)
    home.drained()
    inode = home.emergency.stat().st_ino
    home.emergency.unlink()
    second = [entry(f"second {n}") for n in range(20)]
    _write_as(home.emergency, inode, emergency_lines(second))
    home.drained()
    assert server.missing(texts(second)) == []
    assert server.surplus() == {}


def _write_as(path: Path, inode: int, text: str) -> None:
    """Make a file of that inode: the file system hands it out again sooner or later."""
    spare = []
    for number in range(20_000):
        candidate = path.with_name(f"spare-{number}")
        candidate.touch()
        if candidate.stat().st_ino == inode:
            candidate.write_text(text, encoding="utf-8")
            candidate.rename(path)
            break
        spare.append(candidate)
    else:  # this file system never does: the same again, by writing over the file
        path.write_text(text, encoding="utf-8")
    for candidate in spare:
        candidate.unlink()


def test_settings_that_are_gone_again_trouble_nobody(home: Home, server: Standin) -> None:
    home.worker()
    server.wait_for(server.probes, 5)
    home.configure("[sync]\ntimeout = 'x'\n")
    home.wait(lambda: home.state()[0] == "action needed", 5, "noticed")
    home.config.unlink()
    home.wait(lambda: home.state()[0] == "healthy", 5, "forgotten")


def test_a_publish_that_fails_leaves_nothing_behind(home: Home, server: Standin) -> None:
    server.health = Answer(503)
    home.write_queue([entry("bad", retries=0), entry("waits")])
    home.lock.mkdir()
    server.health = Answer(body={"status": "ok"})
    home.worker()
    server.wait_for(lambda: server.total_stored() == 2, 5)
    home.wait(lambda: home.state()[0] == "action needed", 10, "said")
    home.wait(lambda: not list(home.claude.glob("*.tmp")), 5, "no copies pile up")
    home.lock.rmdir()
    home.wait(lambda: home.queue_items() == [], 10, "published")


def test_a_kill_right_after_the_ledger_was_made_asks_all_the_same(
    home: Home, server: Standin
) -> None:
    queue = entries(20)
    home.write_queue(queue)
    before = home.queue.read_bytes()
    home.drained()
    for path in home.data_files("ledger*"):
        path.unlink()
    home.queue.write_bytes(before)
    killed = home.start("run", "--once", env={"MEM0TRAY_SERVER_URL": ""})
    home.wait(lambda: home.data_files("ledger.mark"), 5, "made")
    killed.kill()
    home.drained()
    assert server.surplus() == {}
    assert server.total_stored() == 20


def test_forgetting_without_a_worker_ends_no_doubt(home: Home, server: Standin) -> None:
    home.write_queue([entry("known")])
    before = home.queue.read_bytes()
    home.drained()
    (ledger,) = home.ledgers()
    ledger.write_bytes(b"no database at all" * 100)
    home.queue.write_bytes(before)
    home.write_dlq([dead("unwanted", id="unwanted-1")])
    home.ok("delete", "unwanted-1", "--yes", "--forget")
    home.drained()
    assert (server.sends("known"), server.count("known")) == (1, 1)
