"""Bringing memories over: the plan, what others do meanwhile, and what becomes of each memory."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import structs

from mem0tray.actions import migrate, worker_report
from mem0tray.actions.migrate import Brought, Feed, Migration
from mem0tray.actions.migration_plan import Plan
from mem0tray.actions.worker_report import Running
from mem0tray.config.settings import ServerSettings, Settings
from mem0tray.core import item as items
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.item import identity
from mem0tray.files import orders
from mem0tray.ledger.rows import Traced
from mem0tray.server.model import ServerMemory
from mem0tray.system.paths import Paths
from tests.actions.scene import queued, read, worker, write
from tests.support import delivered
from tests.support.http1 import Answer
from tests.support.official import OfficialStandin, SimpleStore
from tests.support.shapes import Item, entry, queue_document
from tests.support.standin import Standin


@pytest.fixture
def former() -> Iterator[Standin]:
    with Standin() as server:
        yield server


@pytest.fixture
def settings(server: Standin) -> Settings:
    return Settings(server=ServerSettings(url=server.url))


def deliver(paths: Paths, former: Standin, *names: str, shown: bool = True) -> list[Item]:
    made = [entry(name, id=f"id-{name}") for name in names]
    write(paths.queue, queue_document([]))
    delivered.deliver(paths.ledger, former.url, made)
    if shown:
        former.begin_with([*former.stored, *(("alpha", name) for name in names)])
    return made


def bring(settings: Settings, former: Standin, **more: Any) -> Brought:
    return Migration(settings, former.url, **more).run(lambda _, __: None)


def test_two_at_once_queue_each_under_one_id(
    paths: Paths, former: Standin, settings: Settings
) -> None:
    deliver(paths, former, "one")
    former.begin_with([*former.stored, ("alpha", "theirs")])
    first, second = (Migration(settings, former.url) for _ in range(2))

    def in_between(*_: int) -> None:
        if not second.queued:
            second.run(lambda _, __: None)

    first.run(in_between)
    found = [(each["id"], each["content"]) for each in read(paths.queue)["queue"]]
    assert len(found) == 4
    assert len(set(found)) == 2
    with worker(paths) as context:
        assert len(context.inbox.fresh_entries()) == 2


def test_what_the_user_deletes_meanwhile_stays_deleted(
    paths: Paths, former: Standin, settings: Settings
) -> None:
    deliver(paths, former, "kept", "deleted")
    late = Migration(settings, former.url)

    def delete(*_: int) -> None:
        if not read(paths.queue)["queue"]:
            bring(settings, former)
            with worker(paths) as context:
                context.inbox.discard([list(context.inbox.fresh_entries())[1]], 9.0, "deleted")
            write(paths.queue, queue_document([]))

    sums = late.run(delete).sums
    assert queued(paths) == ["kept"]
    assert (sums.queued, sums.deleted, sums.found) == (1, 1, 2)


def test_what_the_worker_does_not_know_to_be_deleted_stays_deleted(
    paths: Paths, former: Standin, settings: Settings
) -> None:
    made = deliver(paths, former, "kept", "deleted")
    name = identity(json.dumps(made[1]).encode())
    orders.leave(paths, orders.about(orders.DELETE, [name]))
    sums = bring(settings, former).sums
    assert queued(paths) == ["kept"]
    assert (sums.queued, sums.deleted) == (1, 1)


def test_what_an_official_server_does_not_list_is_found_by_our_id(
    paths: Paths, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mem0tray.server.oss._LISTED", 2)
    with OfficialStandin(SimpleStore()) as former:
        made = deliver(paths, former, "one", "two", "three", shown=False)
        for each in made:
            former.store.add(
                [{"content": each["content"]}],
                infer=False,
                user_id="alpha",
                metadata={"mem0tray_id": each["id"]},
            )
        found = bring(settings, former)
    assert (found.sums.queued, found.sums.unread, found.cut) == (3, 0, ["alpha"])
    assert {each["id"] for each in read(paths.queue)["queue"]} == {each["id"] for each in made}


@pytest.mark.parametrize(
    "answer",
    [Answer(status=503), Answer(body="a page"), Answer(reset=True)],
    ids=["down", "no listing", "cut off"],
)
def test_a_former_server_that_does_not_answer_is_told(
    paths: Paths, former: Standin, settings: Settings, answer: Answer
) -> None:
    deliver(paths, former, "one")
    former.script_questions(Answer(404), answer, answer)
    with pytest.raises(Mem0TrayError, match="cannot be read"):
        bring(settings, former)
    assert migrate.candidates(paths, migrate.chosen(settings, paths)) == {former.url: 1}
    assert bring(settings, former).sums.queued == 1


def test_two_addresses_of_one_server_are_seen_through(paths: Paths, former: Standin) -> None:
    deliver(paths, former, "one")
    former.begin_with([*former.stored, ("alpha", "theirs")])
    again = former.url.replace("127.0.0.1", "localhost")
    found = bring(Settings(server=ServerSettings(url=again)), former)
    assert found.is_one
    assert found.sums.queued == 1
    assert queued(paths) == ["one"]


@pytest.mark.parametrize("url", ["", "no address"])
def test_without_a_present_server_nothing_is_asked(paths: Paths, former: Standin, url: str) -> None:
    deliver(paths, former, "one")
    former.forget()
    with pytest.raises(Mem0TrayError):
        bring(Settings(server=ServerSettings(url=url)), former)
    assert former.requests == []


def test_a_worker_that_delivers_elsewhere_is_named(
    paths: Paths, former: Standin, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(paths, former, "one")
    monkeypatch.setattr(migrate, "_SWITCH", 0.0)
    monkeypatch.setattr(worker_report, "running", lambda _: Running(1, 0.0, "its"))
    write(paths.metrics, {"run": "its", "destination": "old.test"})
    with pytest.raises(Mem0TrayError, match=r"delivers to old\.test"):
        bring(settings, former)
    assert queued(paths) == []


def made(count: int) -> list[items.Object]:
    return [entry(f"text {n}", id=f"id-{n}") for n in range(count)]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let batches and bound be small, and a worker be seen that runs."""
    monkeypatch.setattr(migrate, "BATCH", 10)
    monkeypatch.setattr(migrate, "WAITING_MOST", 30)
    monkeypatch.setattr(migrate, "_LOOK", 0.0)
    monkeypatch.setattr(worker_report, "running", lambda _: Running(1, 0.0))


@pytest.mark.parametrize(("name", "most"), [("BATCH", 10), ("_BYTES", 61)])
def test_a_batch_is_one_write(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, name: str, most: int
) -> None:
    monkeypatch.setattr(migrate, name, most)
    feed = Feed(paths, lambda: None)
    feed.put(made(25))
    assert feed.queued == len(queued(paths)) == 20
    feed.flush()
    feed.flush()
    assert feed.queued == len(queued(paths)) == 25
    assert read(paths.queue)["stats"]["total_queued"] == 25


@pytest.mark.usefixtures("small")
def test_beside_a_worker_no_more_wait_than_it_can_send(paths: Paths) -> None:
    write(paths.metrics, {"state": "healthy"})
    waited: list[int] = []

    def work() -> None:
        document = read(paths.queue)
        waited.append(len(document["queue"]))
        write(paths.queue, {**document, "queue": document["queue"][5:]})

    feed = Feed(paths, work)
    feed.put(made(100))
    assert (feed.queued, max(waited)) == (100, 30)
    assert len(queued(paths)) <= 30


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("state", ["paused", "down", "action needed"])
def test_a_worker_that_sends_nothing_is_not_waited_for(paths: Paths, state: str) -> None:
    write(paths.metrics, {"state": state})
    with worker(paths):
        Feed(paths, lambda: pytest.fail("it waited")).put(made(100))
    assert len(queued(paths)) == 100


@pytest.mark.usefixtures("small")
def test_a_worker_that_sends_no_more_is_waited_for_once(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "_STALLED", 0.0)
    write(paths.metrics, {"state": "healthy"})
    waited: list[int] = []
    with worker(paths):
        Feed(paths, lambda: waited.append(1)).put(made(100))
    assert len(queued(paths)) == 100
    assert len(waited) <= 3


FORMER = "http://former.test"


def traced(
    name: str,
    state: str = items.DELIVERED,
    *,
    there: bool = True,
    here: bool = False,
    text: str = "t",
) -> Traced:
    digest = items.digest("p", text)
    return Traced(name, digest, name, "p", 7.0, state, there=there, here=here)


def shown(text: str, *, created: str = "", key: str = "") -> ServerMemory:
    return ServerMemory("p", text, created=created, key=key)


def check(plan: Plan) -> dict[str, int]:
    """Take the sums that are not 0; AssertionError where they do not add up."""
    found, *rest = plan.sums()
    assert found == sum(rest)
    names = ("found", "queued", "waiting", "present", "deleted", "unread")
    return {name: n for name, n in zip(names, (found, *rest), strict=True) if n}


@pytest.mark.parametrize(
    ("known", "waiting", "queued", "sums"),
    [
        ([traced("a"), traced("b")], (), ["a", "b"], {"found": 2, "queued": 2}),
        *(
            ([each], (), [], {"found": 1, sum_: 1})
            for each, sum_ in (
                (traced("a", here=True), "present"),
                (traced("a", items.FRESH), "waiting"),
                (traced("a", items.DEAD), "waiting"),
                (traced("a", items.DISCARDED), "deleted"),
                (traced("a", there=False, here=True), "present"),
                (traced("a", items.DEAD, there=False), "waiting"),
                (traced("a", items.DISCARDED, there=False), "deleted"),
            )
        ),
        # What stands in the queue file alone, whoever knows it.
        ([traced("a")], ("a",), [], {"found": 1, "waiting": 1}),
        ([], ("derived",), [], {"found": 1, "waiting": 1}),
        # What was sent again is where one of its ids is.
        *(
            ([traced("a"), *map(traced, again)], (), again[-1:], {"found": 1, "queued": 1})
            for again in (["a-again-1", "a-again-2"], ["a-again-2", "a-again-1"])
        ),
        (
            [traced("a", items.DISCARDED), traced("a-again-1")],
            (),
            ["a-again-1"],
            {"found": 1, "queued": 1},
        ),
        *(
            ([traced("a", **first), traced("a-again-1", **again)], (), [], {"found": 1, sum_: 1})
            for first, again, sum_ in (
                ({}, {"there": False, "here": True}, "present"),
                ({"here": True}, {}, "present"),
                ({"state": items.FRESH}, {}, "waiting"),
                ({}, {"state": items.DISCARDED}, "deleted"),
            )
        ),
        ([traced("a")], ("a-again-1",), [], {"found": 1, "waiting": 1}),
    ],
)
def test_a_text_is_queued_unless_it_is_here_waits_or_was_deleted(
    known: list[Traced], waiting: tuple[str, ...], queued: list[str], sums: dict[str, int]
) -> None:
    plan = Plan(FORMER)
    plan.learn(known, {(name, items.digest("p", "t")) for name in waiting})
    assert [each["id"] for each in plan.take(shown("t"))] == queued
    assert check(plan) == sums


def test_what_others_saved_gets_an_id_that_stays_and_the_servers_time() -> None:
    plans = [Plan(FORMER), Plan(FORMER), Plan("http://other.test")]
    made = [plan.take(shown("a", created="2026-01-02T03:04:05.678+01:00"))[0] for plan in plans]
    first, second, third = (each["id"] for each in made)
    assert first == second != third
    assert made[0]["timestamp"] == 1767319445
    assert plans[0].take(shown("b", created="yesterday"))[0]["timestamp"] == 0
    assert plans[0].take(shown("a")) == []
    assert check(plans[0]) == {"found": 2, "queued": 2}


def test_what_is_not_shown_as_it_was_is_named() -> None:
    plan = Plan(FORMER)
    plan.learn([traced("a"), traced("b", text="b")], ())
    plan.take(shown("t"))
    assert len(plan.take(shown("a fact", key="b"))) == 1
    assert [each.id for each in plan.unread] == ["b"]
    assert plan.projects == {"p": True}
    assert check(plan) == {"found": 3, "queued": 2, "unread": 1}


def test_the_memory_of_setup_is_not_brought_over() -> None:
    project, text = items.TRIAL
    plan = Plan(FORMER)
    known = structs.replace(traced("s"), digest=items.digest(project, text), project=project)
    plan.learn([known], ())
    assert plan.take(ServerMemory(project, text)) == []
    assert plan.unread == []
    assert check(plan) == {}
