"""`mem0tray diagnose`."""

from collections.abc import Iterator

import pytest

from tests.actions.scene import worker
from tests.cli.scratch import Scratch
from tests.support.http1 import Answer
from tests.support.shapes import dead, entry, queue_document, waiting
from tests.support.standin import Standin


@pytest.fixture
def server(home: Scratch) -> Iterator[Standin]:
    """Serve, as the chosen server."""
    with Standin() as standin:
        home.env(MEM0TRAY_SERVER_URL=standin.url)
        yield standin


@pytest.fixture
def letters(home: Scratch) -> None:
    """Write dead letters with several troubles, and an entry."""
    items = [
        waiting("rejected", id="aaaa-1", last_error="400: no thanks"),
        waiting("half \ud83d", id="bbbb-1"),
        waiting("waits", id="cccc-1"),
        dead(7, id="dddd-1"),
    ]
    home.write("mem0_queue_dlq.json", {"items": items, "last_update": "x"})
    home.write("mem0_queue.json", queue_document([entry("q", id="qqqq-1")]))


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("aaaa", "rejected by the server"),
        ("bbbb", "invalid content"),
        ("cccc", "worker not running"),
        ("dddd", "invalid content"),
        ("qqqq", "worker not running"),
    ],
)
@pytest.mark.usefixtures("server", "letters")
def test_one_item(home: Scratch, name: str, cause: str) -> None:
    """The cause that counts first, for people and for programs."""
    assert home.ok("diagnose", name).splitlines()[1].startswith(f"  {cause}: ")
    (document,) = home.run("diagnose", name, "--json").json()
    assert document["cause"] == cause
    assert document["id"].startswith(name)
    assert document["remedy"]


@pytest.mark.usefixtures("server")
def test_the_text_is_shown_in_one_short_line(home: Scratch) -> None:
    """What the item is about can be seen; escapes and the rest of a long text cannot."""
    letters = [waiting("zanzibar\x1b[31m\nby " + "night " * 99, id="aaaa-1"), dead(7, id="bbbb-1")]
    home.write("mem0_queue_dlq.json", {"items": letters})
    line = home.ok("diagnose", "aaaa").splitlines()[0]
    assert "“zanzibar [31m by night" in line
    assert "\x1b" not in line
    assert len(line) < 120
    assert "“" not in home.ok("diagnose", "bbbb")


@pytest.mark.usefixtures("letters")
def test_the_history_is_shown(home: Scratch, server: Standin) -> None:
    """Status, message and duration of each failed attempt."""
    server.health = Answer(503)
    with worker(home.paths) as core:
        (row,) = core.inbox.by_ids(["aaaa-1"])["aaaa-1"]
        core.outbox.record_attempt(row.key, 1.0, "item failure", 400, "400: first", 0.5)
        core.outbox.record_attempt(row.key, 2.0, "item failure", 422, "422: last", 0.5)
    text = home.ok("diagnose", "aaaa")
    assert "server down" in text.splitlines()[1]
    assert "400: first (0.50 s)" in text
    (document,) = home.run("diagnose", "aaaa", "--json").json()
    assert [attempt["status"] for attempt in document["history"]] == [400, 422]
    assert document["also"][0]["detail"] == "422: last"


@pytest.mark.usefixtures("server", "letters")
def test_the_sum_of_all(home: Scratch) -> None:
    """Every dead letter is counted under one cause."""
    counts = {each["cause"]: each["count"] for each in home.run("diagnose", "--json").json()}
    assert counts == {"invalid content": 2, "rejected by the server": 1, "worker not running": 1}
    text = home.ok("diagnose")
    assert "2 dead letters: invalid content" in text
    assert text.endswith("1 memory waits in the queue: see `mem0tray list --queue`.\n")


@pytest.mark.usefixtures("server")
def test_entries_that_have_failed_are_in_the_sum(home: Scratch) -> None:
    """A waiting entry with a failure, by ledger or file, is stuck too; a new one only waits."""
    entries = [entry("new"), entry("file", retries=1), entry("ledger", id="llll-1")]
    home.write("mem0_queue.json", queue_document(entries))
    home.write("mem0_queue_dlq.json", {"items": [waiting("x", last_error="500: odd")]})
    with worker(home.paths) as core:
        (row,) = core.inbox.by_ids(["llll-1"])["llll-1"]
        core.outbox.record_attempt(row.key, 1.0, "item failure", 500, "500: odd", 0.5)
    text = home.ok("diagnose")
    assert "1 dead letter, 1 waiting entry: rejected by the server" in text
    assert "1 waiting entry: worker not running" in text
    assert "3 memories wait in the queue" in text
    counts = {each["cause"]: each["count"] for each in home.run("diagnose", "--json").json()}
    assert counts == {"rejected by the server": 2, "worker not running": 1}


def test_nothing_is_stuck(home: Scratch) -> None:
    """No dead letters; what is amiss all the same is said."""
    text = home.ok("diagnose")
    assert text.startswith("There are no dead letters.\n")
    assert "Besides: worker not running" in text
    assert home.run("diagnose", "--json").json() == []
    assert home.run("diagnose", "zz").code == 1
