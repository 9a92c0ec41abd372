"""`mem0tray show`."""

import hashlib
import json
import time

import pytest

from mem0tray.core import item as items
from mem0tray.core.text import clock
from mem0tray.files import private_folders
from tests.actions.scene import worker
from tests.cli.scratch import Scratch
from tests.support.past import past
from tests.support.shapes import emergency_lines, entry, queue_document, waiting

SERVER = "https://server.test"


def test_a_dead_letter_with_its_history(home: Scratch) -> None:
    letter = waiting("first line\n  second line\n", "beta", id="aa-1", last_error="422 no")
    home.write("mem0_queue_dlq.json", {"items": [letter, waiting("other", id="bb-1")]})
    with past(home.paths) as ledger:
        key = ledger.adopted(letter, time.time() - 60)
        ledger.failed(key, time.time() - 30)
    shown = home.ok("show", "aa")
    for part in ("aa-1", "beta", "a dead letter", "422 no", "1 failed attempt", "failed: 500"):
        assert part in shown
    assert shown.endswith("\nfirst line\n  second line\n\n")
    assert "other" not in shown
    document = home.run("show", "aa", "--json").json()
    assert document["content"] == "first line\n  second line\n"
    assert (document["place"], document["retry_count"]) == ("dlq", 9)
    assert [each["class"] for each in document["history"]] == ["item failure"]
    assert document["versions"] == []


def test_no_retry_is_promised_to_what_is_never_sent(home: Scratch) -> None:
    home.write("mem0_queue_dlq.json", {"items": [waiting("x", "", id="aa-1")]})
    shown = home.ok("show", "aa")
    assert "never sent: it names no project" in " ".join(shown.split())
    assert "next retry" not in shown
    assert home.run("show", "aa", "--json").json()["next_retry"] is None


def test_a_waiting_entry_and_a_held_one_are_told_apart(home: Scratch) -> None:
    home.write("mem0_queue.json", queue_document([entry("one", id="hh-1")]))
    with past(home.paths) as was:
        was.taken(was.taken_in_as(entry("one", id="hh-1"), 5), 6)
    assert "held: perhaps delivered by another worker; the server is" in home.ok("show", "hh-1")
    home.paths.emergency.write_text(emergency_lines([entry("urgent", id="ee-1")]))
    document = home.run("show", "ee", "--json").json()
    assert (document["content"], document["place"]) == ("urgent", "queue")


def test_of_a_delivered_one_remain_hash_server_and_time(home: Scratch) -> None:
    at = time.time() - 3600
    with past(home.paths, SERVER) as ledger:
        key = ledger.taken_in_as(entry("gone", id="dd-1"), at - 1)
        ledger.recovered(key, at)
    shown = home.ok("show", "dd")
    digest = hashlib.sha256(b"alpha\0gone").hexdigest()
    for part in (f"to {SERVER}. Nothing to do.", digest, "1 h ago", "no longer kept"):
        assert part in shown
    document = home.run("show", "dd", "--json").json()
    assert (document["place"], document["content"]) == ("delivered", None)
    assert (document["hash"], document["server"]) == (digest, SERVER)
    assert document["closed"] == pytest.approx(at)


def test_each_server_that_has_taken_it_is_named(home: Scratch) -> None:
    before, after = (clock(at)[:10] for at in (1_700_000_000.0, 1_800_000_000.0))  # local
    item = entry("x", id="dd-1")
    home.write("mem0_queue.json", queue_document([item]))
    with worker(home.paths) as context:
        (key,) = context.inbox.fresh_entries()
        context.outbox.record_delivery(key, "local", 1_700_000_000.0)
        again = items.parse(json.dumps(item).encode())
        assert again is not None
        row = context.inbox.known(again.name)
        assert row is not None
        context.inbox.revive(row, again, 1_700_000_001.0, dead=False, gen=None)
        shown = home.ok("show", "dd")
        assert "waiting for its delivery" in shown
        assert f"delivered to the embedded server on {before}" in shown
        context.outbox.record_delivery(key, SERVER, 1_800_000_000.0)
    home.write("mem0_queue.json", queue_document([]))
    shown = home.ok("show", "dd")
    assert f"where     delivered on {after}" in shown
    assert f"before    delivered to the embedded server on {before}" in shown
    assert home.run("show", "dd", "--json").json()["deliveries"] == [
        {"server": "local", "at": 1_700_000_000.0},
        {"server": SERVER, "at": 1_800_000_000.0},
    ]


def test_a_delivered_text_that_a_file_still_holds_is_shown(home: Scratch) -> None:
    item = entry("still there", "garden", id="dd-1")
    home.write("mem0_queue.json", queue_document([]) | {"last_100": [entry("x"), item]})
    home.write("mem0_queue_backup.json", queue_document([item]))
    with past(home.paths, SERVER) as ledger:
        ledger.recovered(ledger.taken_in_as(item, 5.0), 6.0)
        ledger.recovered(ledger.taken_in_as(entry("nowhere", "field", id="ee-1"), 5.0), 6.0)
    shown = " ".join(home.ok("show", "dd").split())
    assert "project garden" in shown
    assert "still there in last_100 in mem0_queue.json, mem0_queue_backup.json:" in shown
    assert "`mem0tray delete --forget dd-1`" in shown
    assert shown.endswith("still there")
    document = home.run("show", "dd", "--json").json()
    assert document["left_in"] == ["last_100 in mem0_queue.json", "mem0_queue_backup.json"]
    assert (document["project_id"], document["content"]) == ("garden", "still there")
    document = home.run("show", "ee", "--json").json()
    assert (document["project_id"], document["content"], document["left_in"]) == ("field", None, [])


@pytest.mark.parametrize("for_good", [False, True])
def test_a_deleted_one_still_has_its_text_unless_it_is_forgotten(
    home: Scratch, *, for_good: bool
) -> None:
    home.write("mem0_queue.json", queue_document([entry("a secret", id="aa-1")]))
    home.ok("delete", "aa-1", "--yes", *["--forget"] * for_good)
    shown = " ".join(home.ok("show", "aa-1").split())
    assert f"deleted {'for good, ' * for_good}on" in shown
    assert ("`mem0tray restore --list`" in shown) is not for_good
    assert ("a secret" in shown) is not for_good


def test_what_is_in_quarantine_is_found_by_its_id(home: Scratch) -> None:
    raw = b'{"id": "zz-1", "project_id": "p", "content": "odd", "n": ' + b"9" * 5000 + b"}"
    private_folders.quarantine(home.paths.quarantine, home.queue, raw, time.time())
    assert home.run("show", "zz", "--json").json()["place"] == "quarantine"
    assert "in quarantine" in home.ok("show", "zz")


def test_every_text_of_an_id(home: Scratch) -> None:
    home.write("mem0_queue_dlq.json", {"items": [waiting("second", id="aa-1")]})
    with past(home.paths) as ledger:
        ledger.recovered(ledger.taken_in_as(entry("first", id="aa-1"), 5.0), 6.0)
        ledger.adopted(waiting("second", id="aa-1"), 7.0)
    document = home.run("show", "aa", "--json").json()
    assert document["content"] == "second"
    assert [each["place"] for each in document["versions"]] == ["delivered"]
    assert "Another text of aa-1" in home.ok("show", "aa")


def test_of_a_long_history_the_last_ten_are_shown(home: Scratch) -> None:
    letter = waiting("x", id="aa-1", last_error="307 Temporary Redirect")
    home.write("mem0_queue_dlq.json", {"items": [letter]})
    with past(home.paths) as ledger:
        key = ledger.adopted(letter, time.time() - 60)
        for second in range(11):
            ledger.failed(key, time.time() - 30 + second)
    for command in ("show", "diagnose"):
        shown = home.ok(command, "aa")
        assert "11 failed attempts in the ledger, the last 10 of them:" in shown
        assert shown.count(" failed: 500") == 10
