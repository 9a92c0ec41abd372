"""What of a former server's memories is queued again, and how the sums add up."""

import pytest
from msgspec import structs

from mem0tray.actions.migration_plan import Plan
from mem0tray.core import item as items
from mem0tray.ledger.rows import Traced
from mem0tray.server.model import ServerMemory

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


def test_a_memory_that_only_the_former_server_has_is_queued_as_it_was() -> None:
    plan = Plan(FORMER)
    plan.learn([traced("a")], ())
    entry = {"id": "a", "project_id": "p", "content": "t", "timestamp": 7, "retries": 0}
    assert plan.take(shown("t")) == [entry]
    assert plan.take(shown("t")) == []
    assert check(plan) == {"found": 1, "queued": 1}


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


def test_one_project_alone_leaves_the_others() -> None:
    plan = Plan(FORMER, project="q")
    plan.learn([traced("a")], ())
    assert plan.unread == []
    assert check(plan) == {}


def test_where_only_known_memories_are_wanted_others_stay() -> None:
    plan = Plan(FORMER)
    plan.only_known = True
    plan.learn([traced("a")], ())
    assert plan.take(shown("theirs")) == []
    assert len(plan.take(shown("t"))) == 1
    assert check(plan) == {"found": 1, "queued": 1}


def test_the_memory_of_setup_is_not_brought_over() -> None:
    project, text = items.TRIAL
    plan = Plan(FORMER)
    known = structs.replace(traced("s"), digest=items.digest(project, text), project=project)
    plan.learn([known], ())
    assert plan.take(ServerMemory(project, text)) == []
    assert plan.unread == []
    assert check(plan) == {}
