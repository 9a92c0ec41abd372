"""Restore: sources, and putting memories back where they were."""

import json
import os
import time
from functools import partial

import pytest

from mem0tray.actions import backups
from mem0tray.actions.verbs import Restored, delete, restore
from mem0tray.config.settings import ServerSettings, Settings
from mem0tray.core.errors import FileUnavailableError, LedgerError
from mem0tray.files import private_folders
from mem0tray.system.paths import Paths
from tests.actions.scene import chosen, contents, queued, read, run_worker, worker, write, write_dlq
from tests.support.shapes import Item, entry, queue_document
from tests.support.shapes import waiting as letter

SERVER = "https://server.test"
SETTINGS = Settings(server=ServerSettings(url=SERVER))


def back(paths: Paths, name: str | None = None) -> Restored:
    source = backups.last_delete(paths) if name is None else backups.named(paths, name)
    return restore(paths, SETTINGS, source)


def test_the_last_delete_comes_back_whole(paths: Paths, letters: list[Item]) -> None:
    delete(paths, Settings(), chosen(paths, "bb"))
    delete(paths, Settings(), chosen(paths, "aa", "qq"))
    done = back(paths)
    assert (len(done.dead), len(done.fresh)) == (1, 1)
    assert read(paths.dlq)["items"] == [letters[2], letters[0]]
    assert queued(paths) == ["r", "q"]
    assert not list(paths.orders.iterdir())


@pytest.mark.row(7)
@pytest.mark.usefixtures("letters")
def test_a_ledger_beyond_reach_stops_a_restore(paths: Paths) -> None:
    delete(paths, Settings(), chosen(paths, "bb"))
    paths.ledger.rename(paths.ledger.with_name("away"))
    paths.ledger.mkdir(parents=True)
    with pytest.raises(LedgerError, match="is a folder, not a file"):
        back(paths)


@pytest.mark.row(38)
@pytest.mark.parametrize("data", [b"no database" * 1000, b""], ids=["corrupt", "cut off"])
@pytest.mark.usefixtures("letters")
def test_a_broken_ledger_does_not_stop_a_restore(paths: Paths, data: bytes) -> None:
    delete(paths, Settings(), chosen(paths, "bb"))
    for file in paths.data_dir.glob("ledger.sqlite3*"):
        file.unlink()
    paths.ledger.write_bytes(data)
    assert len(back(paths).dead) == 1


@pytest.mark.row(7)
@pytest.mark.parametrize("place", ["orders", "quarantine"])
@pytest.mark.usefixtures("letters")
def test_a_folder_that_cannot_be_listed_is_not_an_empty_one(paths: Paths, place: str) -> None:
    folder = getattr(paths, place)
    delete(paths, Settings(), chosen(paths, "bb", "qq"))
    if folder.exists():
        folder.rename(folder.with_name("away"))
    folder.touch()
    look = partial(backups.sources if place == "quarantine" else back, paths)
    with pytest.raises(FileUnavailableError, match=f"{folder.name} is no folder"):
        look()


def remove_by_hand(paths: Paths, item_id: str) -> None:
    document = read(paths.dlq)
    document["items"] = [item for item in document["items"] if item["id"] != item_id]
    write(paths.dlq, document)


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize("others", [[], ["bb"]])
def test_a_restore_hides_no_later_removal_by_hand(paths: Paths, others: list[str]) -> None:
    for name in ("aa", *others):
        delete(paths, Settings(), chosen(paths, name))
        back(paths)
    document = read(paths.dlq)
    letter = next(item for item in document["items"] if item["id"] == "aa-1")
    letter["retry_count"] += 1
    write(paths.dlq, document)
    run_worker(paths)
    remove_by_hand(paths, "aa-1")
    run_worker(paths)
    assert backups.DELETION in {source.kind for source in backups.sources(paths)}
    done = back(paths)
    assert [json.loads(piece.raw) for piece in done.dead] == [letter]
    assert "a" in contents(paths)


@pytest.mark.usefixtures("letters")
def test_a_delete_after_a_restore_is_still_the_backup_s(paths: Paths) -> None:
    delete(paths, Settings(), chosen(paths, "aa"))
    back(paths)
    delete(paths, Settings(), chosen(paths, "aa"))
    assert {source.kind for source in backups.sources(paths)} == {backups.BACKUP}
    back(paths)
    assert contents(paths) == ["b", "c", "a"]


@pytest.mark.usefixtures("letters")
def test_what_is_delivered_is_not_restored(paths: Paths) -> None:
    with worker(paths) as context:
        keys = {row.item_id: row.key for row in context.generations.dead_rows()}
        context.outbox.record_delivery(keys["aa-1"], SERVER, time.time())
        context.outbox.record_delivery(keys["bb-1"], "https://former.test", time.time())
    write_dlq(paths, [])
    backup = paths.claude_dir / "mine.json"
    write(backup, {"items": [letter("a", id="aa-1"), letter("b", id="bb-1")]})
    done = back(paths, "mine.json")
    assert (len(done.delivered), len(done.dead)) == (1, 1)
    assert contents(paths) == ["b"]


def test_quarantined_items_can_be_had_back(paths: Paths) -> None:
    number = b'{"id": "n-1", "content": "number", "retry_count": 2, "n": ' + b"9" * 5000 + b"}"
    nest = b'{"id": "d-1", "deep": ' + b"[" * 100_000 + b"]" * 100_000 + b', "content": "deep"}'
    write_dlq(paths, [])
    private_folders.quarantine(paths.quarantine, paths.dlq, number, 1.0)
    private_folders.quarantine(paths.quarantine, paths.dlq, number + b"\n" + nest, 2.0)
    for source in backups.sources(paths):
        restore(paths, SETTINGS, source)
    assert sorted(contents(paths)) == ["deep", "number"]
    assert read(paths.dlq)["items"][-1]["id"] in ("n-1", "d-1")


def test_no_memory_is_made_of_two_that_were_torn(paths: Paths) -> None:
    a, b = (json.dumps(entry(name * 9000, emergency=True)).encode() for name in "ab")
    private_folders.quarantine(paths.quarantine, paths.emergency, a[:8192] + b, 1.0)
    mixed = a[:8192] + b[:8192] + a[8192:] + b"\n" + b[8192:]
    private_folders.quarantine(paths.quarantine, paths.emergency, mixed, 2.0)
    both = sorted(backups.sources(paths), key=lambda source: len(source.pieces))
    assert [len(source.pieces) for source in both] == [0, 1]
    assert "which end is whose" in both[0].note
    assert json.loads(both[1].pieces[0].raw)["content"] == "b" * 9000


def test_a_broken_file_gives_what_is_whole_in_it(paths: Paths) -> None:
    write_dlq(paths, [])
    whole = json.dumps({"items": [letter("a"), letter("b")]})
    (paths.claude_dir / "cut.json").write_text(whole[:-20])
    back(paths, "cut.json")
    assert contents(paths) == ["a"]


def test_entries_of_a_queue_file_go_to_the_queue(paths: Paths) -> None:
    write(paths.queue_backup, queue_document([entry("q")], last_100=[entry("old")]))
    done = back(paths, "mem0_queue_backup.json")
    assert len(done.fresh) == 1
    assert queued(paths) == ["q"]
    assert contents(paths) == []


@pytest.mark.row(30)
@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize("where", ["kept", "mem0_queue_dlq.backup-2026.json"])
def test_a_copy_of_the_user_s_hides_no_deletion_by_hand(paths: Paths, where: str) -> None:
    run_worker(paths)
    write(paths.dlq_backup if where == "kept" else paths.claude_dir / where, read(paths.dlq))
    document = read(paths.dlq)
    document["items"][1]["content"] = "edited"
    write(paths.dlq, document)
    run_worker(paths)
    delete(paths, Settings(), chosen(paths, "aa"))
    run_worker(paths)
    remove_by_hand(paths, "cc-1")
    run_worker(paths)
    assert [source.kind for source in backups.sources(paths)].count(backups.COPY) == 1
    back(paths)
    assert contents(paths) == ["edited", "c"]


@pytest.mark.usefixtures("letters")
def test_a_copy_is_never_the_last_delete(paths: Paths) -> None:
    whole = read(paths.dlq)
    first = delete(paths, Settings(), chosen(paths, "aa")).backup
    write(paths.dlq_backup, whole | {"mine": 1})
    later = time.time() + 60
    os.utime(paths.dlq_backup, (later, later))
    delete(paths, Settings(), chosen(paths, "bb"))
    back(paths)
    assert contents(paths) == ["c", "b"]
    back(paths, first.name)
    assert contents(paths) == ["c", "b", "a"]


@pytest.mark.usefixtures("letters")
def test_a_copy_from_before_an_edit_puts_the_older_text_beside(paths: Paths) -> None:
    write(paths.dlq_backup, read(paths.dlq))
    document = read(paths.dlq)
    document["items"][1]["content"] = "edited"
    del document["items"][2]
    write(paths.dlq, document)
    back(paths, paths.dlq_backup.name)
    assert contents(paths) == ["a", "edited", "b", "c"]
