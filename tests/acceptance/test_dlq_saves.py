"""Saves that race with ours, and files that break in the user's hands."""

import json
import subprocess
import sys
from functools import partial

import pytest

from tests.support import user
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.shapes import entry, waiting
from tests.support.standin import Standin
from tests.support.variants import variants

ROUNDS = 6
SLOW_REWRITER = """
import json, os, sys, time
p = os.path.expanduser('~/.claude/mem0_queue_dlq.json')
end = time.monotonic() + float(sys.argv[1])
text = None
while time.monotonic() < end:
    try:
        text = json.dumps(json.load(open(p)), indent=2)
    except ValueError:
        continue
    with open(p, 'w') as f:
        for at in range(0, len(text), 400):
            f.write(text[at:at + 400])
            f.flush()
            time.sleep(0.01)
"""


@pytest.fixture
def refusing(home: Home, server: Standin) -> Home:
    server.default = Answer(500)
    home.write_dlq([waiting(f"old {n}") for n in range(ROUNDS)])
    return home


def newcomer(home: Home, number: int) -> None:
    home.write_emergency([entry(f"new {number}", retries=4)])
    home.wait(lambda: f"new {number}" in home.dlq_texts(), what="newcomer published")


def expected(rounds: int) -> list[str]:
    """List what the DLQ holds after so many rounds of a newcomer and a deletion."""
    news = [f"new {n}" for n in range(rounds)]
    return [*news, *(f"old {n}" for n in range(rounds, ROUNDS))]


@pytest.mark.row(29, 30, 47)
def test_a_script_on_a_copy_from_before_a_restore_keeps_newcomers(
    refusing: Home, server: Standin
) -> None:
    refusing.worker()
    refusing.wait(lambda: refusing.read(refusing.metrics)["dlq_size"] == ROUNDS, what="taken in")
    copy = refusing.read(refusing.dlq)
    user.remove(refusing, "old 0")
    refusing.wait(lambda: refusing.read(refusing.metrics)["dlq_size"] == ROUNDS - 1, what="merged")
    newcomer(refusing, 0)
    before = refusing.read(refusing.dlq)["last_update"]
    refusing.ok("restore")
    refusing.wait(lambda: refusing.read(refusing.dlq)["last_update"] != before, what="published")
    refusing.wait_dlq(["new 0", *expected(0)])
    sent = len(server.saves)
    items = [{**item, "last_attempt": 0} for item in copy["items"]]
    user.save(refusing, {**copy, "items": items}, stamp=True)
    server.wait_for(partial(server.has_saves, sent + ROUNDS))
    refusing.wait_dlq(["new 0", *expected(0)])


@pytest.mark.row(29)
def test_six_stale_saves_keep_newcomers_and_deletions(refusing: Home, server: Standin) -> None:
    worker = refusing.worker()
    for number in range(ROUNDS):
        stale = refusing.read(refusing.dlq)
        newcomer(refusing, number)
        if number == 3:
            worker.stop()
        user.save(refusing, user.without(stale, f"old {number}"))
        if number == 3:
            worker = refusing.worker()
        refusing.wait_dlq(expected(number + 1))
    assert max(server.sends(f"new {n}") for n in range(ROUNDS)) <= 2  # due again after 30 s
    assert {server.sends(f"old {n}") for n in range(ROUNDS)} == {0}


@pytest.mark.row(29)
def test_stamped_stale_saves_keep_newcomers_and_deletions(refusing: Home, server: Standin) -> None:
    refusing.worker()
    refusing.wait(lambda: refusing.read(refusing.metrics)["dlq_size"] == ROUNDS, what="taken in")
    for number in range(ROUNDS):
        stale = refusing.read(refusing.dlq)
        sent = len(server.saves)
        refusing.script(user.RETRY_ALL)
        server.wait_for(partial(server.has_saves, sent + len(stale["items"])))
        newcomer(refusing, number)
        user.save(refusing, user.without(stale, f"old {number}"), stamp=True)
        refusing.wait_dlq(expected(number + 1))
    retries = {f"old {n}": n + 1 for n in range(ROUNDS)}
    assert {text: server.sends(text) for text in retries} == retries


@pytest.mark.row(9, 31)
@pytest.mark.parametrize(
    "damage", variants(["half", "NUL", "empty", "an open bracket", "other type"])
)
@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_a_broken_file_is_never_taken_for_empty(
    refusing: Home, server: Standin, damage: str, *, running: bool
) -> None:
    worker = refusing.worker()
    refusing.wait(lambda: refusing.read(refusing.metrics)["dlq_size"] == ROUNDS, what="taken in")
    if not running:
        worker.stop()
    text = refusing.dlq.read_bytes()
    refusing.dlq.write_bytes(
        {
            "half": text[: len(text) // 2],
            "empty": b"",
            "NUL": b"\0" * len(text),
            "an open bracket": b"{",
            "other type": b'{"items": "all of them"}',
        }[damage]
    )
    if not running:
        worker = refusing.worker()
    wanted = expected(0)
    refusing.wait(lambda: intact(refusing) and refusing.dlq_texts() == wanted, what="written again")
    assert worker.alive
    assert server.saves == []


def intact(home: Home) -> bool:
    try:
        document = json.loads(home.dlq.read_bytes())
    except ValueError:
        return False
    return isinstance(document.get("items"), list)


@pytest.mark.row(31)
def test_what_is_in_a_broken_file_is_kept_and_said(refusing: Home) -> None:
    refusing.worker()
    refusing.wait(lambda: refusing.read(refusing.metrics)["dlq_size"] == ROUNDS, what="taken in")
    logged = len(refusing.log_text())
    text = refusing.dlq.read_text().replace("old 0", "zanzibar by hand")
    refusing.dlq.write_text(text[: len(text) * 2 // 3])
    refusing.wait(lambda: intact(refusing), what="written again")
    elsewhere = [path for path in refusing.files_with("zanzibar by hand") if path != refusing.dlq]
    assert elsewhere
    refusing.wait(lambda: refusing.dlq.name in refusing.log_text()[logged:], what="logged")


@pytest.mark.row(28)
def test_a_script_that_rewrites_slowly_in_a_loop_loses_nothing(
    refusing: Home, server: Standin
) -> None:
    worker = refusing.worker()
    rewriter = [sys.executable, "-c", SLOW_REWRITER, "4"]
    subprocess.run(rewriter, env=refusing.env, check=True, timeout=30)
    refusing.wait(
        lambda: intact(refusing) and refusing.dlq_texts() == expected(0), what="all there"
    )
    assert worker.alive
    assert server.saves == []


@pytest.mark.row(28, 29)
def test_a_save_in_the_middle_of_our_work_is_merged(home: Home, server: Standin) -> None:
    server.latency = 0.02
    home.write_dlq([waiting(f"letter {n}") for n in range(60)])
    home.worker()
    home.wait(lambda: home.read(home.metrics)["dlq_size"] == 60, what="taken in")
    removed = [f"letter {n}" for n in range(0, 60, 10)]
    home.script(user.RETRY_ALL)
    for text in removed:
        user.remove(home, text)
    home.wait_dlq([])
    kept = [f"letter {n}" for n in range(60) if n % 10]
    assert server.missing(kept) == []
    assert server.surplus() == {}
