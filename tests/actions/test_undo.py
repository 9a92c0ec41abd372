"""Undoing an edit: which text the old one takes the place of, and that none is lost."""

import json
from pathlib import Path

import pytest

from mem0tray.actions import backups, verbs
from mem0tray.actions.verbs import Changed
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths
from tests.actions.scene import chosen, contents, queued, read, worker, write, write_dlq
from tests.support.shapes import entry, queue_document, waiting


def _edit(paths: Paths, text: str, name: str = "xx-1") -> Path:
    (found,) = chosen(paths, name)
    return verbs.edit_text(paths, Settings(), found, text).kept


def _undo(paths: Paths, kept: Path) -> Changed | None:
    return verbs.undo(Settings(), backups.named(paths, kept.name))


def _deliver(paths: Paths, text: str) -> None:
    with worker(paths) as context, Reader(paths.ledger) as reader:
        for row in reader.by_id("xx-1"):
            raw = reader.raw(row.key)
            if raw is not None and json.loads(raw)["content"] == text:
                context.outbox.record_delivery(row.key, context.server, 5.0)


def _forget_what_was_made(kept: Path) -> None:
    """Make of it the file of an edit whose text has been changed since."""
    write(kept, read(kept) | {"made": "another"})


@pytest.fixture
def kept(paths: Paths) -> Path:
    """Edit an entry, and have another producer give its id to a dead letter."""
    write(paths.queue, queue_document([entry("A", id="xx-1")]))
    kept = _edit(paths, "A2")
    write_dlq(paths, [waiting("B", id="xx-1")])
    return kept


def test_the_old_text_replaces_the_edit_s_and_not_another_with_its_id(
    paths: Paths, kept: Path
) -> None:
    assert _undo(paths, kept) is not None
    assert (contents(paths), queued(paths)) == (["B"], ["A"])


def test_nothing_is_replaced_once_the_edit_s_text_is_delivered(paths: Paths, kept: Path) -> None:
    _deliver(paths, "A2")
    assert _undo(paths, kept) is None
    assert contents(paths) == ["B"]


def test_the_old_text_replaces_what_later_edits_made_of_the_edit_s(paths: Paths) -> None:
    write_dlq(paths, [waiting("A", id="xx-1")])
    first, second, _ = (_edit(paths, text) for text in ("A2", "A3", "A4"))
    assert _undo(paths, first) is not None
    assert contents(paths) == ["A"]
    assert _undo(paths, second) is not None
    assert contents(paths) == ["A2"]


@pytest.mark.parametrize("change", [{"content": "by hand"}, {"project_id": "another"}])
def test_the_old_text_replaces_what_a_hand_made_of_the_edit_s(
    paths: Paths, change: dict[str, str]
) -> None:
    write_dlq(paths, [waiting("A", id="xx-1")])
    kept = _edit(paths, "A2")
    document = read(paths.dlq)
    document["items"][0] |= change
    write(paths.dlq, document)
    assert _undo(paths, kept) is not None
    assert contents(paths) == ["A"]


def test_the_old_text_replaces_the_edit_s_where_that_got_another_id(paths: Paths) -> None:
    """The server had deleted that text, under this id."""
    write_dlq(paths, [waiting("A", id="xx-1")])
    with worker(paths) as context:
        removed = items.parse(json.dumps(entry("A2", id="xx-1")).encode())
        assert removed is not None
        context.inbox.add_unread([removed.name], 5.0)
        context.inbox.remove(removed.name, context.server, 5.0)
    kept = _edit(paths, "A2")
    assert contents(paths) == ["A2"]
    assert _undo(paths, kept) is not None
    assert contents(paths) == ["A"]


@pytest.mark.parametrize("delivered", [(), ("A2",), ("A2", "B")])
def test_where_none_is_the_edit_s_none_of_several_texts_is_replaced(
    paths: Paths, kept: Path, delivered: tuple[str, ...]
) -> None:
    _forget_what_was_made(kept)
    for text in delivered:
        _deliver(paths, text)
    assert _undo(paths, kept) is None
    assert "B" in delivered or contents(paths) == ["B"]
    assert delivered or queued(paths) == ["A2"]


def test_where_none_is_the_edit_s_the_only_other_text_is_replaced(paths: Paths) -> None:
    write_dlq(paths, [waiting("A", id="xx-1")])
    kept = _edit(paths, "A2")
    _forget_what_was_made(kept)
    assert _undo(paths, kept) is not None
    assert contents(paths) == ["A"]
