"""Back up, then delete."""

import hashlib
import json
from pathlib import Path

import pytest

from mem0tray.actions import backup, change_files, ledger_writer
from mem0tray.actions.delete import delete
from mem0tray.config.settings import Settings
from mem0tray.core.errors import FileUnavailableError, LedgerError
from mem0tray.files import atomic, orders
from mem0tray.files.atomic import Signature
from mem0tray.system.paths import Paths
from tests.actions.scene import chosen, contents, queued, read, worker, write, write_dlq
from tests.support.needs import has_mode
from tests.support.shapes import Item, entry, queue_document, texts, waiting


@pytest.fixture
def letters(paths: Paths) -> list[Item]:
    """Write three dead letters and two entries that wait."""
    made = [waiting(name, id=f"{name}{name}-1", mine=name) for name in ("a", "b", "c")]
    write_dlq(paths, made)
    write(paths.queue, queue_document([entry("q", id="qq-1"), entry("r", id="rr-1")]))
    return made


def test_dead_letters_go_to_a_backup_of_their_own(paths: Paths, letters: list[Item]) -> None:
    """What is deleted is in the dated backup, with all it had, readable for its owner only."""
    done = delete(paths, chosen(paths, "aa", "cc"))
    assert read(done.backup)["items"] == [letters[0], letters[2]]
    assert read(done.backup)["last_update"]
    assert done.backup.match("mem0_queue_dlq.backup-*.json")
    assert has_mode(done.backup, 0o600)
    assert contents(paths) == ["b"]
    assert [each.id for each in done.items] == ["aa-1", "cc-1"]


def test_the_backup_is_the_dlq_as_it_was(paths: Paths, letters: list[Item]) -> None:
    """`mem0_queue_dlq.backup.json` is a copy, byte for byte, of the file before the last delete."""
    for letter in letters:
        before = paths.dlq.read_bytes()
        delete(paths, chosen(paths, letter["id"]))
        assert paths.dlq_backup.read_bytes() == before
    assert len(list(paths.claude_dir.glob(backup.DATED))) == 3


@pytest.mark.usefixtures("letters")
def test_a_backup_of_somebody_else_is_kept(paths: Paths) -> None:
    """A file under the backup's name that we did not write gets a dated name; ours does not."""
    write(paths.dlq_backup, {"items": [], "handmade": True})
    delete(paths, chosen(paths, "aa"))
    dated = [read(path) for path in paths.claude_dir.glob(backup.DATED)]
    assert sum("handmade" in document for document in dated) == 1
    delete(paths, chosen(paths, "bb"))
    assert len(list(paths.claude_dir.glob(backup.DATED))) == 3


@pytest.mark.usefixtures("letters")
def test_no_backup_no_deletion(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a backup cannot be written, nothing is deleted from either file."""
    before = paths.dlq.read_bytes(), paths.queue.read_bytes()

    def full(path: Path, data: bytes) -> None:
        raise FileUnavailableError(f"{path}: no space left for {len(data)} bytes.")

    monkeypatch.setattr(atomic, "replace", full)
    with pytest.raises(FileUnavailableError):
        delete(paths, chosen(paths, "aa", "qq"))
    assert (paths.dlq.read_bytes(), paths.queue.read_bytes()) == before


@pytest.mark.row(7)
@pytest.mark.parametrize("is_there", [True, False])
def test_a_ledger_that_cannot_be_read_stops_the_deletion(
    paths: Paths, letters: list[Item], *, is_there: bool
) -> None:
    """It knows what the file has not shown yet, and what stood in one that is gone."""
    found = chosen(paths, letters[0]["id"])
    if not is_there:
        paths.dlq.unlink()
    before = sorted(paths.claude_dir.iterdir())
    paths.ledger.mkdir(parents=True)
    with pytest.raises(LedgerError, match="cannot be used"):
        delete(paths, found)
    assert sorted(paths.claude_dir.iterdir()) == before
    assert not is_there or contents(paths) == texts(letters)


@pytest.mark.usefixtures("letters")
def test_a_backup_that_reads_otherwise_than_written_stops_the_deletion(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Backups are read back before anything goes."""
    real = atomic.replace

    def lossy(path: Path, data: bytes) -> Signature | None:
        return real(path, data[:-5])

    monkeypatch.setattr(atomic, "replace", lossy)
    with pytest.raises(FileUnavailableError, match="does not read"):
        delete(paths, chosen(paths, "aa"))
    monkeypatch.undo()
    assert contents(paths) == ["a", "b", "c"]


@pytest.mark.usefixtures("letters")
def test_a_save_meanwhile_leaves_one_backup(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody saves while we delete: their change stays, and the backup is of the second try."""
    made = chosen(paths, "aa")
    saves = [[waiting("a", id="aa-1"), waiting("z", id="zz-1")]]
    real = backup.write_dated

    def save_first(paths: Paths, raws: list[bytes], now: float) -> Path:
        if saves:
            letters = saves.pop()
            letters[0]["content"] = read(paths.dlq)["items"][0]["content"]
            write_dlq(paths, letters)
        return real(paths, raws, now)

    monkeypatch.setattr(backup, "write_dated", save_first)
    done = delete(paths, made)
    assert contents(paths) == ["z"]
    assert list(paths.claude_dir.glob(backup.DATED)) == [done.backup]
    assert texts(read(paths.dlq_backup)["items"]) == ["a", "z"]


@pytest.mark.usefixtures("letters")
def test_waiting_entries_are_asked_for_and_removed(paths: Paths) -> None:
    """The request names id and digest; the entry is in the backup and out of the queue."""
    done = delete(paths, chosen(paths, "qq"))
    assert texts(read(done.backup)["items"]) == ["q"]
    assert queued(paths) == ["r"]
    (path,) = paths.orders.iterdir()
    digest = hashlib.sha256(b"alpha\0q").hexdigest()
    assert read(path)["verb"] == "discard"
    assert read(path)["items"] == [{"id": "qq-1", "digest": digest}]
    assert has_mode(paths.orders, 0o700)


@pytest.mark.usefixtures("letters")
def test_an_entry_is_deleted_though_the_queue_file_is_gone(paths: Paths) -> None:
    """The others stand there again."""
    with worker(paths):
        pass
    paths.queue.unlink()
    done = delete(paths, chosen(paths, "qq"))
    assert [each.id for each in done.items] == ["qq-1"]
    assert queued(paths) == ["r"]


@pytest.mark.usefixtures("letters")
def test_the_ledger_discards_what_was_asked_for(paths: Paths) -> None:
    """A worker that knew the entry does not deliver it, and does not put it back."""
    with worker(paths):
        pass
    delete(paths, chosen(paths, "qq"))
    assert ledger_writer.carry_out_here(paths, Settings())
    assert not list(paths.orders.iterdir())
    with worker(paths) as context, context.ledger.locked() as db:
        states = dict(
            db.execute("SELECT id, state FROM items WHERE id IN (?, ?)", (b"qq-1", b"rr-1"))
        )
    assert states == {b"qq-1": "discarded", b"rr-1": "pending"}


@pytest.mark.usefixtures("letters")
def test_what_has_left_meanwhile_is_said(paths: Paths) -> None:
    """An entry that was delivered between asking and deleting is no error."""
    made = chosen(paths, "qq", "aa")
    write(paths.queue, queue_document([]))
    done = delete(paths, made)
    assert [each.id for each in done.gone] == ["qq-1"]
    assert [each.id for each in done.items] == ["aa-1"]


@pytest.mark.usefixtures("letters")
def test_an_entry_that_became_a_dead_letter_meanwhile_is_deleted_there(paths: Paths) -> None:
    """Its fifth failure does not save it."""
    made = chosen(paths, "qq")
    write(paths.queue, queue_document([]))
    write_dlq(paths, [waiting("q", id="qq-1")])
    done = delete(paths, made)
    assert done.gone == []
    assert contents(paths) == []


@pytest.mark.row(5)
@pytest.mark.parametrize("heard", [False, True], ids=["nobody heard", "the worker heard"])
@pytest.mark.usefixtures("letters")
def test_a_full_disk_deletes_an_entry_or_says_that_it_did_not(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, *, heard: bool
) -> None:
    """An order that stands would delete what was said to be there; one carried out has done so."""
    made = chosen(paths, "qq")
    replace = atomic.replace

    def fail(path: Path, *given: object, **named: object) -> object:
        if path != paths.queue:
            return replace(path, *given, **named)  # type: ignore[arg-type]
        if heard:
            for order in paths.orders.iterdir():
                order.unlink()
        raise atomic.unavailable(path, OSError(28, "No space left on device"))

    monkeypatch.setattr(atomic, "replace", fail)
    if heard:
        assert [each.id for each in delete(paths, made).items] == ["qq-1"]
    else:
        with pytest.raises(FileUnavailableError, match="No space left"):
            delete(paths, made)
    assert list(paths.orders.iterdir()) == []


def test_things_without_sense_can_be_deleted(paths: Paths) -> None:
    """An object whose content is no text goes by its id, and is backed up like any other."""
    write_dlq(paths, [{"id": "n1", "content": 5}, None])
    done = delete(paths, chosen(paths, "n1"))
    assert read(paths.dlq)["items"] == [None]
    assert read(done.backup)["items"] == [{"id": "n1", "content": 5}]


def test_requests_can_be_taken_back(paths: Paths) -> None:
    """What was restored before the worker saw the request is no longer asked for."""
    orders.give(paths, orders.DISCARD, [("a", b"1"), ("b", b"2")])
    orders.withdraw(paths.orders, [("a", b"1")])
    (path,) = paths.orders.iterdir()
    assert [each["id"] for each in json.loads(path.read_text())["items"]] == ["b"]
    orders.withdraw(paths.orders, [("b", b"2")])
    assert not list(paths.orders.iterdir())


def test_a_request_for_nothing_is_none(paths: Paths) -> None:
    """No file is left for the worker to wonder about."""
    assert orders.give(paths, orders.DISCARD, []) is None
    assert not paths.orders.exists()
    assert change_files.now_iso()
