"""`diagnose` in every combination of troubles: one cause, one thing to do, with its command."""

import itertools
import re
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest

from mem0tray.cli.app import COMMANDS
from mem0tray.core import reasons, state
from mem0tray.files.lock import FileLock
from mem0tray.server.remedy import of_refusal
from tests.actions.scene import metrics_of, write
from tests.cli.scratch import Scratch
from tests.support.http1 import Answer
from tests.support.shapes import dead, entry, queue_document, waiting
from tests.support.standin import Standin

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
@pytest.mark.parametrize("paused", [False, True])
def test_every_combination(home: Scratch, server: Standin, *, paused: bool) -> None:
    """One cause, one thing to do with whole commands, or in so many words nothing."""
    home.ok("pause" if paused else "resume")
    for item, worker, down in itertools.product(ITEMS, WORKERS, (False, True)):
        case = Case(item, worker, down=down, paused=paused)
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
