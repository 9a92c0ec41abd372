"""What an official server no longer has is named by our key, and sent again if that is asked."""

import itertools
from collections.abc import Iterator, Sequence

import pytest

from tests.support.delivered import deliver
from tests.support.home import Home
from tests.support.official import OfficialStandin, Store
from tests.support.official_stores import SIMPLE
from tests.support.shapes import Item, dead, entries, entry


@pytest.fixture
def server(store: Store) -> Iterator[OfficialStandin]:
    """Serve; what it holds at the end is for each test to say."""
    with OfficialStandin(store) as standin:
        yield standin


def drop(server: OfficialStandin, items: Sequence[Item]) -> None:
    """Delete these on the server, behind the program's back."""
    for project, some in itertools.groupby(items, lambda each: each["project_id"]):
        wanted = {each["id"] for each in some}
        found = server.store.get_all(filters={"user_id": project}, top_k=10_000)
        for each in found["results"]:
            if each["metadata"]["mem0tray_id"] in wanted:
                server.store.delete(each["id"])


def keep(home: Home, items: Sequence[Item]) -> None:
    """Let a copy of the user's own hold these, as dead letters."""
    letters = [dead(each["content"], each["project_id"], id=each["id"]) for each in items]
    home.dump(home.dlq_backup, {"items": letters})


def written(home: Home) -> bytes:
    """The bytes of the emergency file."""
    return home.emergency.read_bytes() if home.emergency.exists() else b""


def named(said: Item) -> list[str]:
    """The ids of the missing."""
    return sorted(each["id"] for each in said["missing"])


def test_ten_that_were_deleted_are_named_and_come_back_once(
    home: Home, server: OfficialStandin
) -> None:
    queue = entries(40)
    home.write_queue(queue)
    home.drained()
    lost = queue[3:23:2]
    drop(server, lost)
    home.queue.unlink()
    home.queue.with_name("mem0_queue_backup.json").unlink(missing_ok=True)
    keep(home, lost[:7])
    done = home.run("verify")
    assert done.returncode == 1
    assert "queues 7 of them again" in done.stderr
    said = home.json("verify", "--requeue")
    assert (said["asked"], said["there"], said["cannot_tell"]) == (40, 30, 0)
    assert named(said) == sorted(each["id"] for each in lost)
    home.drained()
    assert sorted(server.kept()) == sorted(
        each["content"] for each in queue if each not in lost[7:]
    )
    assert named(home.json("verify")) == sorted(each["id"] for each in lost[7:])


def test_beyond_what_it_lists_it_is_asked_by_our_key(home: Home, server: OfficialStandin) -> None:
    queue = [entry(f"memory number {n}") for n in range(30)]
    home.write_queue(queue)
    home.drained()
    (ledger,) = home.ledgers()
    others = [entry(f"another {n}") for n in range(980)]
    deliver(ledger, server.url, others)
    for each in reversed(others[:975]):  # the first fill what it lists
        say = [{"role": "user", "content": each["content"]}]
        ours = {"mem0tray_id": each["id"]}
        server.store.add(say, user_id="alpha", infer=False, metadata=ours)
    drop(server, queue[:2])
    keep(home, [*queue[:1], *others[-5:-2]])
    home.queue.unlink()
    home.queue.with_name("mem0_queue_backup.json").unlink(missing_ok=True)
    said = home.json("verify")
    assert (said["asked"], said["there"], said["cannot_tell"]) == (1010, 1003, 3)
    assert named(said) == sorted(each["id"] for each in [queue[0], *others[-5:-2]])


@pytest.mark.parametrize("store", [SIMPLE], indirect=True)  # the library would ask a model
def test_where_it_infers_what_is_not_found_cannot_be_told(
    home: Home, server: OfficialStandin
) -> None:
    home.env["MEM0TRAY_SERVER_INFER"] = "true"
    home.write_queue([entry("a fact."), entry("hm")])
    home.drained()
    assert server.total_stored() == 2
    said = home.json("verify", "--requeue")
    assert (said["asked"], said["there"], said["cannot_tell"]) == (2, 1, 1)
    assert home.queue_items() == []


@pytest.mark.row(1)
def test_kills_while_it_is_queued_again_bring_each_back_once(
    home: Home, server: OfficialStandin
) -> None:
    queue = entries(150)
    home.write_queue(queue)
    home.drained()
    drop(server, sorted(queue[:130], key=lambda each: str(each["project_id"])))
    keep(home, queue)
    asked = len(server.requests)
    command = home.start("verify", "--requeue")
    server.wait_for(lambda: len(server.requests) > asked, 20)
    command.kill()
    holder = home.lock_holder()  # each hundred waits a second for the lock then, and does without
    command = home.start("verify", "--requeue")
    home.wait(lambda: written(home).endswith(b"\n"), 20, "a hundred are queued")
    command.kill()
    holder.kill()
    assert home.queue_items() == []
    home.ok("verify", "--requeue")
    assert len(home.queue_items()) == 30
    home.drained()
    assert sorted(server.kept()) == sorted(each["content"] for each in queue)
    said = home.json("verify")
    assert (said["asked"], said["there"], said["waiting_again"]) == (150, 150, 0)
