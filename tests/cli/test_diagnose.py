"""`mem0tray diagnose`."""

import re
import time
from collections import Counter
from contextlib import ExitStack

import pytest

from mem0tray.core import reasons
from mem0tray.core.state import ACTION_NEEDED, BREAK, another_worker, refusal
from mem0tray.files.lock import FileLock
from mem0tray.server.remedy import of_refusal
from tests.actions.scene import holding, metrics_of, worker, write
from tests.cli.scratch import Scratch
from tests.support.http1 import Answer
from tests.support.shapes import dead, entry, queue_document, waiting
from tests.support.standin import Standin


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
    assert "2 ids begin with 'rrrr'" in home.fails("diagnose", "rrrr")
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


STATES = {
    "refused": (ACTION_NEEDED, reasons.advised(refusal("401 Unauthorized", 401), of_refusal(401))),
    "busy": ("paused", BREAK),
    "beside another": (ACTION_NEEDED, another_worker(7, None)),
    "healthy": ("healthy", reasons.NONE),
}


@pytest.mark.parametrize(
    ("error", "worker", "besides", "causes", "to_do"),
    [
        ("", "healthy", "", "due now", ""),
        ("", "stopped", "paused", "paused, worker not running", "resume run"),
        ("", "busy", "", "server busy", ""),
        ("", "busy", "paused", "server busy, paused", "resume"),
        ("", "busy", "down", "server down, server busy", "config"),
        ("", "beside another", "down", "server down, action needed", "config"),
        ("500: odd", "stopped", "", "rejected by the server, worker not running", "run"),
        ("422: odd", "healthy", "paused", "rejected by the server, paused", "edit delete resume"),
        ("302 Found to http://a.test", "healthy", "", "rejected by the server", "config"),
        ("429: soon", "healthy", "", "rejected by the server", ""),
        ("no answer", "healthy", "", "no usable answer from the server", ""),
        ("no answer", "healthy", "down", "server down, no usable answer from the server", "config"),
        ("", "refused", "down", "action needed, server down", "config"),
        ("no project", "refused", "down", "invalid content, action needed, server down", "delete"),
    ],
)
def test_the_most_important_cause_comes_first_with_all_that_must_be_done(
    home: Scratch, server: Standin, error: str, worker: str, besides: str, causes: str, to_do: str
) -> None:
    letter = dead("x", "alpha", id="aaaa1111-1", last_attempt=0, last_error=error)
    if error == "no project":
        letter |= {"project_id": "", "last_error": ""}
    home.write("mem0_queue_dlq.json", {"items": [letter]})
    home.ok("list")  # the ledger knows it
    if besides == "paused":
        home.ok("pause")
    if besides == "down":
        server.health = Answer(503)
    with ExitStack() as stack:
        write(home.paths.metrics, metrics_of(*STATES.get(worker, STATES["refused"])))
        if worker in STATES:  # else one that has gone left them behind
            stack.enter_context(holding(home.paths))
        (told,) = home.run("diagnose", "aaaa", "--json").json()
        lines = home.ok("diagnose", "aaaa").splitlines()
    assert ", ".join(each["cause"] for each in (told, *told["also"])) == causes
    remedy = told["remedy"]
    label = "To do: " if to_do else ""
    assert lines[1:3] == [f"  {told['cause']}: {told['detail']}.", f"  {label}{remedy}"]
    assert " ".join(re.findall("`mem0tray ([a-z]+)", remedy)) == to_do
    assert remedy.startswith("Nothing to do") == (not to_do)
