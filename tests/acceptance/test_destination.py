"""Where memories go: a chosen server, the embedded one, or none until the user chooses."""

import asyncio
import json
from pathlib import Path

import pytest

from mem0tray.config.settings import SyncSettings
from tests.support.forked import ForkedHome
from tests.support.home import Home
from tests.support.http1 import Answer, Request
from tests.support.official import OfficialStandin, SimpleStore
from tests.support.shapes import Item, dead, entries, entry, texts
from tests.support.standin import UNNAMED, Standin
from tests.support.variants import variants

CHOOSE = "choose a server"
HERE = "this computer only"


def test_foreign_files_and_no_choice_send_nothing(bare_home: Home) -> None:
    bare_home.write_queue(entries(3))
    bare_home.ok("add", "--project", "alpha", "mine")
    assert bare_home.drain().returncode == 1
    assert CHOOSE in bare_home.ok("status").lower()
    assert CHOOSE in json.dumps(bare_home.json("status")).lower()
    state, reason = bare_home.state()
    assert state == "action needed"
    assert CHOOSE in f"{state} {reason}".lower()
    metrics = bare_home.read(bare_home.metrics)
    assert metrics["total_synced"] == 0
    assert "mine" in texts(bare_home.queue_items())


def test_a_choice_that_is_made_later_delivers(bare_home: Home, server: Standin) -> None:
    bare_home.write_queue(entries(3))
    bare_home.worker()
    bare_home.wait(lambda: bare_home.state()[0] == "action needed", what="asks")
    bare_home.ok("config", "set", "server.url", server.url)
    server.wait_for(lambda: server.total_stored() == 3)
    marker = "The server, or the way to it, has changed"
    bare_home.wait(lambda: bare_home.log_lines(marker), what="logged")
    (started,) = bare_home.log_lines("Worker started")
    assert "nothing is sent" in started
    (changed,) = bare_home.log_lines(marker)
    assert changed.endswith(f"memories go to: {server.netloc}")


def test_a_home_of_our_own_uses_the_embedded_server(bare_home: Home) -> None:
    bare_home.ok("add", "--project", "alpha", "first")
    bare_home.drained()
    metrics = bare_home.read(bare_home.metrics)
    assert metrics["total_synced"] == 1
    assert metrics["destination"] == HERE
    assert HERE in bare_home.ok("status")
    bare_home.ok("add", "--project", "alpha", "second")
    bare_home.drained()
    assert bare_home.read(bare_home.metrics)["total_synced"] == 2


@pytest.mark.row(46)
@pytest.mark.parametrize("asked", [True, False], ids=["can be asked", "cannot"])
@pytest.mark.parametrize("place", variants(["DLQ", "queue"]))
def test_a_former_server_is_not_sent_again_what_it_has(
    home: Home, server: Standin, place: str, *, asked: bool
) -> None:
    server.can_be_asked = asked
    path = home.dlq if place == "DLQ" else home.queue
    home.write_dlq([dead("letter")] if place == "DLQ" else [])
    home.write_queue([entry("letter")] if place == "queue" else [])
    copy = path.read_bytes()
    home.drained()
    assert server.sends("letter") == 1
    with Standin() as other:
        other.default = Answer(400)
        path.write_bytes(copy)
        home.drain(env={"MEM0TRAY_SERVER_URL": other.url})
        assert other.sends("letter") >= 1
    home.ok("retry", "--all")
    home.drained()
    assert server.sends("letter") == 1
    assert home.dlq_items() == home.queue_items() == []


CONCURRENCY = SyncSettings().concurrency


class ChangingStandin(Standin):
    """A server in whose place another one answers, once `later` is set."""

    later: Standin | None = None

    def give_way(self, later: Standin) -> bool:
        self.later = later
        return True

    async def _handle(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        if self.later is None:
            return await super()._handle(request, writer)
        return await self.later._handle(request, writer)


def has_it_already(item: Item) -> OfficialStandin:
    held = OfficialStandin(SimpleStore())
    messages = [{"role": "user", "content": item["content"]}]
    metadata = {"mem0tray_id": item["id"]}
    held.store.add(messages, infer=False, user_id=item["project_id"], metadata=metadata)
    return held


def test_a_foreign_service_in_the_place_of_a_known_server_is_sent_no_memory(
    home: Home, server: Standin
) -> None:
    home.write_queue(entries(2))
    home.drained()
    server.forget()
    server.health = UNNAMED
    server.can_be_asked = False
    home.write_queue([entry("not for strangers")])
    home.worker()
    home.wait(lambda: home.state()[0] == "action needed", what="not recognised")
    assert home.state()[1].startswith(f"no Mem0 server was recognised at {server.netloc} (")
    assert not any(request.body for request in server.requests)


@pytest.mark.row(36)
@pytest.mark.parametrize("probe_interval", ["0.2", "60"], ids=["probed", "not probed"])
def test_after_an_unknown_outcome_another_dialect_is_asked_before_anything_is_sent(
    tmp_path: Path, probe_interval: str
) -> None:
    item = entry("taken just before the change")
    with (
        has_it_already(item) as later,
        ChangingStandin() as server,
        ForkedHome(tmp_path / "home", server.url) as home,
    ):
        cut = Answer(reset=True, after=lambda: server.give_way(later))
        server.script(cut, content=item["content"])
        home.env["MEM0TRAY_SYNC_PROBE_INTERVAL"] = probe_interval
        home.write_queue([item])
        home.worker()
        home.wait(lambda: home.queue_items() == [], what="found")
        assert later.saves == []
        assert (home.stats()["total_synced"], home.dlq_items()) == (1, [])


def test_a_server_that_changes_twice_in_a_drain_loses_nothing(home: Home, server: Standin) -> None:
    """A memory that was under way when one went is asked about at the other, which cannot know."""
    later = OfficialStandin(SimpleStore())
    queue = entries(300)
    server.latency = later.latency = 0.01
    home.write_queue(queue)
    # Held back from there on, so that none is at the end of the drain before it is closed.
    server.default = Answer(after=lambda: server.total_stored() < 60)
    later.default = Answer(after=lambda: later.total_stored() < 60)
    worker = home.worker()
    server.wait_for(lambda: server.total_stored() >= 60)
    server.close()
    server.default = Answer()
    later._port = server._port
    with later:
        later.wait_for(lambda: later.total_stored() >= 60, 30)
        later.close()
        server.open()
        home.wait(lambda: home.queue_items() == [], 30, "delivered")
    worker.stop()
    assert set(server.missing(texts(queue))) & set(later.missing(texts(queue))) == set()
    assert (server.surplus(), later.surplus(), home.dlq_items()) == ({}, {}, [])
    assert home.stats()["total_synced"] == 300
    assert server.total_stored() + later.total_stored() <= 300 + 2 * CONCURRENCY
    for each in (server, later):
        probes = [request for request in each.requests if request.method == "GET"]
        assert not any(request.body for request in probes)
