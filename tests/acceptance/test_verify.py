"""What a server no longer has is named by `verify`, and sent again if that is asked."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.acceptance.kinds import OFFICIAL, opened
from tests.support.home import Home
from tests.support.official import OfficialStandin, Store
from tests.support.shapes import Item, dead, entries


@pytest.fixture(params=OFFICIAL)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with opened(request.param, request, tmp_path) as made:
        yield made


@pytest.fixture
def server(store: Store) -> Iterator[OfficialStandin]:
    with OfficialStandin(store) as standin:
        yield standin


def drop_there(server: OfficialStandin, items: Sequence[Item]) -> None:
    for project, some in itertools.groupby(items, lambda each: each["project_id"]):
        wanted = {each["id"] for each in some}
        found = server.store.get_all(filters={"user_id": project}, top_k=10_000)
        for each in found["results"]:
            if each["metadata"]["mem0tray_id"] in wanted:
                server.store.delete(each["id"])


def keep(home: Home, items: Sequence[Item]) -> None:
    letters = [dead(each["content"], each["project_id"], id=each["id"]) for each in items]
    home.dump(home.dlq_backup, {"items": letters})


def written(home: Home) -> bytes:
    return home.emergency.read_bytes() if home.emergency.exists() else b""


@pytest.mark.row(1)
def test_kills_while_it_is_queued_again_bring_each_back_once(
    home: Home, server: OfficialStandin
) -> None:
    queue = entries(150)
    home.write_queue(queue)
    home.drained()
    drop_there(server, sorted(queue[:130], key=lambda each: str(each["project_id"])))
    keep(home, queue)
    asked = len(server.requests)
    command = home.start("verify", "--requeue")
    server.wait_for(lambda: len(server.requests) > asked)
    command.kill()
    holder = home.lock_holder()  # each hundred waits a second for the lock then, and does without
    command = home.start("verify", "--requeue")
    home.wait(lambda: written(home).endswith(b"\n"), what="a hundred are queued")
    command.kill()
    holder.kill()
    assert home.queue_items() == []
    home.ok("verify", "--requeue")
    assert len(home.queue_items()) == 30
    home.drained()
    assert sorted(server.kept()) == sorted(each["content"] for each in queue)
    said = home.json("verify")
    assert (said["asked"], said["there"], said["waiting_again"]) == (150, 150, 0)
