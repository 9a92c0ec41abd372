"""A memory's text changed by its user."""

import os
import time
from pathlib import Path

import pytest

from mem0tray.actions import backups, verbs
from mem0tray.actions import waiting as waiting_items
from mem0tray.actions.forget import forget
from mem0tray.actions.verbs import delete
from mem0tray.actions.waiting import DLQ_LIST
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core.errors import NotFoundError
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.rows import Known
from mem0tray.system.paths import Paths
from tests.actions.scene import chosen, contents, read, worker, write_dlq
from tests.support.needs import has_mode
from tests.support.shapes import further_key, waiting


def _edit(paths: Paths, name: str, text: str) -> Path:
    (found,) = chosen(paths, name)
    return verbs.edit_text(paths, Settings(), found, text).kept


def _known(paths: Paths, name: str) -> list[Known]:
    with Reader(paths.ledger) as reader:
        return reader.by_id(name)


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


def test_the_worker_takes_it_for_the_same_dead_letter(paths: Paths) -> None:
    """Its history goes along, and its next request has the key of a further content.

    The old text keeps a row of its own, since some server may have it.
    """
    write_dlq(paths, [waiting("old", id="aa-1")])
    with worker(paths) as context:
        (before,) = _known(paths, "aa-1")
        context.outbox.record_attempt(before.key, 5.0, "item failure", 422, "no", 0.1)
    _edit(paths, "aa", "new")
    (after,) = (each for each in _known(paths, "aa-1") if each.state == items.DEAD)
    (old,) = (each for each in _known(paths, "aa-1") if each.state != items.DEAD)
    assert (old.key, old.reason) == (before.key, items.EDITED)
    with Reader(paths.ledger) as reader:
        assert len(reader.attempts(after.key)) == 1
    with worker(paths) as context:
        job = context.outbox.claim(after.key, time.time())
    assert job.idempotency_key == further_key("aa-1", "alpha", "new")
    assert job.text == "new"


def test_what_is_gone_is_not_brought_back(paths: Paths) -> None:
    write_dlq(paths, [waiting("old", id="aa-1")])
    (found,) = chosen(paths, "aa")
    for there in ([], [waiting("theirs", id="aa-1")]):
        write_dlq(paths, there)
        with pytest.raises(NotFoundError, match="delivered meanwhile"):
            verbs.edit_text(paths, Settings(), found, "new")
        assert contents(paths) == [each["content"] for each in there]
        assert backups.texts_kept(paths) == []


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
