"""`mem0tray restore`."""

import time

import pytest

from tests.cli.scratch import Scratch
from tests.support.shapes import entry, waiting


@pytest.fixture
def backup(home: Scratch) -> str:
    items = [waiting("a", id="aaaa-1"), waiting("b", id="bbbb-1")]
    home.write("mem0_queue_dlq.json", {"items": items, "last_update": "x"})
    home.ok("delete", "aaaa", "--yes")
    (path,) = home.claude.glob("mem0_queue_dlq.backup-*.json")
    return path.name


def left(home: Scratch) -> list[str]:
    return [item["id"] for item in home.letters()]


def test_the_last_delete_comes_back_once(home: Scratch, backup: str) -> None:
    text = home.ok("restore")
    assert backup in text
    assert "1 dead letter restored" in text
    assert "--list" not in text
    assert left(home) == ["bbbb-1", "aaaa-1"]
    assert "0 items: nothing to put back (deleted items)" in home.ok("restore", "--list")
    found = home.run("restore", "--list", "--json").json()
    assert {each["name"]: each["restorable"] for each in found}[backup] == 0
    again = home.ok("restore")
    assert "1 was there already" in again
    assert "`mem0tray restore --list`" in again


def test_the_list_for_a_program_has_all_that_the_other_counts(home: Scratch, backup: str) -> None:
    home.write("mem0_queue_dlq.backup.json", {"items": [5, entry("a", "", id="cccc-1")]})
    found = {source["name"]: source for source in home.run("restore", "-l", "-j").json()}
    deleted, copy = found[backup], found["mem0_queue_dlq.backup.json"]
    assert (deleted["kind"], deleted["note"]) == ("backup", "deleted items")
    assert abs(deleted["time"] - time.time()) < 600
    assert deleted["items"] == [{"id": "aaaa-1", "project_id": "alpha", "place": "dlq"}]
    assert copy["kind"] == "copy"
    assert copy["items"] == [
        {"id": None, "project_id": None, "place": "dlq"},
        {"id": "cccc-1", "project_id": None, "place": "queue"},
    ]
    for wrong in ("--json", "--list"):
        assert home.run("restore", wrong, backup).code == 2


@pytest.mark.usefixtures("backup")
def test_the_list_says_whose_a_file_is_and_what_has_no_memory(home: Scratch) -> None:
    assert "your own" not in home.ok("restore", "--list")
    home.write("mem0_queue_dlq.backup.json", {"items": []})
    home.paths.quarantine.mkdir(parents=True)
    (home.paths.quarantine / "mem0_queue-1.json").write_bytes(b"garbage")
    home.ok("delete", "bbbb", "--yes")
    lines = home.ok("restore", "--list").splitlines()
    for what, count in (
        ("no memory in it (a copy of your own)", 1),
        ("no memory in it (what could not be read as JSON)", 1),
        ("deleted items", 2),
        ("before the last delete", 1),
    ):
        assert [line.endswith(what) for line in lines].count(True) == count, what


def test_a_name_or_a_path(home: Scratch, backup: str) -> None:
    home.ok("restore", str(home.claude / backup))
    assert left(home) == ["bbbb-1", "aaaa-1"]
    assert "there already" in home.ok("restore", backup[:-5])


def test_nothing_to_restore_is_one_line(home: Scratch) -> None:
    assert home.run("restore").code == 1
    assert home.ok("restore", "--list") == "There is nothing to restore.\n"
    assert "nonsense" in home.run("restore", "nonsense").line
    home.write("empty.json", {"items": []})
    assert "no memory" in home.run("restore", "empty.json").line
