"""Mem0's own library behind an official server: killed, restarted, without database or model.

What takes too long for every run; `packaging/test-official` runs it.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.kinds import LIBRARY, POSTGRES
from tests.acceptance.test_kills import moment
from tests.acceptance.test_migrate import LOCAL, check_kills
from tests.support import needs
from tests.support.forked import ForkedHome
from tests.support.home import Home
from tests.support.official_server import KEY, ModelProvider, OfficialServer, exactly
from tests.support.postgres import Postgres
from tests.support.processes import wait_until
from tests.support.shapes import entries, entry, texts

pytestmark = [pytest.mark.official, needs.LIBRARY, pytest.mark.timeout(3600)]
PATIENT = 200.0  # seconds; without its database the library waits half a minute
_LONG = 1800.0  # seconds
CONNECTIONS = 5  # that the library has to Postgres


@dataclass(frozen=True)
class Setup:
    """A server, the database that it is the only one to use, and a home that has its address."""

    server: OfficialServer
    database: Postgres | None
    home: Home


@pytest.fixture(params=LIBRARY)
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Setup]:
    """Serve from the embedded Qdrant, or from a Postgres that a test may stop."""
    if request.param == POSTGRES:
        with Postgres() as database:
            yield from _setup(tmp_path, database)
    else:
        yield from _setup(tmp_path, None)


@pytest.fixture
def on_postgres(tmp_path: Path) -> Iterator[Setup]:
    with Postgres() as database:
        yield from _setup(tmp_path, database)


@pytest.fixture
def provider() -> Iterator[ModelProvider]:
    with ModelProvider() as made:
        yield made


@pytest.fixture
def with_model(tmp_path: Path, provider: ModelProvider) -> Iterator[Setup]:
    with Postgres() as database:
        yield from _setup(tmp_path, database, model=provider.url, key=KEY)


def _setup(folder: Path, database: Postgres | None, **settings: str) -> Iterator[Setup]:
    if database is not None:
        settings["database"] = database.connection
    with (
        OfficialServer(folder / "server", **settings) as server,
        ForkedHome(folder / "home", server.url) as home,
    ):
        yield Setup(server, database, home)


def wait_for_saves(server: OfficialServer, number: int, timeout: float = 60) -> None:
    wait_until(lambda: server.saves() >= number, timeout, f"{number} saves")


def check_delivered(own: Setup, wanted: list[str]) -> None:
    """Each is stored once, nothing waits, and no attempt was counted."""
    assert own.server.texts() == exactly(wanted)
    assert own.home.queue_items() == []
    assert own.home.dlq_items() == []
    assert own.home.stats()["total_synced"] == len(wanted)


# The server's end ------------------------------------------------------------------------------


@pytest.mark.row(56)
def test_a_server_that_is_killed_in_a_drain(own: Setup) -> None:
    queue = entries(1_500)  # a quick server takes many while it is asked how many it has
    own.home.write_queue(queue)
    worker = own.home.worker()
    for number in range(5):
        wait_for_saves(own.server, own.server.saves() + 10 + int(moment(number) * 50))
        own.server.restart()
    own.home.wait(lambda: own.home.queue_items() == [], PATIENT, "delivered")
    worker.stop()
    check_delivered(own, texts(queue))


@pytest.mark.row(1, 56)
def test_a_server_and_a_worker_that_are_killed_in_a_drain(own: Setup) -> None:
    queue = entries(400)
    own.home.write_queue(queue)
    for number in range(10):
        worker = own.home.start("run")
        wait_for_saves(own.server, own.server.saves() + 5 + int(moment(number) * 20))
        if number % 2:
            own.server.kill()
        worker.kill()
        if number % 2:
            own.server.start()
    own.home.drained(PATIENT)
    check_delivered(own, texts(queue))


# Its database ----------------------------------------------------------------------------------


@pytest.mark.row(56)
@pytest.mark.parametrize("end", [Postgres.stop, Postgres.kill], ids=["stopped", "killed"])
def test_a_database_that_goes_away_in_a_drain(
    on_postgres: Setup, end: Callable[[Postgres], None]
) -> None:
    home, database = on_postgres.home, on_postgres.database
    assert database is not None
    queue = entries(500)
    home.write_queue(queue)
    worker = home.worker()
    for _ in range(2):
        wait_for_saves(on_postgres.server, on_postgres.server.saves() + 100)
        end(database)
        home.wait(lambda: home.state()[0] == "down", 60, "down")
        assert "500" in home.state()[1]
        waiting = home.queue_items()
        assert waiting
        # Whose connection ended first, while others were still answered, failed alone.
        assert sum(item["retries"] for item in waiting) <= CONNECTIONS
        database.start()
    home.wait(lambda: home.queue_items() == [], PATIENT, "delivered")
    worker.stop()
    check_delivered(on_postgres, texts(queue))


# Its model --------------------------------------------------------------------------------------


@pytest.mark.row(56)
@pytest.mark.parametrize("fault", [429, 500, 401, "gone"])
def test_a_model_that_is_limited_or_down_or_refuses_the_key_counts_nothing(
    with_model: Setup, provider: ModelProvider, fault: int | str
) -> None:
    home, queue = with_model.home, entries(20)
    if fault == "gone":
        provider.close()
    else:
        provider.fault = int(fault)
    home.write_queue(queue)
    worker = home.worker()
    asked = with_model.server.requests
    # Of what a new worker finds it asks first, for which the model is wanted as well.
    wait_until(lambda: sum(method == "POST" for method, _, _ in asked()) >= 6, 60, "six tries")
    if fault == 401:
        home.wait(lambda: home.state()[0] == "action needed", 60, "told")
        assert "the key of the model's provider in the server's own config" in home.state()[1]
    assert {item["retries"] for item in home.queue_items()} == {0}
    if fault == "gone":
        provider.open()
    provider.fault = None
    home.wait(lambda: home.queue_items() == [], PATIENT, "delivered")
    worker.stop()
    check_delivered(with_model, texts(queue))


@pytest.mark.row(56)
def test_a_text_that_the_model_refuses_is_a_dead_letter(
    with_model: Setup, provider: ModelProvider
) -> None:
    home = with_model.home
    provider.fault = 400
    home.write_queue([entry("odd")])
    home.drain(PATIENT)
    assert home.dlq_texts() == ["odd"]
    assert home.dlq_items()[0]["last_error"].startswith("502 ")
    assert with_model.server.saves() == 5


@pytest.mark.row(36, 56)
def test_a_model_that_is_slower_than_we_wait(with_model: Setup, provider: ModelProvider) -> None:
    home, queue = with_model.home, entries(8)
    provider.delay = 1.5
    home.write_queue(queue)
    worker = home.worker(env={"MEM0TRAY_SYNC_TIMEOUT": "1"})
    wait_for_saves(with_model.server, 8)
    wait_until(lambda: with_model.server.texts() == exactly(texts(queue)), 60, "stored")
    provider.delay = 0.0
    home.wait(lambda: home.stats()["total_synced"] == 8, PATIENT, "delivered")
    worker.stop()
    assert with_model.server.texts() == exactly(texts(queue))


# What it is, and who may ----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("total", [1_000, 10_000])
def test_what_came_over_under_kills_is_verified(
    tmp_path: Path, database: Postgres, total: int
) -> None:
    """Each is there once after ten kills; of what is deleted there, `verify` names every one.

    No project has more than the thousand that an official server lists: of a larger one, what is
    missing and has no text here any more cannot be told from what no search finds.
    """
    folder = tmp_path / "server"
    with (
        OfficialServer(folder, database=database.connection, table=f"t_{total}") as server,
        ForkedHome(tmp_path / "home") as home,
    ):
        home.env |= LOCAL
        check_kills(home, server, total, 10, projects=20)
        assert home.run("verify", timeout=_LONG).returncode == 0
        kept = server.kept()
        gone = kept[total // 20 :: total // 10]
        assert len(gone) == 10
        for name, *_ in gone:
            server.delete(name)
        found = json.loads(home.run("verify", "--json", timeout=_LONG).stdout)
        assert (found["asked"], found["there"]) == (total, total - 10)
        assert {each["id"] for each in found["missing"]} == {key for *_, key in gone}
