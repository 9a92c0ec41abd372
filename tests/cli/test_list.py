"""`mem0tray list`."""

import time
from contextlib import ExitStack

import pytest

from mem0tray.files.lock import FileLock
from tests.actions.scene import worker
from tests.cli.scratch import Scratch
from tests.support.past import past
from tests.support.shapes import dead, entry, queue_document, waiting


@pytest.fixture
def letters(home: Scratch) -> list[dict[str, object]]:
    made = [
        waiting("first", "alpha", id="aaaa1111-1", retry_count=7, last_error="500: odd", mine=[1]),
        dead("second", "beta", id="bbbb2222-2", retry_count=2, last_attempt=0),
    ]
    home.write("mem0_queue_dlq.json", {"items": [*made, None], "last_update": "x"})
    home.write("mem0_queue.json", queue_document([entry("q", "gamma", id="cccc3333-3", retries=2)]))
    return made


def test_dead_letters_are_rows_or_have_the_file_s_own_fields(
    home: Scratch, letters: list[dict[str, object]]
) -> None:
    header, first, second, rest, last = home.ok("list").splitlines()
    assert header.split()[:3] == ["ID", "PROJECT", "RETRIED"]
    assert first.split()[:3] == ["aaaa1111", "alpha", "7"]
    assert "in 1 h" in first
    assert first.endswith("500: odd")
    assert second.split() == ["bbbb2222", "beta", "2", "–", "due", "now", "second"]
    assert rest.startswith("1 further thing in the file makes no sense")
    assert last == "Nothing is sent now: choose a server"
    one, two = home.run("list", "--json").json()
    assert one == letters[0] | {"next_retry": one["next_retry"]}
    assert abs(one["next_retry"] - time.time() - 3600) < 60
    assert two["next_retry"] == 0
    assert home.run("list", "--json", "--project", "beta").json() == [two]
    assert home.run("list", "--json", "--limit", "1").json() == [one]
    assert "… and 1 more." in home.ok("list", "--limit", "1")
    (waits,) = home.run("list", "--queue", "--json").json()
    assert waits["waits_for"] == "choose a server"


def test_a_longer_wait_is_told_that_the_server_asked_for(home: Scratch) -> None:
    now = time.time()
    letter = waiting("x", "alpha", id="aaaa1111-1", retry_count=0, last_attempt=now - 40)
    home.write("mem0_queue_dlq.json", {"items": [letter]})
    with past(home.paths) as ledger:
        ledger.adopted(letter, now, due=now + 600)
    assert " in 10 min " in home.ok("list").splitlines()[1]
    for more in ((), ("--limit", "1")):
        (document,) = home.run("list", "--json", *more).json()
        assert document["next_retry"] == now + 600


@pytest.mark.usefixtures("letters")
def test_waiting_entries_have_the_ledger_s_reason_once_there_is_one(home: Scratch) -> None:
    assert home.ok("list", "--queue").splitlines()[1].split()[:3] == ["cccc3333", "gamma", "2"]
    with worker(home.paths) as context, context.ledger.transaction() as db:
        db.execute(
            "UPDATE items SET retries = 4, last_error = 'odd', due = 9e9 WHERE state = 'pending'"
        )
    row = home.ok("list", "--queue").splitlines()[1]
    assert row.split()[2] == "4"
    assert row.endswith("odd")
    (document,) = home.run("list", "--queue", "--json").json()
    assert (document["last_error"], document["next_retry"]) == ("odd", 9e9)
    assert abs(document["waiting_since"] - time.time()) < 60


@pytest.mark.parametrize(
    ("state", "reason", "shown"),
    [
        ("down", "connection refused", "server down: connection refused"),
        ("paused", "paused by you", "paused by you"),
        ("action needed", "the server refuses it: 401", "the server refuses it: 401"),
        ("healthy", "", ""),
        ("", "", "worker not running"),
    ],
)
def test_what_waiting_entries_wait_for(home: Scratch, state: str, reason: str, shown: str) -> None:
    home.env(MEM0TRAY_SERVER_URL="http://127.0.0.1:9")
    failed = entry("failed", id="bbbb1111-1", last_error="500: odd")
    home.write("mem0_queue.json", queue_document([entry("fresh", id="aaaa1111-1"), failed]))
    home.ok("list")  # the ledger knows them
    home.paths.instance_lock.write_text("")
    with ExitStack() as stack:
        if state:
            stack.enter_context(FileLock(home.paths.instance_lock).held(1))
            since = f"{time.strftime('%Y-%m-%d')}T07:08:09"
            told = {"state": state, "reason": reason, "state_since": since}
            home.write("mem0_metrics.json", told)
        _, *rows, last = [*home.ok("list", "--queue").splitlines(), *[""] * (not shown)]
        listed = home.run("list", "--queue", "--json").json()
    assert all(("due now" in row) == (not shown) for row in rows)
    assert last == (f"Nothing is sent now: {shown}" if shown else "")
    for row, end in zip(rows, ("fresh", "500: odd"), strict=True):
        assert row.rstrip().endswith(end)
    assert [each["waits_for"] for each in listed] == [shown or None] * 2


def test_no_file_is_no_item_and_a_broken_one_is_one_line_of_error(home: Scratch) -> None:
    assert home.ok("list") == "There are no dead letters.\n"
    assert home.ok("list", "--queue") == "Nothing waits.\n"
    assert home.run("list", "--json").json() == []
    home.never_rests()
    home.write("mem0_queue_dlq.json", []).write_text("{")
    home.write("mem0_queue.json", []).write_text("{")
    for arguments, name in (
        (["list"], "queue_dlq"),
        (["list", "-q"], "queue"),
        (["stats"], "queue"),
    ):
        assert f"mem0_{name}.json is broken, or just being written" in home.fails(*arguments)
