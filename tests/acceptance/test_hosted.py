"""What is the hosted service's own: events that are followed, its names, its words."""

import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from tests.acceptance import kinds
from tests.acceptance.test_kills import drain_with_kills
from tests.support.home import Home
from tests.support.hosted import HostedStandin, Work
from tests.support.http1 import Answer, Request, retry_after
from tests.support.shapes import Item, dead, entries, entry, texts

NEVER = Work(3600.0)


@pytest.fixture
def server() -> Iterator[HostedStandin]:
    with kinds.hosted() as standin:
        yield standin


def work_on(server: HostedStandin, content: str, *works: Work) -> None:
    """Do these with a text, one for each time that it is sent; with any other what was done."""
    waiting, before = list(works), server.works

    def works_of(request: Request) -> Work:
        if request.content != content:
            return before(request)
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    server.works = works_of


def _has_more_questions(server: HostedStandin, before: int) -> bool:
    return server.questions() > before


@pytest.mark.parametrize("lane", ["fresh", "dead"])
def test_an_event_is_followed_to_its_end(home: Home, server: HostedStandin, lane: str) -> None:
    work_on(server, "slow", NEVER)
    if lane == "fresh":
        home.write_queue([entry("slow"), *entries(3)])
    else:
        home.write_queue(entries(3))
        home.write_dlq([dead("slow", retry_count=2)])
    home.worker()
    server.wait_for(lambda: server.total_stored() == 3 and server.questions() >= 3)
    if lane == "fresh":
        home.wait(lambda: len(home.queue_items()) == 1, what="the others are delivered")
        assert home.queue_items()[0]["retries"] == 0
        (told, *_) = home.json("diagnose", home.queue_items()[0]["id"])
        assert told["detail"] == "the server has taken it in, and is still at work on it"
    else:
        assert home.dead_letter("slow")["retry_count"] == 2
    server.finish()
    home.wait(lambda: home.stats()["total_synced"] == 4, what="delivered")
    home.wait(lambda: home.queue_items() == [] and home.dlq_texts() == [], what="published")
    assert (server.sends("slow"), server.count("slow")) == (1, 1)


@pytest.mark.row(36)
@pytest.mark.parametrize("how", ["kill", "stop"])
def test_an_event_is_followed_across_restarts(home: Home, server: HostedStandin, how: str) -> None:
    work_on(server, "slow", NEVER)
    home.write_queue([entry("slow")])
    for _ in range(3):
        asked = server.questions()
        worker = home.start("run")
        asked_again = partial(_has_more_questions, server, asked)
        server.wait_for(asked_again)
        if how == "kill":
            worker.kill()
        else:
            worker.stop()
    server.finish()
    home.drained()
    assert (server.sends("slow"), server.count("slow")) == (1, 1)
    assert home.stats()["total_synced"] == 1


def test_a_run_to_the_end_waits_for_what_is_under_way(home: Home, server: HostedStandin) -> None:
    work_on(server, "slow", Work(1.5))
    home.write_queue([entry("slow")])
    home.drained(env={"MEM0TRAY_SYNC_RETRY_INTERVAL": "5"})
    assert (server.sends("slow"), server.count("slow")) == (1, 1)


def test_an_event_that_is_forgotten_is_sent_again(home: Home, server: HostedStandin) -> None:
    work_on(server, "slow", NEVER, Work())
    home.write_queue([entry("slow")])
    worker = home.start("run")
    server.wait_for(lambda: server.questions() >= 1)
    worker.kill()
    server.finish()
    server.forget_events()
    home.drained()
    assert (server.sends("slow"), server.count("slow")) == (2, 1)
    why = "the server took it in, and knows nothing of it any more"
    assert why in home.log_text()


@pytest.mark.row(36)
def test_what_was_cut_off_is_sent_again_and_stored_once(home: Home, server: HostedStandin) -> None:
    server.script(Answer(reset=True, stores=True), content="cut off")
    home.write_queue([entry("cut off"), *entries(3)])
    home.drained()
    assert (server.sends("cut off"), server.count("cut off")) == (2, 1)


# With a user, as Mem0's own plug-ins -------------------------------------------------------------

_WITH_USER = {"MEM0TRAY_SERVER_USER": "jo"}


def former(item: Item) -> dict[str, Any]:
    """Make the body with which a version before saved this: the project was an agent."""
    project = item["project_id"]
    return {
        "messages": [{"role": "user", "content": item["content"]}],
        "user_id": "jo",
        "agent_id": project,
        "infer": False,
        "metadata": {"mem0tray_id": item["id"]},
        "timestamp": item["timestamp"],
    }


def change_ledger(home: Home, sql: str, *values: str) -> None:
    (ledger,) = home.data_files("ledger.sqlite3")
    with closing(sqlite3.connect(ledger)) as db, db:
        db.execute(sql, values)


@pytest.mark.row(36)
@pytest.mark.parametrize(
    ("before", "sends", "scope"),
    [
        ("as an agent", 0, "agent_id"),
        ("as an app", 0, "app_id"),
        ("nowhere", 1, "agent_id"),
        ("as an agent, later than we ask", 1, "agent_id"),
    ],
)
def test_what_was_in_flight_at_the_upgrade_is_there_once(
    home: Home, server: HostedStandin, before: str, sends: int, scope: str
) -> None:
    item = entry("in flight", "garden")
    server.is_strict = True
    server.script(_CUT, content="in flight", forever=True)
    home.write_queue([item])
    worker = home.start("run", env=_WITH_USER)
    server.wait_for(lambda: server.sends("in flight") > 0)
    worker.kill()
    server.clear_scripts()
    server.forget()
    change_ledger(home, "DROP TABLE sent_as_agent")  # no version before had it
    body = former(item)
    if before == "as an app":
        server.keep(body | {"app_id": body.pop("agent_id")})
    elif before == "as an agent":
        server.keep(body)
    elif before != "nowhere":

        def works(request: Request) -> Work:
            if request.content == "in flight":  # the other may be sent first
                server.keep(body)
            return Work()

        server.works = works
    home.write_queue([*home.queue_items(), entry("after it", "garden")])
    home.drained(env=_WITH_USER)
    assert (server.sends("in flight"), server.count("in flight")) == (sends, 1)
    kept = {each["memory"]: {*each} & {"agent_id", "app_id"} for each in server.kept()}
    assert kept == {"in flight": {scope}, "after it": {"app_id"}}


_NOT_STORED = {"status": "SUCCEEDED", "event_id": "e", "results": []}


@pytest.mark.row(36)
@pytest.mark.parametrize("infers", [False, True], ids=["verbatim", "facts"])
@pytest.mark.parametrize("hindered", ["", "it stores nothing", "it deletes nothing"])
def test_what_was_kept_as_an_agent_is_moved_to_the_app_once(
    home: Home, server: HostedStandin, hindered: str, *, infers: bool
) -> None:
    home.env |= _WITH_USER | {"MEM0TRAY_SERVER_INFER": "true" if infers else "false"}
    items = [entry(f"of old {n}", "garden") for n in range(3)]
    waits, anothers = entry("waits", "garden"), entry("of another", "garden")
    for item in (*items, waits, anothers):
        body = former(item)
        body["metadata"] |= {"mem0tray_project": "garden"} if infers else {}
        server.keep(body | ({"infer": infers}))
    next(e for e in server.kept() if e["memory"] == "of another")["metadata"].pop("mem0tray_id")
    before = {e["memory"]: e["created_at"] for e in server.kept()}
    home.write_queue([waits])
    command = ("migrate", "--from", server.url, "--project", "garden")
    assert home.json(*command, "--dry-run") == {"dry_run": True, "moved": 0, "left": 4}
    if hindered == "it stores nothing":
        server.script(Answer(body=_NOT_STORED, stores=False), forever=True)
    elif hindered:
        server.deletion = Answer(403)
    if hindered:
        home.run(*command)
        assert {e["memory"] for e in server.kept() if "app_id" not in e} == {*before}
        server.clear_scripts()
        server.deletion = None
    assert home.json(*command) == {"dry_run": False, "moved": 3, "left": 1}
    assert home.json(*command) == {"dry_run": False, "moved": 0, "left": 1}
    assert {e["memory"] for e in server.kept() if "app_id" in e} == {*texts(items)}
    assert sorted(before.items()) == sorted((e["memory"], e["created_at"]) for e in server.kept())


_CUT = Answer(reset=True)
_TAKEN = Answer(reset=True, stores=True)  # and nobody hears of it


@pytest.mark.row(1)
@pytest.mark.row(36)
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("kills", "total"), [(5, 120), pytest.param(25, 500, marks=pytest.mark.slow)]
)
def test_kills_among_events_lose_nothing(
    home: Home, server: HostedStandin, kills: int, total: int
) -> None:
    """Only what was cut off, failed, or was under way at a kill without an event is sent again."""
    chance = random.Random(kills)  # noqa: S311  (no secret)
    queue = entries(total)
    names = texts(queue)
    chance.shuffle(names)
    failing, cut, taken, slowed = (names[n::12][: total // 12] for n in range(4))
    for text in cut:
        server.script(_CUT, content=text)
    for text in taken:
        server.script(_TAKEN, content=text)
    for text in slowed[:3]:
        server.script(retry_after(429, 0), content=text)
    tries: Counter[str] = Counter()

    def works(request: Request) -> Work:
        tries[request.content] += 1
        fails = request.content in failing and tries[request.content] == 1
        seconds = chance.choice((0.0, chance.uniform(0.01, 0.2), chance.uniform(0.2, 2.0)))
        return Work(seconds, "the model gave no answer" if fails else "")

    server.works = works
    home.write_queue(queue)
    drain_with_kills(home, server, kills, total)
    assert server.missing(names) == []
    assert server.total_stored() == total
    assert home.queue_items() == []
    assert home.dlq_items() == []
    assert home.stats()["total_synced"] == total
    again = {text: n - 1 for text, n in Counter(server.order()).items() if n > 1}
    unasked = sum(again.values()) - len(failing) - len(cut) - len(taken) - len(slowed[:3])
    assert unasked <= 8 * kills  # as many as there are senders
