"""When a dead letter is due: the file says it, absurd values do no harm."""

import re
import time

import pytest

from tests.support.home import Home
from tests.support.http1 import Answer, retry_after
from tests.support.shapes import (
    Item,
    backoff_marker,
    dead,
    delay,
    entry,
    recovered_marker,
    retry_marker,
    texts,
    waiting,
)
from tests.support.standin import Standin
from tests.support.variants import variants

COUNTS = [*range(10), 30, 10**9]


def seconds(line: str) -> int:
    """Read the seconds from a line `(retry in <s>s)`."""
    found = re.search(r"\(retry in (\d+)s\)", line)
    assert found, line
    return int(found[1])


def test_a_dead_letter_is_due_by_the_table(home: Home, server: Standin) -> None:
    due = [dead(f"due {n}", retry_count=n, ago=delay(min(n, 9)) + 3) for n in COUNTS]
    early = [dead(f"early {n}", retry_count=n, ago=delay(min(n, 9)) - 20) for n in COUNTS]
    home.write_dlq([*due, *early])
    assert home.drain().returncode == 1
    assert sorted(server.order()) == sorted(texts(due))
    assert home.dlq_texts() == sorted(texts(early))


def test_a_failed_retry_counts_and_sets_the_time(home: Home, server: Standin) -> None:
    letters = [dead(f"bad {n}", retry_count=n, extra=n) for n in (0, 3, 6, 8)]
    server.default = Answer(500)
    home.write_dlq(letters)
    home.drain()
    assert len(server.saves) == 4
    for before in letters:
        after = home.dead_letter(before["content"])
        assert after["retry_count"] == before["retry_count"] + 1
        assert after["last_attempt"] == pytest.approx(time.time(), abs=15)
        assert after["extra"] == before["extra"]
        assert after["moved_to_dlq_at"] == before["moved_to_dlq_at"]
        assert len(home.log_lines(retry_marker(before, before["retry_count"] + 1))) == 1


def test_a_recovery_has_its_line(home: Home) -> None:
    letter = dead("fine", retry_count=7)
    home.write_dlq([letter])
    home.drained()
    assert len(home.log_lines(recovered_marker(letter, 7))) == 1


def test_a_retry_comes_when_it_is_due_and_not_before(home: Home, server: Standin) -> None:
    home.write_dlq([dead("soon", ago=27.0)])
    due = time.time() + 3.0
    home.worker()
    assert server.sends("soon") == 0
    server.wait_for(lambda: server.count("soon") == 1, 8)
    assert due - 0.1 <= time.time() <= due + 1.5


ABSURD: list[Item] = [
    {"retry_count": 10**9, "last_attempt": 10**9},
    {"retry_count": -3},
    {"retry_count": "many"},
    {"retry_count": None},
    {"retry_count": 2.5},
    {"retry_count": True},
    {"retry_count": [1]},
    {"last_attempt": 0},
    {"last_attempt": None},
    {"last_attempt": "yesterday"},
    {"last_attempt": -(10**18)},
    {"last_attempt": 10**18},
    {"last_attempt": 1e308},
    {"last_attempt": float("nan")},
    {"last_attempt": float("inf")},
    {"last_attempt": {}},
    {"moved_to_dlq_at": "x", "timestamp": []},
]


@pytest.mark.row(32)
def test_absurd_values_neither_crash_nor_lose(home: Home, server: Standin) -> None:
    letters = [dead(f"absurd {n}", **field) for n, field in enumerate(ABSURD)]
    home.write_dlq([*letters, dead("plain")])
    home.drain(timeout=20)
    assert server.count("plain") == 1
    found = {text: server.count(text) + home.dlq_texts().count(text) for text in texts(letters)}
    assert found == dict.fromkeys(texts(letters), 1)
    home.ok("list")
    home.json("list")


@pytest.mark.row(32)
@pytest.mark.parametrize("years", variants([10, -10, 12, 500], quick=2))
def test_a_clock_set_back_waits_at_most_one_delay(home: Home, server: Standin, years: int) -> None:
    letter = dead("far", retry_count=1, last_attempt=time.time() + years * 365.25 * 86400)
    home.write_dlq([letter])
    home.drain()
    if years < 0:
        assert server.count("far") == 1
        return
    assert server.saves == []
    (line,) = home.log_lines(backoff_marker(letter))
    assert 50 <= seconds(line) <= 60


def test_a_missing_field_counts_as_0(home: Home, server: Standin) -> None:
    home.write_dlq([{"id": "short-1", "project_id": "alpha", "content": "bare"}])
    server.script(Answer(500), content="bare", forever=True)
    home.drain()
    assert server.sends("bare") == 1
    assert home.dead_letter("bare")["retry_count"] == 1


def test_waiting_is_said_once_a_wait(home: Home, server: Standin) -> None:
    letter = waiting("later")
    home.write_dlq([letter])
    home.worker()
    server.wait_for(lambda: server.probes() >= 5, 5)
    (line,) = home.log_lines(backoff_marker(letter))
    assert 3590 <= seconds(line) <= 3600


def test_a_wait_that_an_edit_begins_is_said_once(home: Home, server: Standin) -> None:
    known, later = waiting("known"), waiting("later")
    home.write_dlq([known])
    home.worker()
    home.wait_dlq(["known"])
    home.write_dlq([*home.dlq_items(), later])
    home.wait(lambda: home.log_lines(backoff_marker(later)), 10, "the wait of the new one")
    probed = server.probes()
    server.wait_for(lambda: server.probes() >= probed + 3, 10)
    assert [len(home.log_lines(backoff_marker(each))) for each in (known, later)] == [1, 1]


def test_a_wait_that_the_server_asks_for_outlives_the_worker(home: Home, server: Standin) -> None:
    bad = entry("bad", retries=4)
    home.write_queue([bad])
    server.script(retry_after(500, 600), content="bad", forever=True)
    for _ in range(2):
        home.drain()
    waits = [seconds(line) for line in home.log_lines(backoff_marker(bad))]
    assert [500 < wait <= 600 for wait in waits] == [True, True]
    assert server.sends("bad") == 1


def test_a_wait_that_begins_at_intake_is_said_once(home: Home, server: Standin) -> None:
    home.worker()
    server.wait_for(lambda: server.probes() >= 1, 10)
    failed, older = entry("failed", retries=5), entry("older")
    home.write_queue([failed], failed=[older])
    home.wait(lambda: home.log_lines(backoff_marker(older)), 10, "the wait of the older one")
    probed = server.probes()
    server.wait_for(lambda: server.probes() >= probed + 3, 10)
    assert [len(home.log_lines(backoff_marker(each))) for each in (failed, older)] == [1, 1]


def test_many_waits_are_said_in_ten_lines(home: Home) -> None:
    home.write_dlq([waiting(f"later {n}") for n in range(60)])
    home.drain()
    lines = home.log_lines("Waiting backoff")
    assert len([line for line in lines if "(retry in" in line]) == 10
    assert len(lines) <= 11


@pytest.mark.slow
def test_a_summary_says_how_many_more_wait(home: Home) -> None:
    home.write_dlq([waiting(f"later {n}") for n in range(60)])
    home.worker()
    home.wait(lambda: len(home.log_lines("Waiting backoff")) > 10, 75, "summary")
    events = [line.partition(" ")[2] for line in home.log_lines("Waiting backoff")]
    assert len([event for event in events if re.search(r"\b50\b", event)]) == 1


def test_retries_never_end(home: Home, server: Standin) -> None:
    home.write_dlq([dead("old", retry_count=5000)])
    server.script(Answer(500), content="old", forever=True)
    home.drain()
    assert home.dead_letter("old")["retry_count"] == 5001
