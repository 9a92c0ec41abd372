"""`migrate`: what only a former server has reaches the chosen one, once."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.kinds import SIMPLE, VPS, on
from tests.acceptance.test_kills import moment
from tests.support.forked import ForkedHome
from tests.support.home import Home, one_line
from tests.support.shapes import Item, Json, entries, entry, texts
from tests.support.standin import Standin
from tests.support.variants import variants

pytestmark = on(*variants([VPS, SIMPLE]))
LOCAL = {"MEM0TRAY_SERVER_URL": "local"}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with ForkedHome(tmp_path / "home") as scratch:
        scratch.env |= LOCAL
        yield scratch


def fill(home: Home, queue: list[Item]) -> None:
    home.write_queue(queue)
    home.drained()


def choose(home: Home, server: Standin) -> None:
    home.env["MEM0TRAY_SERVER_URL"] = server.url


def migrated(home: Home, *arguments: str, code: int = 0) -> Json:
    done = home.run("migrate", "--json", *arguments, timeout=300)
    assert done.returncode == code, done
    found = json.loads(done.stdout)
    names = ("queued", "waiting", "present", "deleted", "unread")
    assert found["found"] == sum(found[name] for name in names), found
    return found


def check_kills(home: Home, server: Standin, total: int, kills: int) -> None:
    """Bring `total` memories over from this computer, with kills of the command and of the worker.

    Each arrives once. `home` has no memories yet, and `server` is the one that they come to.
    """
    queue = entries(total)
    home.write_queue(queue)
    home.drained(timeout=300, env=LOCAL)
    choose(home, server)
    for number in range(kills):
        worker = home.start("run")
        command = home.start("migrate")
        goal = total * number // kills
        home.wait(lambda: not command.alive or server.total_stored() > goal, 60, f"{goal} there")  # noqa: B023
        time.sleep(moment(number) * 0.3)
        command.kill()
        if number % 2:
            worker.kill()
        else:
            worker.stop()
    assert migrated(home, "--from", "local")["found"] == total
    home.drained(timeout=300)
    assert server.missing(texts(queue)) == []
    assert server.surplus() == {}
    again = migrated(home, "--from", "local")
    assert (again["present"], again["queued"]) == (total, 0)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("total", "kills"),
    [(200, 4), *(pytest.param(each, 10, marks=pytest.mark.slow) for each in (600, 10_000))],
)
def test_kills_leave_each_memory_there_once(
    home: Home, server: Standin, total: int, kills: int
) -> None:
    check_kills(home, server, total, kills)


def test_all_comes_over_from_this_computers_server(home: Home, server: Standin) -> None:
    queue = entries(30)
    fill(home, queue)
    choose(home, server)
    assert "30 memories are on the embedded server" in home.ok("status")
    found = migrated(home)
    assert (found["found"], found["queued"]) == (30, 30)
    assert (found["from"], found["to"]) == ("local", server.url)
    waiting = {each["id"]: each for each in home.queue_items()}
    assert waiting == {each["id"]: each for each in queue}
    home.drained()
    assert sorted(server.stored) == sorted((e["project_id"], e["content"]) for e in queue)
    assert {key for text in texts(queue) for key in server.keys(text)} <= {None, *waiting}
    again = migrated(home, "--from", "local")
    assert (again["queued"], again["present"]) == (0, 30)
    assert "elsewhere" not in home.ok("status")
    assert json.loads(home.ok("migrate", "--json"))["found"] == 0


def test_all_comes_over_to_this_computers_server(home: Home, server: Standin) -> None:
    server.api_key = "former-key-0123"
    own = {"MEM0TRAY_SERVER_URL": server.url, "MEM0TRAY_SERVER_API_KEY": server.api_key}
    home.write_queue(entries(12))
    home.drained(env=own)
    home.env["MEM0TRAY_SERVER_API_KEY"] = "present-key-4567"
    refused = home.run("migrate")
    assert refused.returncode == 1
    assert "MEM0TRAY_MIGRATE_KEY" in one_line(refused.stderr)
    assert not any("present-key" in str(request.headers) for request in server.requests)
    home.env["MEM0TRAY_MIGRATE_KEY"] = server.api_key
    assert migrated(home)["queued"] == 12
    home.drained()
    shown = [home.json("recall", "-p", f"project-{n}")["memories"] for n in range(5)]
    assert sorted(each["memory"] for some in shown for each in some) == sorted(texts(entries(12)))


def test_what_others_saved_is_not_sent_back_to_its_server(home: Home, server: Standin) -> None:
    fill(home, [entry("mine")])
    choose(home, server)
    fill(home, [entry("theirs"), entry("also theirs", "b")])
    home.data.rename(home.root / "of_another")  # it knows nothing of them any more
    home.write_queue([])
    with Standin() as next_one:
        choose(home, next_one)
        home.run("run", "--until-idle")
        assert migrated(home, "--from", server.url, "--project", "alpha")["queued"] == 1
        choose(home, server)
        home.drained()
        assert server.surplus() == {}
        assert home.queue_items() == []
        choose(home, next_one)
        migrated(home, "--from", server.url, "--project", "alpha")
        home.drained()
        assert next_one.stored == [("alpha", "theirs")]
