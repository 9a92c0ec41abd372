"""`delete` and `restore`: back up, then delete; what was deleted can be put back."""

import json
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import user
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.shapes import Item, entry, texts, waiting
from tests.support.standin import Standin

if TYPE_CHECKING:
    from collections.abc import Callable

DATED = re.compile(r"mem0_queue_dlq\.backup-[^\s/]+\.json")


@pytest.fixture
def letters(home: Home) -> list[Item]:
    """Write three dead letters that wait."""
    items = [waiting(text, f"project-{text}", mine=text) for text in ("a", "b", "c")]
    home.write_dlq(items, comment="kept")
    return items


@pytest.fixture(params=[True, False], ids=["running", "stopped"])
def running(request: pytest.FixtureRequest, home: Home, letters: list[Item]) -> bool:
    """Start a worker over the dead letters, or none."""
    if request.param:
        home.worker()
        home.wait(lambda: home.read(home.metrics)["dlq_size"] == len(letters), 5, "taken in")
    return bool(request.param)


def backup_named_in(home: Home, output: str) -> Path:
    """Find the backup whose name a command has printed."""
    found = DATED.search(output)
    assert found, output
    return home.claude / found[0]


def later(home: Home, *, running: bool) -> None:
    """Let a worker see the files: the running one, or one that comes now."""
    if not running:
        home.drain()


def test_delete_backs_up_and_prints_the_backup_s_name(
    home: Home, server: Standin, letters: list[Item], *, running: bool
) -> None:
    before = home.read(home.dlq)
    output = home.ok("delete", letters[1]["id"], "--yes")
    backup = backup_named_in(home, output)
    (kept,) = json.loads(backup.read_text())["items"]
    assert kept == letters[1] | {key: kept[key] for key in kept if key not in letters[1]}
    assert backup.stat().st_mode & 0o077 == 0
    assert texts(home.read(home.dlq_backup)["items"]) == texts(before["items"])
    home.wait_dlq(["a", "c"])
    later(home, running=running)
    home.wait_dlq(["a", "c"])
    assert home.read(home.dlq)["comment"] == "kept"
    assert server.sends("b") == 0


def test_restore_without_argument_takes_back_the_last_delete(
    home: Home, letters: list[Item], *, running: bool
) -> None:
    home.ok("delete", letters[0]["id"], "--yes")
    home.ok("delete", letters[1]["id"][:13], letters[2]["id"], "--yes")
    home.wait_dlq([])
    later(home, running=running)
    home.ok("restore")
    home.wait_dlq(["b", "c"])
    later(home, running=running)
    home.wait_dlq(["b", "c"])
    found = home.dead_letter("b")
    assert {key: found[key] for key in letters[1]} == letters[1]


def test_restore_takes_the_backup_that_is_named(
    home: Home, letters: list[Item], *, running: bool
) -> None:
    first = backup_named_in(home, home.ok("delete", letters[0]["id"], "--yes")).name
    second = backup_named_in(home, home.ok("delete", letters[1]["id"], "--yes")).name
    assert first != second
    listed = home.ok("restore", "--list")
    assert first in listed
    assert second in listed
    home.ok("restore", first)
    home.wait_dlq(["a", "c"])
    later(home, running=running)
    home.wait_dlq(["a", "c"])


def _changes_are(home: Home, number: int) -> bool:
    marks = ("DLQ edited: ", "Deleted: ", "Restored: ")
    return sum(len(home.log_lines(mark)) for mark in marks) == number


def test_restore_takes_back_what_was_removed_by_hand_last(
    home: Home, letters: list[Item], *, running: bool
) -> None:
    steps: tuple[Callable[[], object], ...] = (
        partial(home.ok, "delete", letters[0]["id"], "--yes"),
        partial(home.ok, "restore"),
        partial(home.ok, "delete", letters[1]["id"], "--yes"),
        partial(user.remove, home, "a"),
    )
    for number, step in enumerate(steps, 1):
        step()
        if running:
            home.wait(partial(_changes_are, home, number), 5, "seen")
        later(home, running=running)
    home.wait_dlq(["c"])
    home.ok("restore")
    home.wait_dlq(["a", "c"])


def test_a_copy_of_the_user_s_hides_nothing_removed_by_hand(
    home: Home, letters: list[Item], *, running: bool
) -> None:
    user.back_up(home)
    steps: tuple[Callable[[], object], ...] = (
        partial(user.edit, home, _reword),
        partial(home.ok, "delete", letters[0]["id"], "--yes"),
        partial(user.remove, home, "c"),
    )
    for number, step in enumerate(steps, 1):
        step()
        if running:
            home.wait(partial(_changes_are, home, number), 5, "seen")
        later(home, running=running)
    home.wait_dlq(["edited"])
    home.ok("restore")
    home.wait_dlq(["edited", "c"])


def _reword(document: Item) -> None:
    document["items"][1]["content"] = "edited"


def test_restoring_twice_gives_one(home: Home, letters: list[Item], *, running: bool) -> None:
    home.ok("delete", letters[0]["id"], "--yes")
    for _ in range(2):
        home.run("restore")
    later(home, running=running)
    home.wait_dlq(["a", "b", "c"])


def test_restored_items_are_delivered_when_due(
    home: Home, server: Standin, letters: list[Item], *, running: bool
) -> None:
    home.ok("delete", letters[0]["id"], "--yes")
    home.wait_dlq(["b", "c"])
    home.ok("restore")
    home.wait_dlq(["a", "b", "c"])
    home.ok("retry", letters[0]["id"])
    later(home, running=running)
    server.wait_for(lambda: server.count("a") == 1, 5)
    assert server.order() == ["a"]


def test_delete_asks_and_takes_no_for_an_answer(home: Home, letters: list[Item]) -> None:
    before = home.dlq.read_bytes()
    for answer in ("n\n", ""):
        home.run("delete", letters[0]["id"], stdin=answer)
        assert home.dlq.read_bytes() == before
    home.run("delete", letters[0]["id"], stdin="y\n")
    home.wait_dlq(["b", "c"])


def test_a_backup_that_is_not_ours_is_kept_under_a_dated_name(
    home: Home, letters: list[Item]
) -> None:
    home.dump(home.dlq_backup, {"items": [], "handmade": "zanzibar"})
    home.ok("delete", letters[0]["id"], "--yes")
    kept = [path for path in home.files_with("zanzibar") if DATED.fullmatch(path.name)]
    assert len(kept) == 1
    assert json.loads(kept[0].read_text())["handmade"] == "zanzibar"


def test_the_user_s_cp_works_beside_delete(home: Home, letters: list[Item]) -> None:
    home.ok("delete", letters[0]["id"], "--yes")
    user.back_up(home)
    assert home.dlq_backup.read_bytes() == home.dlq.read_bytes()


@pytest.mark.parametrize("up", [True, False], ids=["running", "stopped"])
def test_delete_takes_waiting_entries_too(home: Home, server: Standin, *, up: bool) -> None:
    server.health = Answer(503)
    items = [entry("stays"), entry("goes")]
    home.write_queue(items)
    if up:
        home.worker()
        home.wait(lambda: home.read(home.metrics)["queue_size"] == 2, 5, "taken in")
    output = home.ok("delete", items[1]["id"], "--yes")
    backup = backup_named_in(home, output)
    assert texts(json.loads(backup.read_text())["items"]) == ["goes"]
    server.health = Answer(body={"status": "ok"})
    if not up:
        home.drained()
    server.wait_for(lambda: server.count("stays") == 1, 5)
    home.wait(lambda: home.queue_items() == [], 5, "published")
    assert server.sends("goes") == 0


def test_forget_erases_the_text(home: Home, server: Standin) -> None:
    text = "zanzibar must be forgotten"
    item = entry(text)
    home.write_queue([item])
    server.script(Answer(500), content=text, forever=True)
    home.drain()
    assert home.files_with(text)
    home.ok("delete", item["id"], "--yes", "--forget")
    home.drain()
    assert home.files_with(text) == []


def test_forget_erases_the_last_status_page(home: Home, server: Standin) -> None:
    item = entry("a < zanzibar & b")
    home.write_queue([item])
    server.script(Answer(500), content=item["content"], forever=True)
    home.drain()
    home.ok("report", "--with-content")
    assert home.files_with("zanzibar &amp; b")
    home.ok("delete", item["id"], "--yes", "--forget")
    assert home.files_with("zanzibar &amp; b") == []


def test_forget_erases_the_text_under_a_running_worker(home: Home, letters: list[Item]) -> None:
    text = "zanzibar must be forgotten"
    home.write_dlq([*letters, waiting(text, id="cafe0000-0000-4000-8000-000000000000")])
    worker = home.worker()
    home.wait(lambda: home.read(home.metrics)["dlq_size"] == 4, 5, "taken in")
    home.ok("delete", "cafe0000", "--yes", "--forget")
    home.wait_dlq(["a", "b", "c"])
    home.wait(lambda: home.files_with(text) == [], 5, "erased")
    assert worker.alive


def test_a_delete_during_the_request_is_beaten_by_the_delivery(
    home: Home, server: Standin, letters: list[Item]
) -> None:
    server.script(Answer(delay=1.5), content="a")
    home.worker()
    home.ok("retry", letters[0]["id"])
    server.wait_for(lambda: server.sends("a") == 1, 5)
    home.run("delete", letters[0]["id"], "--yes")
    home.wait(lambda: home.read(home.metrics)["total_synced"] == 1, 5, "delivered")
    home.wait(lambda: home.log_lines(letters[0]["id"][:8]), 5, "logged")
    home.wait_dlq(["b", "c"])
