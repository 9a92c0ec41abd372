"""An older program meets the ledger of a newer one: it says so, everywhere, and changes nothing."""

import json
import sqlite3
from contextlib import closing

import pytest

from mem0tray.ledger import opening
from tests.cli.scratch import Scratch, checks, found_at
from tests.support.shapes import dead, emergency_lines, entry, queue_document

WORDS = "A newer mem0tray has written the ledger"
REMEDY = "Update mem0tray"
STATE = {"hook_event_name": "SessionStart", "session_id": "s"}


@pytest.fixture
def newer(home: Scratch) -> dict[str, bytes]:
    """Leave a newer ledger and files that it does not know as they are; what all files hold."""
    home.write("mem0_queue.json", queue_document([entry("waits")]))
    home.ok("list", "--queue")
    with closing(sqlite3.connect(home.paths.ledger)) as db:
        db.execute(f"PRAGMA user_version = {opening.VERSION + 1}")
        db.execute("PRAGMA journal_mode = DELETE")
    home.write("mem0_queue_dlq.json", {"items": [dead("late")], "last_update": "2025-11-30"})
    home.write("mem0_queue.json", queue_document([entry("waits too")]))
    (home.claude / "mem0_emergency.json").write_text(emergency_lines([entry("in need")]))
    return held(home)


def held(home: Scratch) -> dict[str, bytes]:
    """Return the content of every file but locks, whose text is that of the last holder."""
    found = (path for path in home.root.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {path.name: path.read_bytes() for path in found}


@pytest.mark.parametrize(
    "command",
    [
        "status", "status --json", "list", "list --queue", "show x", "retry --all", "diagnose",
        "restore --list", "projects", "recall --project alpha", "search waits --project alpha",
        "delete --project alpha --yes", "run --once", "run --until-idle",
    ],
)  # fmt: skip
def test_a_command_says_so_and_changes_nothing(
    home: Scratch, newer: dict[str, bytes], command: str
) -> None:
    done = home.run(*command.split())
    assert done.code == 1
    assert WORDS in done.line
    assert REMEDY in done.line
    assert held(home) == newer


def test_where_nobody_waits_for_an_error_it_is_said_too(
    home: Scratch, newer: dict[str, bytes]
) -> None:
    assert home.ok("status", "--line").startswith(f"mem0 ! {WORDS}")
    said = found_at(home, "warn", "ledger")
    assert WORDS in said
    assert REMEDY in said
    assert all(level == "ok" for level, _ in checks(home, "another worker"))
    begun = home.ok("hook", "SessionStart", stdin=json.dumps(STATE).encode())
    assert WORDS in begun
    assert held(home) == newer


def test_saving_goes_on(home: Scratch, newer: dict[str, bytes]) -> None:
    del newer
    home.ok("add", "--project", "alpha", "one more")
    assert "one more" in home.queue.read_text()
