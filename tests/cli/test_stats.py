"""`mem0tray stats`."""

import json
import time

from tests.cli.scratch import Scratch
from tests.support.shapes import dead, entry, queue_document


def test_counts_by_project_retries_and_age(home: Scratch) -> None:
    now = int(time.time())
    letters = [
        dead("a", "alpha", retry_count=0, timestamp=now - 60),
        dead("b", "alpha", retry_count=7, timestamp=now - 90_000),
        dead("c", "beta", retry_count=10**9, timestamp=now - 90_000),
        dead("d", None, retry_count="many", timestamp="never"),
    ]
    home.write("mem0_queue_dlq.json", {"items": [*letters, None, 5]})
    home.write("mem0_queue.json", queue_document([entry("q", "beta"), entry("r", "gamma")]))
    seen = home.run("stats", "--json").json()
    assert (seen["dead"], seen["waiting"], seen["nonsense"]) == (4, 2, 2)
    assert seen["projects"] == [
        {"project_id": "alpha", "dead": 2, "waiting": 0},
        {"project_id": "beta", "dead": 1, "waiting": 1},
        {"project_id": "", "dead": 1, "waiting": 0},
        {"project_id": "gamma", "dead": 0, "waiting": 1},
    ]
    assert seen["retries"] == {"0": 2, "7 and more": 2}
    assert seen["ages"] == {"under 1 h": 1, "1 to 7 days": 2, "unknown": 1}
    assert abs(seen["oldest"] - 90_000) < 60


def test_the_same_for_people(home: Scratch) -> None:
    """Tables with totals; an item without a project has its own row."""
    home.write("mem0_queue_dlq.json", {"items": [dead("a", "alpha"), dead("b", "")]})
    text = home.ok("stats")
    for word in ("alpha", "(none)", "RETRIED", "AGE", "2 dead letters, 0 entries wait."):
        assert word in text


def test_nothing_to_count(home: Scratch) -> None:
    """No files: one sentence, and no head of a table that has no rows."""
    assert home.ok("stats") == "0 dead letters, 0 entries wait.\n"
    assert home.run("stats", "--json").json()["projects"] == []


def test_what_waits_in_the_emergency_file_is_counted_once(home: Scratch) -> None:
    lines = [entry(name, "alpha", id=name, emergency=True) for name in ("one", "two")]
    home.write("mem0_queue.json", queue_document([lines[0]]))
    home.paths.emergency.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert home.run("stats", "--json").json()["waiting"] == 2
    assert home.run("status", "--json").json()["queue"] == 2
