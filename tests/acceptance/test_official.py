"""What is an official server's own: its model, its names, its words, its memories under kills."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import kinds, test_migrate
from tests.acceptance.test_kills import check_kills
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.official import OfficialStandin, SimpleStore, Store
from tests.support.shapes import entries, entry

Fail = Callable[[str], None]


@pytest.fixture(params=kinds.OFFICIAL)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with kinds.opened(request.param, request, tmp_path) as made:
        yield made


@pytest.fixture
def server(store: Store) -> Iterator[OfficialStandin]:
    with kinds.official(store) as standin:
        yield standin


@pytest.fixture
def fail(store: Store) -> Iterator[Fail]:
    """Let the server's model fail with an exception of this name, or with none, from now on."""
    target: Any = store
    if not isinstance(store, SimpleStore):
        from tests.support.official_library import WordEmbedder

        target = WordEmbedder
    yield lambda name: setattr(target, "fails", type(name, (Exception,), {})() if name else None)
    target.fails = None


@pytest.mark.row(56)
@pytest.mark.parametrize("name", ["RateLimitError", "APITimeoutError", "OperationalError"])
def test_a_model_or_database_that_is_away_counts_nothing(
    home: Home, server: OfficialStandin, fail: Fail, name: str
) -> None:
    fail(name)
    home.write_queue(entries(3))
    home.worker()
    server.wait_for(lambda: len(server.requests) > 8)
    assert [item["retries"] for item in home.queue_items()] == [0, 0, 0]
    fail("")
    server.wait_for(lambda: server.total_stored() == 3)
    home.wait(lambda: home.queue_items() == [], what="delivered")
    assert home.stats()["total_synced"] == 3


@pytest.mark.row(56)
def test_a_key_that_the_model_refuses_needs_the_user(
    home: Home, server: OfficialStandin, fail: Fail
) -> None:
    fail("AuthenticationError")
    home.write_queue(entries(3))
    home.worker()
    home.wait(lambda: home.state()[0] == "action needed", what="told")
    assert "the key of the model's provider in the server's own configuration" in home.state()[1]
    assert [item["retries"] for item in home.queue_items()] == [0, 0, 0]
    fail("")
    server.wait_for(lambda: server.total_stored() == 3)
    home.wait(lambda: home.state()[0] == "healthy", what="over")


@pytest.mark.row(56)
def test_a_text_that_the_model_refuses_is_the_item_s_failure(
    home: Home, server: OfficialStandin, fail: Fail
) -> None:
    fail("BadRequestError")
    home.write_queue([entry("odd")])
    home.worker()
    home.wait(lambda: home.dlq_texts() == ["odd"], what="dead")
    assert server.sends("odd") == 5


@pytest.mark.row(56)
def test_a_nul_is_diagnosed_and_mended_with_edit(home: Home, server: OfficialStandin) -> None:
    home.write_queue([entry("an\0oak"), *entries(2)])
    home.drain()
    home.wait(lambda: home.dlq_texts() == ["an\0oak"], what="dead")
    (letter,) = home.dlq_items()
    (told, *_) = home.json("diagnose", letter["id"])
    assert told["cause"] == "invalid content"
    assert "NUL" in told["detail"]
    assert f"mem0tray edit {letter['id'][:8]}" in told["remedy"]
    advice = home.json("show", letter["id"])["remedy"]
    assert advice.startswith(f"Change it with `mem0tray edit {letter['id'][:8]}`")
    assert f"\nto do       {advice}\n" in home.ok("show", letter["id"])
    home.ok("edit", letter["id"], env={"EDITOR": "sed -i 's/\\x00/ny/'"})
    home.ok("retry", "--all")
    home.drained()
    assert server.count("annyoak") == 1


def test_a_server_that_says_so_and_stores_nothing_is_told(
    home: Home, server: OfficialStandin
) -> None:
    added = {"results": [{"id": "m", "memory": "x", "event": "ADD"}]}
    server.script(Answer(body=added, stores=False), forever=True)
    home.env["MEM0TRAY_SYNC_TIMEOUT"] = "1"
    home.write_queue(entries(8))
    home.worker()
    home.wait(lambda: home.state()[0] == "action needed", what="told")
    host = server.url.removeprefix("http://")
    assert home.state()[1] == (
        f"{host} does not have what it said that it stored."
        " Update the server: an earlier version says that it stores memories, and does not."
    )
    (told, *_) = home.json("diagnose", home.queue_items()[0]["id"])
    assert "Update the server" in str(told)
    assert home.stats()["total_synced"] == 0
    assert [item["retries"] for item in home.queue_items()] == [0] * 8
    server.clear_scripts()
    server.wait_for(lambda: server.total_stored() == 8)
    home.wait(lambda: home.queue_items() == [] and home.state()[0] == "healthy", what="over")
    assert len(home.log_lines("does not have what it said that it stored.")) == 1


@pytest.mark.row(1)
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kills", [6, pytest.param(25, marks=pytest.mark.slow)])
def test_kills_in_a_drain_of_500_lose_nothing(
    home: Home, server: OfficialStandin, kills: int
) -> None:
    check_kills(home, server, kills, 500, guarded=True)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_kills_leave_each_of_10_000_there_once(home: Home, server: OfficialStandin) -> None:
    test_migrate.check_kills(home, server, 10_000, 10)
