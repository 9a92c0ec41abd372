"""`mem0tray list`."""

import time

import click
import pytest

from tests.actions.scene import worker
from tests.cli.scratch import Scratch
from tests.support.shapes import dead, entry, queue_document, waiting


@pytest.fixture
def letters(home: Scratch) -> list[dict[str, object]]:
    """Write two dead letters of two projects, a thing without sense, and an entry."""
    made = [
        waiting("first", "alpha", id="aaaa1111-1", retry_count=7, last_error="500: odd", mine=[1]),
        dead("second", "beta", id="bbbb2222-2", retry_count=2, last_attempt=0),
    ]
    home.write("mem0_queue_dlq.json", {"items": [*made, None], "last_update": "x"})
    home.write("mem0_queue.json", queue_document([entry("q", "gamma", id="cccc3333-3", retries=2)]))
    return made


@pytest.mark.usefixtures("letters")
def test_dead_letters_are_rows(home: Scratch) -> None:
    """Id, project, retries, last attempt, next retry and reason; what is no item is counted."""
    header, first, second, rest = home.ok("list").splitlines()
    assert header.split()[:3] == ["ID", "PROJECT", "RETRIES"]
    assert first.split()[:3] == ["aaaa1111", "alpha", "7"]
    assert "in 1 h" in first
    assert first.endswith("500: odd")
    assert second.split() == ["bbbb2222", "beta", "2", "–", "now"]
    assert rest.startswith("1 further thing in the file makes no sense")


def test_json_has_the_file_s_own_fields(home: Scratch, letters: list[dict[str, object]]) -> None:
    """Every field of each item, and `next_retry`."""
    first, second = home.run("list", "--json").json()
    assert first == letters[0] | {"next_retry": first["next_retry"]}
    assert abs(first["next_retry"] - time.time() - 3600) < 60
    assert second["next_retry"] == 0


@pytest.mark.usefixtures("letters")
def test_narrowing(home: Scratch) -> None:
    """`--project` and `--limit`; what the limit hides is counted."""
    assert [each["id"] for each in home.run("list", "--json", "--project", "beta").json()] == [
        "bbbb2222-2"
    ]
    assert len(home.run("list", "--json", "--limit", "1").json()) == 1
    assert "… and 1 more." in home.ok("list", "--limit", "1")
    assert home.run("list", "--limit", "0").code == 2


@pytest.mark.usefixtures("letters")
def test_waiting_entries(home: Scratch) -> None:
    """`--queue`: from the file alone, and with the ledger's reason once there is one."""
    assert home.ok("list", "--queue").splitlines()[1].split()[:3] == ["cccc3333", "gamma", "2"]
    with worker(home.paths) as core, core.ledger.transaction() as db:
        db.execute(
            "UPDATE items SET retries = 4, last_error = 'odd', due = 9e9 WHERE state = 'pending'"
        )
    row = home.ok("list", "--queue").splitlines()[1]
    assert row.split()[2] == "4"
    assert row.endswith("odd")
    (document,) = home.run("list", "--queue", "--json").json()
    assert (document["last_error"], document["next_retry"]) == ("odd", 9e9)
    assert abs(document["waiting_since"] - time.time()) < 60


def test_hostile_text_stays_one_harmless_line(home: Scratch) -> None:
    """Escapes, line breaks, markup and half characters of an item do nothing to a terminal."""
    text = "[red]x[/red]\x1b[31m\r\n\u202e\ud83d"
    home.write("mem0_queue_dlq.json", {"items": [waiting("x", text, id=text, last_error=text)]})
    out = home.ok("list")
    assert len(out.splitlines()) == 2
    assert not set("\x1b\r\u202e\ud83d") & set(out)
    assert "[red]x[/red]" in out
    assert home.run("list", "--json").json()[0]["id"] == text


@pytest.mark.parametrize(
    ("columns", "missing"),
    [
        (100, []),
        (80, []),
        (60, ["LAST ATTEMPT"]),
        (40, ["LAST ATTEMPT", "NEXT RETRY", "RETRIES"]),
    ],
)
@pytest.mark.parametrize("queue", [False, True], ids=["dead", "waiting"])
def test_each_item_is_one_line_of_the_terminal(
    home: Scratch, columns: int, missing: list[str], *, queue: bool
) -> None:
    """The id stays whole, the reason is cut, and columns go where room is short."""
    reason = "500 Internal Server Error: the database is not to be had at the moment"
    made = {"id": "aaaa1111-1", "last_error": reason}
    home.write("mem0_queue_dlq.json", {"items": [waiting("x", "a" * 30, **made)] * 2})
    home.write("mem0_queue.json", queue_document([entry("x", "a" * 30, **made)] * 2))
    home.terminal(columns)
    head, _, first, second = click.unstyle(home.ok("list", *["--queue"] * queue)).splitlines()
    for line in (first, second):
        assert line.startswith("aaaa1111 ")
        assert line.rstrip().endswith("…")
        assert len(line) <= columns
    if not queue:
        assert [name for name in ("LAST ATTEMPT", "NEXT RETRY", "RETRIES") if name not in head] == (
            missing
        )


def test_nothing_to_list(home: Scratch) -> None:
    """No files: a sentence, or an empty list."""
    assert home.ok("list") == "There are no dead letters.\n"
    assert home.ok("list", "--queue") == "Nothing waits.\n"
    assert home.run("list", "--json").json() == []


@pytest.mark.usefixtures("letters")
def test_nothing_of_a_project(home: Scratch) -> None:
    """That a project has none is not that there are none."""
    assert home.ok("list", "--project", "nope").startswith("There are no dead letters of nope.\n")
    assert home.ok("list", "--queue", "--project", "nope") == "Nothing of nope waits.\n"


def test_a_broken_file_is_one_line_of_error(home: Scratch) -> None:
    """It is not taken for empty."""
    home.write("mem0_queue_dlq.json", []).write_text("{")
    done = home.run("list")
    assert done.code == 1
    assert "cannot be read" in done.line
