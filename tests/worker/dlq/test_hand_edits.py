"""The DLQ file is read: each save once, and what its editors meant is told and kept."""

import errno
import json
import time
from typing import Any
from unittest import mock

import pytest

from mem0tray.core import events
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.events import HandEdit
from mem0tray.core.state import PERHAPS
from mem0tray.files import atomic
from mem0tray.worker.dlq.hand_edits import HandEdits
from tests.ledger.samples import HERE, NOW, letter
from tests.support import needs
from tests.worker.dlq.editing import A, B, C, Editing, shown


def test_a_retry_by_command_is_no_part_of_a_later_edit(editing: Editing) -> None:
    editing.context.inbox.make_due(editing.known(A).key, NOW)
    editing.publish()
    editing.save(shown(A, last_attempt=0))
    assert editing.told == [HandEdit(discarded=1)]
    editing.save(shown(A, last_attempt=0))
    assert editing.told[1:] == [HandEdit(forced=1)]  # this save can mean nothing else


def test_each_kind_of_edit_is_told_with_its_number(editing: Editing) -> None:
    by_hand = {"project_id": "p", "content": "by hand", "timestamp": 1}  # and without an id
    editing.save(shown(A, last_attempt=0), shown(C), by_hand)
    assert editing.told == [HandEdit(discarded=1, forced=1, adopted=2)]
    assert [editing.state(each) for each in (A, B, C)] == ["dead", "discarded", "dead"]
    assert editing.edits.oddities == 1
    assert editing.needs()
    editing.edits.run()
    editing.publish()
    assert not editing.needs()
    found = json.loads(editing.context.paths.dlq.read_bytes())["items"][2]
    assert (found["content"], bool(found.get("id"))) == ("by hand", True)
    HandEdits(editing.context).run()
    assert len(editing.told) == 1
    assert editing.edits.oddities == 1


def test_what_left_beside_another_worker_was_perhaps_delivered(editing: Editing) -> None:
    editing.context.other_at_work = True
    editing.save(shown(A))
    assert editing.known(B).reason == PERHAPS
    assert editing.unknown(B) is not None  # in case it is restored


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_copy_of_the_file_brings_back_what_was_deleted_but_not_what_was_forgotten(
    editing: Editing, *, forgotten: bool
) -> None:
    paths, inbox, row = editing.context.paths, editing.context.inbox, editing.known(B)
    before = paths.dlq.read_bytes()
    edit = editing.edit_b()
    after = paths.dlq.read_bytes()
    inbox.discard([row.key], NOW, "deleted")
    if forgotten:
        inbox.erase([row.key])
    editing.publish()
    for data, item in ((before, B), (after, edit)):
        editing.put(data)
        editing.edits.run()
        known = inbox.known(item.name)
        assert (known is not None and known.state == "dead") != forgotten


def test_an_old_save_brings_back_no_text_from_before_an_edit(editing: Editing) -> None:
    inbox, stamp, row = editing.context.inbox, editing.stamp, editing.known(B)
    editing.edit_b()
    editing.context.outbox.record_delivery(row.key, HERE, NOW)
    editing.publish()
    editing.save(shown(A), shown(B), stamp=stamp)
    assert inbox.known(B.name) is None
    assert editing.needs()


@pytest.mark.parametrize("stamp", [{}, {"last_update": None}, {"last_update": "2026-11-26"}])
def test_a_stamp_that_a_script_gives_each_time_is_unknown_each_time(
    editing: Editing, stamp: dict[str, Any]
) -> None:
    files = iter(range(1, 9))

    def save(*items: Any) -> None:
        editing.put(json.dumps({"items": items, **stamp}).encode(), age=60.0 - next(files))
        editing.edits.run()
        editing.publish()

    save(shown(A, note="mine"), shown(B))
    editing.publish(C)
    save(shown(A, note="mine"), shown(B))
    assert editing.state(C) == "discarded"
    editing.context.inbox.discard([editing.known(B).key], NOW, "deleted")
    editing.publish()
    save(shown(A, note="mine"), shown(B))
    assert editing.state(B) == "dead"


def test_a_broken_file_is_waited_for_while_it_is_new(editing: Editing) -> None:
    editing.put(b'{"items": [', age=0.0)
    editing.edits.run()
    assert editing.holds_up() == (True, True)
    assert not editing.publisher.run()
    assert editing.told == []
    editing.put(b'{"items": [')
    awaited: list[bool] = []
    editing.context.events.subscribe(lambda _: awaited.append(editing.edits.awaited))
    editing.edits.run()
    assert awaited == [True]  # until all is in the ledger
    assert editing.holds_up() == (False, False)
    (broken,) = editing.told
    assert isinstance(broken, events.FileBroken)
    assert editing.edits.oddities == 1
    assert [editing.state(each) for each in (A, B)] == ["dead", "dead"]


def test_the_end_of_a_slow_save_with_a_stamp_of_its_own_deletes_nothing_that_came_meanwhile(
    editing: Editing,
) -> None:
    items = [shown(A, note="mine"), shown(B)]
    data = json.dumps({"items": items, "last_update": "mine"}).encode()
    editing.publish(C)
    with editing.context.paths.dlq.open("wb", buffering=0) as file:
        file.write(data[:-1])
        editing.age()
        editing.edits.run()
        file.write(data[-1:])
    editing.edits.run()
    editing.publisher.merge_late_save()
    assert editing.dead() == {"a", "b", "c"}


def test_what_another_editor_deleted_stays_away_from_a_save_of_one_who_had_not_seen_that(
    editing: Editing,
) -> None:
    editing.publish(C)
    editing.save(shown(A), shown(letter("new")), stamp="one, who has not seen c")
    assert editing.state(B) == "discarded"
    assert editing.context.generations.named("one, who has not seen c") == 3
    editing.save(shown(A), shown(B), shown(C), shown(letter("newer")), stamp="another")
    assert editing.dead() == {"a", "c", "new", "newer"}


def test_a_deletion_after_a_broken_file_counts(editing: Editing) -> None:
    editing.publish(C)
    items = [shown(A, retry_count=7), shown(B)]
    editing.put(json.dumps({"items": [*items, shown(C)], "last_update": "mine"}).encode()[:-1])
    editing.edits.run()
    editing.save(*items, stamp="mine")
    assert editing.state(C) == "discarded"


def test_nobody_has_seen_what_we_could_not_publish(editing: Editing) -> None:
    editing.save(shown(A), shown(B), shown(letter("new")))
    editing.add(C)
    with (
        mock.patch.object(atomic, "replace", side_effect=OSError(errno.EACCES, "")),
        pytest.raises(OSError, match=str(errno.EACCES)),
    ):
        editing.publisher.run()
    editing.save(shown(A), shown(B), shown(letter("new")), shown(letter("newer")), stamp="mine")
    assert editing.state(C) == "dead"


@pytest.mark.parametrize("read_by", ["intake", "publisher", "late"])
def test_a_save_that_asks_for_retries_is_heard_whoever_reads_it(
    editing: Editing, read_by: str
) -> None:
    path = editing.context.paths.dlq
    data = json.dumps({"items": [shown(A, last_attempt=0)], "last_update": editing.stamp}).encode()
    with path.open("r+b") as former:
        if read_by == "late":
            editing.publish(C)
            former.write(data)
            former.truncate()
            former.flush()
            editing.publisher.merge_late_save()
        else:
            editing.publisher.merge_late_save()
            editing.put(data)
            assert editing.wishes == []
            (editing.edits.run if read_by == "intake" else editing.publisher.run)()
    assert editing.wishes == [None]


@needs.OPEN_FILES
@pytest.mark.row(29)
def test_a_late_save_that_is_being_written_outlasts_our_next_one(editing: Editing) -> None:
    data = json.dumps(
        {"items": [shown(A), shown(B), shown(letter("new"))], "last_update": editing.stamp}
    ).encode()
    with editing.context.paths.dlq.open("r+b", buffering=0) as file:
        editing.publish(C)
        file.write(data[:-40])
        file.truncate()
        editing.publisher.merge_late_save()
        editing.publish(letter("d"))
        file.write(data[-40:])
    editing.publisher.merge_late_save()
    assert editing.dead() == {"a", "b", "c", "d", "new"}


@pytest.mark.parametrize("tells", [True, False])
def test_waits_that_an_edit_begins_are_told_after_the_start(
    editing: Editing, *, tells: bool
) -> None:
    editing.context.reports_backoffs = tells
    editing.save(shown(A), shown(B), shown(C, retry_count=1, last_attempt=time.time()))
    waits = [each for each in editing.told if isinstance(each, events.InBackoff)]
    assert [(each.project, each.item_id) for each in waits] == [("p", "c")] * tells
    assert HandEdit(adopted=1) in editing.told


def test_the_first_reading_of_a_new_ledger_is_nobody_s_edit(editing: Editing) -> None:
    """What stands there is adopted, and asked about before it is sent, unlike what comes later."""
    editing.edits.may_have_been_sent = True
    editing.save(shown(A), shown(B), shown(C))
    assert editing.told == [events.AdoptedToDlq(1, "mem0_queue_dlq.json")]
    assert not editing.edits.may_have_been_sent
    later = letter("later")
    editing.save(shown(A), shown(B), shown(C), shown(later))
    assert editing.told[1:] == [HandEdit(adopted=1)]
    assert editing.unknown(C) is not None
    assert editing.unknown(later) is None


def test_what_left_the_queue_is_looked_for_in_a_file_that_was_read(editing: Editing) -> None:
    item = letter("moved")
    key = editing.context.inbox.add_fresh(item, NOW, ask=False)
    editing.save(shown(A), shown(B), shown(item))
    assert editing.state(item) == "pending"
    editing.context.foreign_claims.vanish([key], NOW, taken=False, wait_until=0.0)
    editing.edits.run()
    assert editing.state(item) == "pending"
    editing.edits.again = True
    editing.edits.run()
    assert editing.state(item) == "dead"
    assert editing.unknown(item) is not None
    editing.edits.run()
    assert len([each for each in editing.told if isinstance(each, events.AdoptedToDlq)]) == 1


# Where the disk does not do as it is told -------------------------------------------


def take_turn(editing: Editing) -> None:
    """Publish, and look whether anybody has saved into the old file."""
    editing.publish()
    editing.edits.run()
    editing.publisher.merge_late_save()


@pytest.mark.row(4, 30)
def test_a_deletion_after_a_write_that_failed_late_is_not_undone(
    editing: Editing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When only the folder's fsync fails the file is the new one, and its edits are what counts."""
    take_turn(editing)
    with monkeypatch.context() as patched:
        patched.setattr(atomic, "sync_folder", mock.Mock(side_effect=FileUnavailableError("odd")))
        with pytest.raises(FileUnavailableError):
            editing.publisher.run()
    editing.save(shown(A))
    editing.publisher.merge_late_save()
    take_turn(editing)
    assert editing.dead() == {"a"}
    assert editing.told == [HandEdit(discarded=1)]


@pytest.mark.row(29)
def test_a_copy_of_the_old_file_is_no_late_save(
    editing: Editing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no hard links can be had, what our own file showed before is nobody's wish."""
    take_turn(editing)
    refused = PermissionError(1, "Operation not permitted")
    monkeypatch.setattr("os.link", mock.Mock(side_effect=refused))
    editing.save(shown(A, last_attempt=0), shown(B))
    take_turn(editing)
    assert editing.told == [HandEdit(forced=1)]
