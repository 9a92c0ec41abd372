"""`mem0tray retry`."""

import json

import pytest

from mem0tray.core import reasons
from mem0tray.core.state import ACTION_NEEDED, refusal
from mem0tray.files.lock import InstanceLock
from mem0tray.server.remedy import of_refusal
from tests.actions.scene import metrics_of
from tests.cli.scratch import Scratch
from tests.support.http1 import Answer
from tests.support.shapes import entry, queue_document, waiting
from tests.support.standin import Standin


@pytest.fixture
def letters(home: Scratch) -> None:
    """Write two dead letters."""
    items = [waiting("a", "alpha", id="aaaa-1"), waiting("b", "beta", id="bbbb-1")]
    home.write("mem0_queue_dlq.json", {"items": items, "last_update": "x"})


def forced(home: Scratch) -> list[str]:
    document = json.loads((home.claude / "mem0_queue_dlq.json").read_text())
    return [item["content"] for item in document["items"] if item["last_attempt"] == 0]


@pytest.mark.parametrize("arguments", [[], ["--all", "--project", "x"], ["aaaa", "--all"]])
@pytest.mark.usefixtures("letters")
def test_neither_nothing_nor_two_ways_at_once_say_what_to_retry(
    home: Scratch, arguments: list[str]
) -> None:
    done = home.run("retry", *arguments)
    assert done.code == 2
    assert "Name ids, or give either --project or --all." in done.err
    assert forced(home) == []


@pytest.mark.usefixtures("letters")
def test_a_project_of_which_nothing_waits_is_an_error(home: Scratch) -> None:
    home.write("mem0_queue.json", queue_document([entry("waits", "fresh")]))
    retried, deleted = home.run("retry", "-p", "nope"), home.run("delete", "-yp", "nope")
    assert retried.code == deleted.code == 1
    assert retried.err == deleted.err
    assert "Nothing of the project 'nope' waits." in retried.err
    assert "no dead letters of fresh" in home.ok("retry", "-p", "fresh")


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [(["aa"], ["a"]), (["--project", "beta"], ["b"]), (["--all"], ["a", "b"])],
    ids=["id", "project", "all"],
)
@pytest.mark.usefixtures("letters")
def test_what_is_retried(home: Scratch, arguments: list[str], wanted: list[str]) -> None:
    """The file is edited, and the server's health is said."""
    with Standin() as server:
        home.env(MEM0TRAY_SERVER_URL=server.url)
        text = home.ok("retry", *arguments)
        assert f"({server.netloc}) is healthy" in text
        assert server.saves == []
    assert forced(home) == wanted
    assert f"{len(wanted)} memor" in text
    assert "Worker not running: nothing is sent without the worker." in text


@pytest.mark.usefixtures("letters")
def test_a_server_that_is_none_is_not_called_down(home: Scratch) -> None:
    with Standin() as server:
        server.health = Answer(404)
        home.env(MEM0TRAY_SERVER_URL=server.url)
        text = home.ok("retry", "--all")
    assert (
        f"Action needed: no Mem0 server was recognised at {server.netloc} (/health: 404 Not Found;"
        in text
    )
    assert "server.dialect" in text
    assert "Server down" not in text


def test_a_name_is_one_that_can_be_typed(home: Scratch) -> None:
    items = [waiting("a", "x", id="04f96029-aa1"), waiting("b", "x", id="04f96029-ab2")]
    home.write("mem0_queue_dlq.json", {"items": items, "last_update": "x"})
    assert "04f96029-aa (x), 04f96029-ab (x)" in home.ok("retry", "--all")
    assert forced(home) == ["a", "b"]
    home.ok("retry", "04f96029-ab")


@pytest.mark.usefixtures("letters")
def test_a_server_that_is_down_is_said(home: Scratch) -> None:
    with Standin() as server:
        server.health = Answer(503)
        home.env(MEM0TRAY_SERVER_URL=server.url)
        assert "Server down: " in home.ok("retry", "--all")
    assert forced(home) == ["a", "b"]


@pytest.mark.usefixtures("letters")
def test_no_server_chosen_is_said(home: Scratch) -> None:
    assert "No server chosen: " in home.ok("retry", "--all")


@pytest.mark.usefixtures("letters")
def test_a_server_that_refuses_everything_is_said(home: Scratch) -> None:
    home.ok("list")  # the ledger knows them
    reason = reasons.advised(refusal("401 Unauthorized", 401), of_refusal(401))
    home.write("mem0_metrics.json", metrics_of(ACTION_NEEDED, reason))
    lock = InstanceLock(home.paths.instance_lock)
    lock.acquire()
    with Standin() as server:
        home.env(MEM0TRAY_SERVER_URL=server.url)
        text = home.ok("retry", "--all")
        lock.release()
        stopped = home.ok("retry", "--all")
    assert "Action needed: the server refuses deliveries: 401 Unauthorized. Set the key" in text
    assert "healthy" not in text
    assert "is healthy" in stopped


@pytest.mark.parametrize(
    ("arguments", "words"),
    [([], "Paused: you paused deliveries until you resume."), (["30"], "deliveries until 2")],
    ids=["for good", "for a time"],
)
@pytest.mark.usefixtures("letters")
def test_a_pause_is_said(home: Scratch, arguments: list[str], words: str) -> None:
    """Deliveries that are paused are named once, with what ends the pause; else they are not."""
    home.env(MEM0TRAY_SERVER_URL="http://127.0.0.1:9")
    home.ok("pause", *arguments)
    told = home.ok("retry", "--all")
    assert words in told
    assert told.count("`mem0tray resume`") == 1
    home.ok("resume")
    assert "pause" not in home.ok("retry", "--all")


@pytest.mark.usefixtures("letters")
def test_a_pause_that_cannot_be_read_is_said(home: Scratch) -> None:
    home.paths.pause.mkdir(parents=True)
    assert "`mem0tray resume`" in home.ok("retry", "--all")
    assert forced(home) == ["a", "b"]


def test_nothing_to_retry(home: Scratch) -> None:
    """No dead letters is no failure; an id or a project that names none is."""
    assert home.ok("retry", "--all") == "There are no dead letters to retry.\n"
    assert home.run("retry", "--project", "alpha").code == 1
    assert home.run("retry", "zz").code == 1


def test_json_tells_of_the_server_where_there_is_nothing_to_retry(home: Scratch) -> None:
    home.claude.mkdir()
    with Standin() as server:
        home.env(MEM0TRAY_SERVER_URL=server.url)
        found = home.run("retry", "--all", "--json").json()
    assert found["items"] == []
    assert found["server"] == {"destination": server.netloc, "healthy": True, "reason": ""}
