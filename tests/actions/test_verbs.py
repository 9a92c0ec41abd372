"""Delete, retry, edit and restore: what becomes of the files, and of what is kept."""

import json
import os
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pytest

from mem0tray.actions import backups, verbs
from mem0tray.actions import waiting as waiting_items
from mem0tray.actions.forget import forget
from mem0tray.actions.verbs import WAITING, Restored, RetryOutcome, delete, restore
from mem0tray.actions.waiting import DLQ_LIST
from mem0tray.config.settings import ServerSettings, Settings
from mem0tray.core import item as items
from mem0tray.core.errors import FileUnavailableError, NotFoundError
from mem0tray.core.item import Kind
from mem0tray.core.language import Language
from mem0tray.files import atomic, private_folders
from mem0tray.files.atomic import Signature
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from tests.actions.scene import (
    chosen,
    contents,
    found,
    holding,
    queued,
    read,
    run_worker,
    worker,
    write,
    write_dlq,
)
from tests.support.needs import has_mode
from tests.support.shapes import Item, entry, queue_document, texts, waiting


def test_deleted_letters_go_to_a_backup_and_the_dlq_as_it_was_to_another(
    paths: Paths, letters: list[Item]
) -> None:
    write(paths.dlq_backup, {"items": [], "handmade": True})
    for letter in letters:
        before = paths.dlq.read_bytes()
        done = delete(paths, Settings(), chosen(paths, letter["id"]))
        assert paths.dlq_backup.read_bytes() == before
        assert read(done.backup)["items"] == [letter]
        assert read(done.backup)["last_update"]
        assert has_mode(done.backup, 0o600)
    dated = [read(path) for path in paths.claude_dir.glob(backups.DATED)]
    assert [document.get("handmade", False) for document in dated].count(True) == 1
    assert len(dated) == 4


@pytest.mark.parametrize("lost", [None, 5], ids=["full disk", "cut off"])
@pytest.mark.usefixtures("letters")
def test_without_a_whole_backup_nothing_is_deleted(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, lost: int | None
) -> None:
    before = paths.dlq.read_bytes(), paths.queue.read_bytes()
    both, real = chosen(paths, "aa", "qq"), atomic.replace

    def failing(path: Path, parts: bytes | Iterable[bytes], **_: bool) -> Signature | None:
        data = parts if isinstance(parts, bytes) else b"".join(parts)
        if lost is None:
            raise FileUnavailableError(f"{path}: no space left for {len(data)} bytes.")
        return real(path, data[:-lost])

    monkeypatch.setattr(atomic, "replace", failing)
    with pytest.raises(FileUnavailableError, match=r"no space left|does not read"):
        delete(paths, Settings(), both)
    assert (paths.dlq.read_bytes(), paths.queue.read_bytes()) == before


@pytest.mark.row(7)
@pytest.mark.parametrize("is_there", [True, False])
def test_a_ledger_that_cannot_be_read_stops_the_deletion(
    paths: Paths, letters: list[Item], *, is_there: bool
) -> None:
    found = chosen(paths, letters[0]["id"])
    if not is_there:
        paths.dlq.unlink()
    paths.ledger.unlink()
    paths.ledger.mkdir()
    with pytest.raises(FileUnavailableError, match="is a folder, not a file"):
        delete(paths, Settings(), found)
    assert not list(paths.claude_dir.glob(backups.DATED))
    assert not is_there or contents(paths) == texts(letters)


@pytest.mark.usefixtures("letters")
def test_what_was_not_deleted_is_not_in_the_backup(paths: Paths) -> None:
    made = chosen(paths, "qq", "aa")
    delete(paths, Settings(), made[:1])
    done = delete(paths, Settings(), made)
    assert [each.id for each in (*done.gone, *done.items)] == ["qq-1", "aa-1"]
    assert texts(read(done.backup)["items"]) == ["a"]
    assert backups.is_of_delete(done.backup, done.backup.read_bytes())


@pytest.mark.row(5)
@pytest.mark.parametrize("place", ["queue", "dlq"])
@pytest.mark.usefixtures("letters")
def test_a_file_that_cannot_be_written_shows_a_deletion_later(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    file: Path = getattr(paths, place)
    replace = atomic.replace

    def fail(path: Path, *given: object, **named: object) -> object:
        if path != file:
            return replace(path, *given, **named)  # type: ignore[arg-type]
        raise atomic.unavailable(path, OSError(28, "No space left on device"))

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "replace", fail)
        assert len(delete(paths, Settings(), chosen(paths, "qq", "aa")).items) == 2
    delete(paths, Settings(), chosen(paths, "rr", "bb"))
    assert (queued(paths), contents(paths)) == ([], ["c"])


_SAID = "500 Internal Server Error"
_LETTER = waiting("a", "alpha", id="aaaa-1")


def _item() -> items.Item:
    item = found(_LETTER).item
    assert item is not None
    return item


def _fail(context: WorkerContext) -> None:
    (row,) = context.generations.dead_rows()
    now = time.time()
    job = context.outbox.claim(row.key, now)
    context.outbox.record_attempt(row.key, now, str(Kind.ITEM_FAILURE), 500, _SAID, 0.1)
    raw = context.ledger.raw(row.key)
    context.outbox.count_dead_failure(job, 10, now + 3600, _SAID, raw, now)


def _outcome(paths: Paths, since: float) -> RetryOutcome:
    with holding(paths):
        (outcome,) = verbs.follow(paths, [_item()], since, 0.0)
    return outcome


def test_a_question_in_vain_is_no_failure(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs, "_HINDERED", 0.0)
    write_dlq(paths, [_LETTER])
    with worker(paths) as context:
        _fail(context)  # in the same words, but before
        since = time.time()
        (row,) = context.generations.dead_rows()
        kind = str(Kind.ASKED_IN_VAIN)
        context.outbox.record_attempt(row.key, time.time(), kind, 500, _SAID, 0.1)
        assert _outcome(paths, since).name == WAITING


@pytest.mark.parametrize(
    ("idle", "age", "hangs"), [(61.0, 61.0, True), (61.0, 31.0, False), (31.0, 61.0, False)]
)
def test_a_worker_that_hangs_is_not_waited_for(
    paths: Paths, idle: float, age: float, *, hangs: bool
) -> None:
    with holding(paths):
        for path, older in ((paths.metrics, 0.0), (paths.spare_metrics, 600.0)):
            path.write_bytes(b"{}")
            os.utime(path, (time.time() - age - older,) * 2)
        said = verbs._hindrance(paths, idle, 150.0)
    assert said == ("the worker does not answer: `mem0tray doctor` says more" if hangs else "")


def test_what_is_held_is_sent_though_the_queue_file_is_gone(paths: Paths) -> None:
    write(paths.queue, queue_document([entry("h", id="hh-1"), entry("q", id="qq-1")]))
    with worker(paths) as context:
        context.foreign_claims.hold(1, 5.0)
    paths.queue.unlink()
    with pytest.raises(NotFoundError, match="waits in the queue"):
        verbs.retry_ids(Settings(), ["qq"])
    assert [item.id for item in verbs.retry_ids(Settings(), ["hh"]).items] == ["hh-1"]
    assert verbs.retry_all(Settings()).items == ()
    assert sorted(each["content"] for each in read(paths.queue)["queue"]) == ["h", "q"]


def _edit(paths: Paths, name: str, text: str) -> Path:
    (found,) = chosen(paths, name)
    return verbs.edit_text(paths, Settings(), found, text).kept


@pytest.mark.parametrize("has_id", [True, False])
def test_a_dead_letter_keeps_everything_but_its_text(paths: Paths, *, has_id: bool) -> None:
    letter = waiting("old", id="aa-1", mine={"x": 1})
    if not has_id:
        del letter["id"]
    write_dlq(paths, [letter, waiting("other", id="bb-1")])
    with waiting_items.opened(Settings()) as seen:
        found, _ = seen.items(DLQ_LIST)
    kept = verbs.edit_text(paths, Settings(), found, "new").kept
    assert read(paths.dlq)["items"][0] == {**letter, "content": "new", "id": found.id}
    assert contents(paths) == ["new", "other"]
    assert read(kept)["items"] == [{**letter, "id": found.id}]
    assert has_mode(kept, 0o600)


def test_old_texts_go_with_time(paths: Paths) -> None:
    write_dlq(paths, [waiting("one", id="aa-1")])
    first = _edit(paths, "aa", "two")
    second = _edit(paths, "aa", "three")
    long_ago = time.time() - 91 * 86_400
    os.utime(first, (long_ago, long_ago))
    third = _edit(paths, "aa", "four")
    assert backups.texts_kept(paths) == [second, third]


def test_forgetting_reaches_the_old_text_and_one_that_an_editor_has_open(paths: Paths) -> None:
    write_dlq(paths, [waiting("a secret of old", id="aa-1"), waiting("other", id="bb-1")])
    _edit(paths, "aa", "a newer secret")
    other = _edit(paths, "bb", "another")
    for name, text in (("open-1", "a newer secret\n"), ("open-2", "another\n")):
        (paths.edits / name).mkdir(parents=True)
        (paths.edits / name / "aa_1.txt").write_text(text)
    done = forget(paths, Settings(), delete(paths, Settings(), chosen(paths, "aa")).items)
    assert "edits/open-1/aa_1.txt" in done.erased
    assert [path.parent.name for path in paths.edits.glob("*/*")] == ["open-2"]
    assert backups.texts_kept(paths) == [other]
    assert done.unreachable == []


SERVER = "https://server.test"
SETTINGS = Settings(server=ServerSettings(url=SERVER))


def back(paths: Paths, name: str | None = None) -> Restored:
    source = backups.last_delete(paths) if name is None else backups.named(paths, name)
    return restore(paths, SETTINGS, source)


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
def test_what_is_delivered_is_not_restored(paths: Paths) -> None:
    with worker(paths) as context:
        keys = {row.item_id: row.key for row in context.generations.dead_rows()}
        context.outbox.record_delivery(keys["aa-1"], SERVER, time.time())
        context.outbox.record_delivery(keys["bb-1"], "https://former.test", time.time())
    write_dlq(paths, [])
    backup = paths.claude_dir / "mine.json"
    write(backup, {"items": [waiting("a", id="aa-1"), waiting("b", id="bb-1")]})
    done = back(paths, "mine.json")
    assert (len(done.delivered), len(done.dead)) == (1, 1)
    assert contents(paths) == ["b"]


def test_no_memory_is_made_of_two_that_were_torn(paths: Paths) -> None:
    a, b = (json.dumps(entry(name * 9000, emergency=True)).encode() for name in "ab")
    private_folders.quarantine(paths.quarantine, paths.emergency, a[:8192] + b, 1.0)
    mixed = a[:8192] + b[:8192] + a[8192:] + b"\n" + b[8192:]
    private_folders.quarantine(paths.quarantine, paths.emergency, mixed, 2.0)
    both = sorted(backups.sources(paths), key=lambda source: len(source.pieces))
    assert [len(source.pieces) for source in both] == [0, 1]
    assert "which end is whose" in both[0].note
    assert json.loads(both[1].pieces[0].raw)["content"] == "b" * 9000


def test_a_source_gives_what_is_whole_in_it_and_entries_go_to_the_queue(paths: Paths) -> None:
    write(paths.queue_backup, queue_document([entry("q")], last_100=[entry("old")]))
    assert len(back(paths, "mem0_queue_backup.json").fresh) == 1
    whole = json.dumps({"items": [waiting("a"), waiting("b")]})
    (paths.claude_dir / "cut.json").write_text(whole[:-20])
    back(paths, "cut.json")
    assert (queued(paths), contents(paths)) == (["q"], ["a"])


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


_ONE = found(_LETTER)


@pytest.mark.parametrize(
    ("done", "said"),
    [
        (Restored(dead=[_ONE]), "1 memory is back."),
        (Restored(dead=[_ONE], fresh=[_ONE]), "2 memories are back."),
        (
            Restored(fresh=[_ONE], there=[_ONE], delivered=[_ONE, _ONE]),
            "1 memory is back. 1 memory waits already. 2 memories have been delivered.",
        ),
        (Restored(hopeless=[_ONE]), "1 memory cannot be read, and stays in its file."),
        (
            Restored(dead=[_ONE], hopeless=[_ONE], heard=False),
            f"{verbs.BUSY} 1 memory cannot be read, and stays in its file.",
        ),
        (Restored(), "There is no memory in it."),
    ],
)
def test_people_are_told_of_each_memory_what_became_of_it(done: Restored, said: str) -> None:
    assert done.said(Language("en")) == said
