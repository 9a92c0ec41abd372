"""Back up, then delete."""

from pathlib import Path

import pytest

from mem0tray.actions import backups
from mem0tray.actions.verbs import delete
from mem0tray.config.settings import Settings
from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import atomic
from mem0tray.files.atomic import Signature
from mem0tray.system.paths import Paths
from tests.actions.scene import chosen, contents, queued, read, write
from tests.support.needs import has_mode
from tests.support.shapes import Item, texts


def test_dead_letters_go_to_a_backup_of_their_own(paths: Paths, letters: list[Item]) -> None:
    done = delete(paths, Settings(), chosen(paths, "aa", "cc"))
    assert read(done.backup)["items"] == [letters[0], letters[2]]
    assert read(done.backup)["last_update"]
    assert done.backup.match("mem0_queue_dlq.backup-*.json")
    assert has_mode(done.backup, 0o600)
    assert contents(paths) == ["b"]
    assert [each.id for each in done.items] == ["aa-1", "cc-1"]


def test_the_backup_is_the_dlq_as_it_was(paths: Paths, letters: list[Item]) -> None:
    write(paths.dlq_backup, {"items": [], "handmade": True})
    for letter in letters:
        before = paths.dlq.read_bytes()
        delete(paths, Settings(), chosen(paths, letter["id"]))
        assert paths.dlq_backup.read_bytes() == before
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

    def failing(path: Path, data: bytes) -> Signature | None:
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
    assert ([each.id for each in done.gone], [each.id for each in done.items]) == (
        ["qq-1"],
        ["aa-1"],
    )
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
