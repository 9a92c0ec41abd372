"""`mem0tray delete`."""

import json
from pathlib import Path

import pytest

from tests.cli.scratch import Scratch
from tests.report.past import past
from tests.support.shapes import entry, queue_document, waiting


@pytest.fixture
def letters(home: Scratch) -> None:
    """Write two dead letters and an entry."""
    items = [waiting("zanzibar by night", "alpha", id="aaaa-1"), waiting("b", id="bbbb-1")]
    home.write("mem0_queue_dlq.json", {"items": items, "last_update": "x"})
    home.write("mem0_queue.json", queue_document([entry("q", id="qqqq-1")]))


def left(home: Scratch) -> list[str]:
    document = json.loads((home.claude / "mem0_queue_dlq.json").read_text())
    return [item["id"] for item in document["items"]]


@pytest.mark.usefixtures("letters")
def test_with_yes_it_deletes_and_names_the_backup(home: Scratch) -> None:
    text = home.ok("delete", "aaaa", "qqqq", "--yes")
    (backup,) = home.claude.glob("mem0_queue_dlq.backup-*.json")
    assert str(backup) in text
    assert left(home) == ["bbbb-1"]
    assert json.loads(home.queue.read_text())["queue"] == []


@pytest.mark.usefixtures("letters")
def test_it_asks_showing_project_id_date_and_text(home: Scratch) -> None:
    done = home.run("delete", "aaaa", stdin=b"n\n")
    assert done.code == 1
    assert done.out.startswith("alpha, aaaa-1, 20")
    assert done.line == "mem0tray: Nothing was deleted."
    assert done.out.splitlines()[1] == "  “zanzibar by night”"
    assert left(home) == ["aaaa-1", "bbbb-1"]
    assert home.run("delete", "aaaa", stdin=b"y\n").code == 0
    assert left(home) == ["bbbb-1"]


@pytest.mark.usefixtures("letters")
def test_where_nobody_can_answer_it_says_how(home: Scratch) -> None:
    done = home.run("delete", "aaaa")
    assert done.code == 1
    assert "--yes" in done.line
    assert left(home) == ["aaaa-1", "bbbb-1"]


@pytest.mark.usefixtures("letters")
def test_one_wrong_id_deletes_nothing(home: Scratch) -> None:
    done = home.run("delete", "aaaa", "zzzz", "--yes")
    assert done.code == 1
    assert "zzzz" in done.line
    assert left(home) == ["aaaa-1", "bbbb-1"]
    assert home.run("delete").code == 2


@pytest.mark.usefixtures("letters")
def test_forget_says_what_it_erased_and_what_not(home: Scratch) -> None:
    (home.claude / "notes.txt~").write_text("zanzibar by night")
    home.ok("delete", "bbbb", "--yes")
    text = home.ok("delete", "aaaa", "--yes", "--forget")
    assert "erased from mem0_queue_dlq.backup.json" in text
    assert "not erased: " in text
    assert "notes.txt~" in text
    assert "without a backup" in text
    held = [p.name for p in home.root.rglob("*") if p.is_file() and b"zanzibar" in p.read_bytes()]
    assert held == ["notes.txt~"]


def _three(home: Scratch) -> None:
    letters = [
        waiting(name, project, id=f"{name}-1") for name, project in (("aa", "x"), ("bb", "y"))
    ]
    home.write("mem0_queue_dlq.json", {"items": letters, "last_update": "x"})
    home.write("mem0_queue.json", queue_document([entry("cc", "x", id="cc-1")]))


def test_all_of_a_project(home: Scratch) -> None:
    """Dead letters and waiting entries of it, and no others; with ids, those that are of it."""
    _three(home)
    assert home.run("delete", "bb", "--project", "x", "--yes").code == 1
    assert home.run("delete", "--project", "nope", "--yes").code == 1
    assert home.run("delete", "--yes").code == 2
    assert "Deleted 2 items." in home.ok("delete", "--project", "x", "--yes")
    assert [each["id"] for each in home.run("list", "--json").json()] == ["bb-1"]
    assert home.run("list", "--queue", "--json").json() == []
    home.ok("restore")
    assert len(home.run("list", "--json").json()) == 2


def test_one_document(home: Scratch) -> None:
    """What was deleted, and its backup; it cannot ask."""
    _three(home)
    assert home.run("delete", "aa", "--json").code == 2
    told = home.run("delete", "aa", "cc", "--yes", "--json").json()
    assert told["deleted"] == [
        {"id": "aa-1", "project_id": "x", "place": "dlq"},
        {"id": "cc-1", "project_id": "x", "place": "queue"},
    ]
    assert told["gone"] == []
    assert Path(told["backup"]).is_file()
    assert told["forgotten"] is None
    told = home.run("delete", "bb", "--yes", "--forget", "--json").json()
    assert told["backup"] is None
    assert any("mem0_queue" in place for place in told["forgotten"]["erased"])


def test_forget_reaches_what_was_delivered_or_deleted_before(home: Scratch) -> None:
    items = [entry(f"zanzibar {name}", id=f"{name}-1") for name in ("sent", "gone")]
    home.write("mem0_queue.json", queue_document([entry("stays", id="ss-1")]) | {"last_100": items})
    home.write("mem0_queue_backup.json", queue_document(items))
    with past(home.paths, "https://server.test") as ledger:
        ledger.recovered(ledger.taken_in_as(items[0], 5.0), 6.0)
        ledger.discarded(ledger.taken_in_as(items[1], 5.0), 6.0)
    assert home.run("delete", "sent", "--yes").code == 1
    text = home.ok("delete", "sent", "gone", "--yes", "--forget")
    assert "sent-1 no longer waited; its text is erased for good." in text
    assert "erased from last_100 in mem0_queue.json" in text
    assert "the server (https://server.test) has it" in text
    held = [p for p in home.root.rglob("*") if p.is_file() and b"zanzibar" in p.read_bytes()]
    assert held == []
    assert [each["id"] for each in home.run("list", "--queue", "--json").json()] == ["ss-1"]
    assert home.run("delete", "none", "--yes", "--forget").code == 1


def test_forget_takes_both_kinds_at_once(home: Scratch) -> None:
    _three(home)
    with past(home.paths) as ledger:
        ledger.recovered(ledger.taken_in_as(entry("zanzibar", "x", id="dd-1"), 5.0), 6.0)
    assert home.run("delete", "dd", "--project", "y", "--yes", "--forget").code == 1
    told = home.run("delete", "dd", "bb", "--yes", "--forget", "--json").json()
    assert [each["id"] for each in told["deleted"]] == ["bb-1"]
    assert told["no_longer_waiting"] == [{"id": "dd-1", "project_id": "x"}]
    assert left(home) == ["aa-1"]


@pytest.mark.parametrize("command", [("delete", "--yes"), ("edit",)], ids=["delete", "edit"])
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
