"""`mem0tray retry`, `delete`, `pause` and `resume`."""

import json
import time
from pathlib import Path

import pytest

from mem0tray.files import orders
from mem0tray.ledger.reader import Reader
from tests.actions.scene import holding, worker
from tests.cli.scratch import Scratch
from tests.support import needs
from tests.support.http1 import Answer
from tests.support.past import past
from tests.support.shapes import emergency_lines, entry, queue_document, waiting
from tests.support.standin import Standin


@pytest.fixture
def letters(home: Scratch) -> None:
    """Write two dead letters and an entry, of two projects."""
    items = [waiting("zanzibar", "alpha", id="aaaa-1"), waiting("b", "beta", id="bbbb-1")]
    home.write("mem0_queue_dlq.json", {"items": items, "last_update": "x"})
    home.write("mem0_queue.json", queue_document([entry("q", "alpha", id="qqqq-1")]))


def left(home: Scratch) -> list[str]:
    return [item["id"] for item in home.letters()]


def forced(home: Scratch) -> list[str]:
    return [item["id"] for item in home.letters() if item["last_attempt"] == 0]


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
    [
        (["aa"], ["aaaa-1"]),
        (["--project", "beta"], ["bbbb-1"]),
        (["--all"], ["aaaa-1", "bbbb-1"]),
    ],
    ids=["id", "project", "all"],
)
@pytest.mark.usefixtures("letters")
def test_what_is_retried(home: Scratch, arguments: list[str], wanted: list[str]) -> None:
    with Standin() as server:
        home.env(MEM0TRAY_SERVER_URL=server.url)
        text = home.ok("retry", *arguments)
        assert f"({server.netloc}) is healthy" in text
        assert server.saves == []
    assert forced(home) == wanted
    assert f"{len(wanted)} memor" in text
    assert "Worker not running: nothing is sent without the worker." in text


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (503, "Server down: "),
        (404, "Action needed: no Mem0 server was recognised at {netloc} (/health: 404 Not Found;"),
    ],
)
@pytest.mark.usefixtures("letters")
def test_what_is_wrong_with_the_server_is_said(home: Scratch, status: int, said: str) -> None:
    assert "No server chosen: " in home.ok("retry", "--all")
    with Standin() as server:
        server.health = Answer(status)
        home.env(MEM0TRAY_SERVER_URL=server.url)
        text = home.ok("retry", "--all")
        assert said.format(netloc=server.netloc) in text
    assert ("Server down" in text) == (status == 503)
    assert forced(home) == ["aaaa-1", "bbbb-1"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Paused: you paused deliveries until you resume."),
        (["30"], "deliveries until 2"),
        (None, "pause.json"),
    ],
    ids=["for good", "for a time", "unreadable"],
)
@pytest.mark.usefixtures("letters")
def test_a_pause_is_named_once_with_what_ends_it(
    home: Scratch, arguments: list[str] | None, words: str
) -> None:
    home.env(MEM0TRAY_SERVER_URL="http://127.0.0.1:9")
    if arguments is None:
        home.paths.pause.mkdir(parents=True)
    else:
        home.ok("pause", *arguments)
    told = home.ok("retry", "--all")
    assert words in told
    assert told.count("`mem0tray resume`") == 1
    if arguments is not None:
        home.ok("resume")
        assert "pause" not in home.ok("retry", "--all")


def test_nothing_to_retry_is_no_failure_but_a_name_that_names_nothing_is(home: Scratch) -> None:
    assert home.ok("retry", "--all") == "There are no dead letters to retry.\n"
    assert home.run("retry", "--project", "alpha").code == 1
    assert home.run("retry", "zz").code == 1


# Delete ------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("letters")
def test_it_asks_showing_project_id_date_and_text(home: Scratch) -> None:
    done = home.run("delete", "aaaa", stdin=b"n\n")
    assert done.code == 1
    assert done.out.startswith("alpha, aaaa-1, 20")
    assert done.line == "mem0tray: The command was aborted; nothing was changed."
    assert done.out.splitlines()[1] == "  “zanzibar”"
    assert left(home) == ["aaaa-1", "bbbb-1"]
    assert home.run("delete", "aaaa", stdin=b"y\n").code == 0
    assert left(home) == ["bbbb-1"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["aaaa"], 1, "The command was aborted; nothing was changed."),
        (["aaaa", "zzzz", "--yes"], 1, "zzzz"),
        (["--yes"], 2, "Name ids, or give --project."),
        (["aaaa", "--json"], 2, "--json cannot ask"),
    ],
)
@pytest.mark.usefixtures("letters")
def test_what_is_not_asked_for_rightly_deletes_nothing(
    home: Scratch, words: list[str], code: int, said: str
) -> None:
    done = home.run("delete", *words)
    assert done.code == code
    assert said in done.line
    assert left(home) == ["aaaa-1", "bbbb-1"]


@pytest.mark.usefixtures("letters")
def test_all_of_a_project_and_no_others(home: Scratch) -> None:
    assert home.run("delete", "bb", "--project", "alpha", "--yes").code == 1
    assert home.run("delete", "--project", "nope", "--yes").code == 1
    assert "Deleted 2 items." in home.ok("delete", "--project", "alpha", "--yes")
    assert left(home) == ["bbbb-1"]
    assert home.queued() == []
    home.ok("restore")
    assert (left(home), len(home.queued())) == (["bbbb-1", "aaaa-1"], 1)


@pytest.mark.usefixtures("letters")
def test_a_program_gets_one_document(home: Scratch) -> None:
    told = home.run("delete", "aa", "qq", "--yes", "--json").json()
    assert told["deleted"] == [
        {"id": "aaaa-1", "project_id": "alpha", "place": "dlq"},
        {"id": "qqqq-1", "project_id": "alpha", "place": "queue"},
    ]
    assert (told["gone"], told["forgotten"]) == ([], None)
    assert Path(told["backup"]).is_file()
    with past(home.paths) as ledger:
        ledger.recovered(ledger.taken_in_as(entry("sent", "alpha", id="dd-1"), 5.0), 6.0)
    assert home.run("delete", "dd", "--project", "beta", "--yes", "--forget").code == 1
    told = home.run("delete", "dd", "bb", "--yes", "--forget", "--json").json()
    assert told["backup"] is None
    assert [each["id"] for each in told["deleted"]] == ["bbbb-1"]
    assert told["no_longer_waiting"] == [{"id": "dd-1", "project_id": "alpha"}]
    assert any("mem0_queue" in place for place in told["forgotten"]["erased"])


def test_forget_reaches_what_was_delivered_or_deleted_before(home: Scratch) -> None:
    items = [entry(f"zanzibar {name}", id=f"{name}-1") for name in ("sent", "gone")]
    home.write("mem0_queue.json", queue_document([entry("stays", id="ss-1")]) | {"last_100": items})
    home.write("mem0_queue_backup.json", queue_document(items))
    with past(home.paths, "https://server.test") as ledger:
        ledger.recovered(ledger.taken_in_as(items[0], 5.0), 6.0)
        ledger.discarded(ledger.taken_in_as(items[1], 5.0), 6.0)
    (home.claude / "notes.txt~").write_text("zanzibar sent")
    assert home.run("delete", "sent", "--yes").code == 1
    text = home.ok("delete", "sent", "gone", "--yes", "--forget")
    assert "sent-1 no longer waited; its text is erased for good." in text
    assert "erased from last_100 in mem0_queue.json" in text
    assert "the server (https://server.test) has it" in text
    assert "not erased: " in text
    assert "notes.txt~" in text
    held = [p.name for p in home.root.rglob("*") if p.is_file() and b"zanzibar" in p.read_bytes()]
    assert held == ["notes.txt~"]
    assert [each["id"] for each in home.run("list", "--queue", "--json").json()] == ["ss-1"]
    assert home.run("delete", "none", "--yes", "--forget").code == 1


@pytest.mark.parametrize(
    "command",
    [("delete", "--yes"), pytest.param(("edit",), marks=needs.SHELL)],
    ids=["delete", "edit"],
)
def test_an_answer_of_500_is_not_said_to_be_unknown(
    home: Scratch, command: tuple[str, ...]
) -> None:
    home.env(EDITOR="sed -i s/old/new/")
    home.write("mem0_queue.json", queue_document([entry("old", id="qqqq-1")]))
    with past(home.paths) as was:
        key = was.taken_in_as(entry("old", id="qqqq-1"), 5.0)
        was.failed(key, 6.0)
        was.left_open(key, 6.0)
    assert " failed: 500 Internal Server Error" in home.ok("show", "qqqq")
    done = home.run(*command, "qqqq")
    told = done.out + done.err
    assert "The server may have " in told
    assert "an attempt to send it failed in a way that leaves this open" in told


# What no longer waits ----------------------------------------------------------------------------


@pytest.fixture
def gone(home: Scratch) -> None:
    ids = ("dddd-1", "rrrr-1", "rrrr-2")
    home.write("mem0_queue.json", queue_document([entry(name, id=name) for name in ids]))
    with worker(home.paths) as context:
        context.outbox.record_delivery(1, "local", time.time())
        context.inbox.discard([2], time.time() - 60.0, "deleted")
        context.inbox.discard([3], time.time(), "hand edit")
    home.write("mem0_queue.json", queue_document([]))


@pytest.mark.parametrize("command", [["retry"], ["delete", "--yes"]], ids=" ".join)
@pytest.mark.usefixtures("gone")
def test_what_became_of_it_is_said(home: Scratch, command: list[str]) -> None:
    error = home.fails(*command, "dddd")
    assert error.startswith("mem0tray: dddd-1 no longer waits: delivered on ")
    assert error.endswith("to this computer only. Nothing to do.")
    assert "2 ids begin with 'rrrr'" in home.fails(*command, "rrrr")
    line = home.run(*command, "rrrr-2").line
    assert line.startswith("mem0tray: rrrr-2 no longer waits: deleted on ")
    assert line.endswith(" (hand edit). `mem0tray restore --list` shows what can be put back.")


def test_forgetting_of_a_project_leaves_a_text_of_another_under_the_same_id(home: Scratch) -> None:
    entries = [entry(each, each, id="same-1") for each in ("alpha", "beta")]
    home.write("mem0_queue.json", queue_document(entries))
    with worker(home.paths) as context:
        for key in (1, 2):
            context.outbox.record_delivery(key, "local", time.time())
    home.write("mem0_queue.json", queue_document([]))
    home.ok("delete", "--yes", "--forget", "--project", "alpha", "same-1")
    with Reader(home.paths.ledger) as reader:
        reasons = {each.project: each.reason for each in reader.by_id("same-1")}
    assert reasons == {"alpha": "forgotten", "beta": None}


def test_what_only_the_emergency_file_has_waits_like_any_other(home: Scratch) -> None:
    home.write("mem0_queue.json", queue_document([]))
    home.paths.emergency.write_text(emergency_lines([entry("urgent", id="eeee1111-1")]))
    assert home.ok("list", "--queue").splitlines()[1].startswith("eeee1111")
    assert "it waits in the queue" in home.run("retry", "eeee").line
    home.ok("delete", "--yes", "eeee")
    assert home.ok("list", "--queue") == "Nothing waits.\n"


# Pause -------------------------------------------------------------------------------------------


def test_a_pause_without_minutes_lasts_until_resumed(home: Scratch) -> None:
    assert "until `mem0tray resume`" in home.ok("pause")
    assert json.loads(home.paths.pause.read_text()) == {"until": None}
    assert orders.read_pause(home.paths) == float("inf")
    assert home.ok("resume").startswith("Deliveries go on as soon as")
    assert orders.read_pause(home.paths) is None
    assert "were not paused" in home.ok("resume")


def test_a_pause_of_some_minutes_ends_by_itself_and_says_when_no_worker_runs(home: Scratch) -> None:
    said = home.ok("pause", "5")
    assert "(in 5 min)" in said
    assert "not running" in said
    until = json.loads(home.paths.pause.read_text())["until"]
    assert 290 < until - time.time() <= 300
    with holding(home.paths):
        assert "not running" not in home.ok("pause")


@pytest.mark.parametrize("minutes", ["0", "-5", "inf", "1e9", "soon", "--json"])
def test_absurd_minutes_are_errors_of_usage(home: Scratch, minutes: str) -> None:
    home.fails("pause", minutes, code=2)
    assert not home.paths.pause.exists()
