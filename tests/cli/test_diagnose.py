"""`mem0tray diagnose`."""

import itertools
import re
import time
from collections import Counter
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest

from mem0tray.cli.app import COMMANDS
from mem0tray.core import reasons, state
from mem0tray.files.lock import FileLock
from mem0tray.server.remedy import of_refusal
from tests.actions.scene import metrics_of, worker, write
from tests.cli.scratch import Scratch
from tests.support.http1 import Answer
from tests.support.shapes import dead, entry, queue_document, waiting
from tests.support.standin import Standin
from tests.support.variants import variants


@pytest.fixture
def letters(home: Scratch) -> None:
    items = [
        waiting("rejected", id="aaaa-1", last_error="400: no thanks"),
        waiting("odd", id="bbbb-1", last_error="422: odd"),
        waiting("waits", id="cccc-1"),
        waiting("nameless", "", id="dddd-1"),
    ]
    home.write("mem0_queue_dlq.json", {"items": items, "last_update": "x"})
    home.write("mem0_queue.json", queue_document([entry("q", id="qqqq-1")]))


@pytest.mark.usefixtures("server")
def test_what_has_no_id_is_counted_besides(home: Scratch) -> None:
    letters = [waiting("x", id="aaaa-1"), waiting(7, id="bbbb-1"), None, 5]
    home.write("mem0_queue_dlq.json", {"items": letters})
    lines = home.ok("diagnose").splitlines()
    assert sum(line.startswith("1 dead letter: ") for line in lines) == 1
    assert "3 further things in the file make no sense; kept as is." in lines
    assert home.run("status", "--json").json()["dlq"] == 4


@pytest.mark.usefixtures("server")
def test_what_became_of_one_that_no_longer_waits(home: Scratch) -> None:
    names = ("dddd-1", "rrrr-001", "rrrr-001-again-1")
    home.write("mem0_queue.json", queue_document([entry(each, id=each) for each in names]))
    with worker(home.paths) as context:
        context.outbox.record_delivery(1, "local", time.time())
        context.inbox.discard([2, 3], time.time(), "deleted")
    home.write("mem0_queue.json", queue_document([]))
    told = home.ok("diagnose", "dddd")
    assert told.startswith("dddd-1: delivered on ")
    assert "to this computer only" in told
    assert "`mem0tray restore --list`" in home.ok("diagnose", "rrrr-001")
    assert re.findall("^[^:]+", home.ok("diagnose", "rrrr"), re.MULTILINE) == [*names[1:]]
    (document,) = home.run("diagnose", "rrrr-001", "--json").json()
    assert (document["id"], document["cause"]) == ("rrrr-001", "deleted")
    assert home.run("diagnose", "zzzz").code == 1
    assert home.run("diagnose", "").code == 1


def _counts(home: Scratch) -> Counter[str]:
    counts: Counter[str] = Counter()
    for each in home.run("diagnose", "--json").json():
        counts[each["cause"]] += each["count"]
    return +counts


@pytest.mark.usefixtures("server")
def test_different_answers_are_told_apart(home: Scratch) -> None:
    reasons = (
        "500 Internal Server Error: odd",
        "401 Unauthorized",
        "507 Insufficient Storage",
        "200 OK without success: no space",
    )
    home.write("mem0_queue_dlq.json", {"items": [waiting("x", last_error=r) for r in reasons]})
    text = home.ok("diagnose")
    assert text.count("1 dead letter: rejected by the server") == 4
    assert all(reason in text for reason in reasons)
    told = home.run("diagnose", "--json").json()
    assert [(each["detail"], each["count"]) for each in told] == [(r, 1) for r in reasons]


@pytest.mark.usefixtures("server")
def test_answers_that_name_each_item_are_one_cause(home: Scratch) -> None:
    letters = [waiting("x", id=f"r{n}", last_error=f"500 Oops: item {n}") for n in range(100)]
    letters += [waiting("x", id=f"w{n}", retry_count=n) for n in range(3, 7)]
    home.write("mem0_queue_dlq.json", {"items": letters})
    home.ok("list")  # the ledger knows them
    home.paths.instance_lock.write_text("")
    with FileLock(home.paths.instance_lock).held(1):
        told = home.run("diagnose", "--json").json()
    assert [(each["cause"], each["count"], each["example"]) for each in told] == [
        ("rejected by the server", 100, "r0"),
        ("waiting for its time", 4, "w3"),
    ]


@pytest.mark.usefixtures("server")
def test_entries_that_have_failed_are_in_the_sum(home: Scratch) -> None:
    entries = [entry("new"), entry("file", retries=1), entry("ledger", id="llll-1")]
    home.write("mem0_queue.json", queue_document(entries))
    home.write("mem0_queue_dlq.json", {"items": [waiting("x", last_error="500: odd")]})
    with worker(home.paths) as context:
        (row,) = context.inbox.by_ids(["llll-1"])["llll-1"]
        context.outbox.record_attempt(row.key, 1.0, "item failure", 500, "500: odd", 0.5)
    text = home.ok("diagnose")
    assert "1 dead letter, 1 waiting entry: rejected by the server" in text
    assert "1 waiting entry: worker not running" in text
    assert "3 memories wait in the queue" in text
    assert _counts(home) == {"rejected by the server": 2, "worker not running": 1}


def test_nothing_is_stuck(home: Scratch) -> None:
    text = home.ok("diagnose")
    assert text.startswith("There are no dead letters.\n")
    assert "Also: worker not running" in text
    told = home.run("diagnose", "--json").json()
    assert ("worker not running", 0, None) in [
        (each["cause"], each["count"], each["example"]) for each in told
    ]
    assert all(f"Also: {each['cause']}: " in text for each in told)
    assert home.run("diagnose", "zz").code == 1


REFUSED = reasons.advised(state.refusal("401 Unauthorized", 401), of_refusal(401))
KEY = "`mem0tray config set server.api_key`"
RUN, RESUME = "`mem0tray run`", "`mem0tray resume`"
CHANGE = "Change it with `mem0tray edit aaaa1111`, or delete it with `mem0tray delete aaaa1111`."
ITEMS: dict[str, tuple[dict[str, Any], bool]] = {
    "fresh": (entry("x", id="aaaa1111-1"), False),
    "failed": (entry("x", id="aaaa1111-1", retries=2, last_error="500: odd"), False),
    "due": (dead("x", id="aaaa1111-1", last_attempt=0), True),
    "waits": (waiting("x", id="aaaa1111-1"), True),
    "fault": (waiting("x", id="aaaa1111-1", last_error="500: odd"), True),
    "rejected": (waiting("x", id="aaaa1111-1", last_error="422: odd"), True),
    "break": (waiting("x", id="aaaa1111-1", last_error="429: soon"), True),
    "no answer": (waiting("x", id="aaaa1111-1", last_error="no answer after 60 s"), True),
    "no project": (waiting("x", "", id="aaaa1111-1"), True),
}
INVALID = ("no project",)
BY_ITSELF = "Nothing to do"


class Case(NamedTuple):
    """What is wrong; `worker` is stopped, healthy, refused, busy, or in another trouble."""

    item: str
    worker: str
    down: bool
    paused: bool


WORKERS = ("stopped", "healthy", "refused", "busy", "trouble")
STATES = {
    "refused": ("action needed", REFUSED),
    "busy": ("paused", state.BREAK),
    "trouble": ("action needed", state.another_worker(7, None)),
    "healthy": ("healthy", reasons.NONE),
}


def arranged(home: Scratch, server: Standin, case: Case, stack: ExitStack) -> None:
    item, is_dead = ITEMS[case.item]
    for path in home.paths.ledger.parent.glob("ledger*"):  # each case is a home of its own
        path.unlink()
    home.write("mem0_queue_dlq.json", {"items": [item] * is_dead, "last_update": "x"})
    home.write("mem0_queue.json", queue_document([item] * (not is_dead)))
    server.health = Answer(503) if case.down else Answer(body={"status": "ok"})
    home.ok("list")  # the ledger knows it
    home.paths.instance_lock.write_text("")
    if case.worker != "stopped":
        stack.enter_context(FileLock(home.paths.instance_lock).held(1))
        name, reason = STATES[case.worker]
        write(home.paths.metrics, metrics_of(name, reason))


def expected(case: Case) -> str:
    order = [
        ("invalid content", case.item in INVALID),
        ("action needed", case.worker == "refused" or (case.worker == "trouble" and not case.down)),
        ("server down", case.down),
        ("server busy", case.worker == "busy"),
        ("rejected by the server", case.item in ("failed", "fault", "rejected", "break")),
        ("no usable answer from the server", case.item == "no answer"),
        ("paused", case.paused),
        ("worker not running", case.worker == "stopped"),
        ("waiting for its time", case.item == "waits"),
        ("due now", True),
    ]
    return next(name for name, holds in order if holds)


@pytest.mark.timeout(900)  # under Wine, on a busy machine, it took 250 s
@pytest.mark.parametrize("first", variants(range(3)))
@pytest.mark.parametrize("paused", [False, True])
def test_every_combination(home: Scratch, server: Standin, *, paused: bool, first: int) -> None:
    home.ok("pause" if paused else "resume")
    combinations = [*itertools.product(ITEMS, WORKERS, (False, True))]
    for item, work, down in combinations[first::3]:
        case = Case(item, work, down=down, paused=paused)
        with ExitStack() as stack:
            arranged(home, server, case, stack)
            (told,) = home.run("diagnose", "aaaa", "--json").json()
            lines = home.ok("diagnose", "aaaa").splitlines()
        assert told["cause"] == expected(case), case
        remedy = told["remedy"]
        label = "" if remedy.startswith(BY_ITSELF) else "To do: "
        assert lines[1:] == [f"  {told['cause']}: {told['detail']}.", f"  {label}{remedy}"], case
        stopped = case.worker == "stopped"
        assert (RUN in remedy) == stopped, case
        assert (RESUME in remedy) == case.paused, case
        assert not (BY_ITSELF in remedy and (stopped or case.paused)), case
        assert (KEY in remedy) == (expected(case) == "action needed" and "401" in told["detail"])
        assert (CHANGE in remedy) == (
            expected(case) == "rejected by the server" and case.item == "rejected"
        ) or expected(case) == "invalid content", case
        for command in re.findall(r"`mem0tray ([a-z]+)", remedy):
            assert command in (*COMMANDS, "edit"), case
