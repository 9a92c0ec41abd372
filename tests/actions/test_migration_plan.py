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
    text: str = "",
) -> Traced:
    digest = items.digest("p", text or name)
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
    entry = {"id": "a", "project_id": "p", "content": "a", "timestamp": 7, "retries": 0}
    assert plan.take(shown("a")) == [entry]
    assert plan.take(shown("a")) == []
    assert check(plan) == {"found": 1, "queued": 1}


def test_two_memories_of_one_text_are_both_queued() -> None:
    plan = Plan(FORMER)
    plan.learn([traced("a", text="t"), traced("b", text="t")], ())
    assert [each["id"] for each in plan.take(shown("t"))] == ["a", "b"]
    assert check(plan) == {"found": 2, "queued": 2}


@pytest.mark.parametrize(
    ("known", "sum_"),
    [
        (traced("a", here=True), "present"),
        (traced("a", items.FRESH), "waiting"),
        (traced("a", items.DEAD), "waiting"),
        (traced("a", items.DISCARDED), "deleted"),
        (traced("a", there=False, here=True), "present"),
        (traced("a", items.DEAD, there=False), "waiting"),
        (traced("a", items.DISCARDED, there=False), "deleted"),
    ],
)
def test_a_memory_that_is_here_or_was_deleted_is_not_queued(known: Traced, sum_: str) -> None:
    plan = Plan(FORMER)
    plan.learn([known], ())
    assert plan.take(shown("a")) == []
    assert check(plan) == {"found": 1, sum_: 1}


@pytest.mark.parametrize("state", ["known", "by others"])
def test_what_stands_in_the_queue_file_alone_is_not_queued_again(state: str) -> None:
    plan = Plan(FORMER)
    known = [traced("a")] if state == "known" else []
    name = "a" if state == "known" else "derived"
    plan.learn(known, {(name, items.digest("p", "a"))})
    assert plan.take(shown("a")) == []
    assert check(plan) == {"found": 1, "waiting": 1}


def test_what_others_saved_gets_an_id_that_stays_and_the_servers_time() -> None:
    plans = [Plan(FORMER), Plan(FORMER), Plan("http://other.test")]
    made = [plan.take(shown("a", created="2026-01-02T03:04:05.678+01:00"))[0] for plan in plans]
    first, second, third = (each["id"] for each in made)
    assert first == second != third
    assert made[0]["timestamp"] == 1767319445
    assert plans[0].take(shown("b", created="yesterday"))[0]["timestamp"] == 0
    assert plans[0].take(shown("a")) == []
    assert check(plans[0]) == {"found": 2, "queued": 2}


def test_what_is_not_shown_is_named() -> None:
    plan = Plan(FORMER)
    plan.learn([traced("a"), traced("b")], ())
    plan.take(shown("a"))
    assert [each.id for each in plan.unread] == ["b"]
    assert plan.projects == {"p": True}
    assert check(plan) == {"found": 2, "queued": 1, "unread": 1}


def test_of_a_memory_that_is_kept_in_other_words_the_facts_come_over() -> None:
    plan = Plan(FORMER)
    plan.learn([traced("a")], ())
    assert len(plan.take(shown("a fact", key="a"))) == 1
    assert check(plan) == {"found": 2, "queued": 1, "unread": 1}


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
    assert len(plan.take(shown("a"))) == 1
    assert check(plan) == {"found": 1, "queued": 1}


@pytest.mark.parametrize("order", [1, -1])
def test_a_memory_that_was_sent_again_is_queued_once(order: int) -> None:
    plan = Plan(FORMER)
    known = [traced("a", text="t"), traced("a-again-1", text="t"), traced("a-again-2", text="t")]
    plan.learn([*known[:1], *known[1:][::order]], ())
    assert len(plan.take(shown("t"))) == 1
    assert check(plan) == {"found": 1, "queued": 1}


@pytest.mark.parametrize(
    ("known", "waiting", "sum_"),
    [
        (
            [traced("a", text="t"), traced("a-again-1", there=False, here=True, text="t")],
            (),
            "present",
        ),
        ([traced("a", here=True, text="t"), traced("a-again-1", text="t")], (), "present"),
        ([traced("a", items.FRESH, text="t"), traced("a-again-1", text="t")], (), "waiting"),
        ([traced("a", text="t"), traced("a-again-1", items.DISCARDED, text="t")], (), "deleted"),
        ([traced("a", text="t")], ("a-again-1",), "waiting"),
    ],
)
def test_a_memory_that_was_sent_again_is_where_one_of_its_ids_is(
    known: list[Traced], waiting: tuple[str, ...], sum_: str
) -> None:
    plan = Plan(FORMER)
    plan.learn(known, {(name, items.digest("p", "t")) for name in waiting})
    assert plan.take(shown("t")) == []
    assert check(plan) == {"found": 1, sum_: 1}


def test_the_memory_of_setup_is_not_brought_over() -> None:
    project, text = items.TRIAL
    plan = Plan(FORMER)
    known = structs.replace(traced("s"), digest=items.digest(project, text), project=project)
    plan.learn([known], ())
    assert plan.take(ServerMemory(project, text)) == []
    assert plan.unread == []
    assert check(plan) == {}
