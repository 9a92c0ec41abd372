"""Orders: one shape for those who ask and for the worker, who carries out."""

import json
from pathlib import Path

import pytest

from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import orders, receipts
from mem0tray.files.named import names_of
from mem0tray.files.orders import DISCARD, FORGET, SEND, SHOW, Order
from mem0tray.system.paths import Paths

ODD = ("half \ud83d", b"\x01" * 32)
PLAIN = ("b", b"\x02" * 32)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """Live in a scratch folder."""
    return Paths(tmp_path / "claude", tmp_path / "data")


def read(paths: Paths) -> list[Order | None]:
    """List what waits."""
    return [order for _path, order in orders.waiting(paths.orders)]


def test_what_is_asked_is_read(paths: Paths) -> None:
    """Verb, memories and what is to be told come back as they went, in the order of asking."""
    orders.give(paths, DISCARD, [ODD, PLAIN], receipts.EDIT, "copy.json")
    orders.give(paths, SEND, [PLAIN])
    orders.ask_to_show(paths)
    first, second, third = read(paths)
    assert first is not None
    assert (first.verb, first.done, first.backup) == (DISCARD, receipts.EDIT, "copy.json")
    assert names_of(first.items) == [ODD, PLAIN]
    assert second is not None
    assert (second.verb, names_of(second.items), second.done) == (SEND, [PLAIN], receipts.DELETE)
    assert third is not None
    assert (third.verb, third.items) == (SHOW, [])


def test_a_note_is_no_request(paths: Paths) -> None:
    """That memories were restored is read by itself, and by no older worker."""
    orders.note_restored(paths, [ODD])
    assert read(paths) == []
    ((path, note),) = orders.notes(paths.orders)
    assert note is not None
    assert names_of(note.items) == [ODD]
    assert not path.name[0].isdigit()


@pytest.mark.parametrize(
    "text", ["", "[]", '{"verb": 5, "items": []}', '{"verb": "send"}', "[" * 10**5]
)
def test_nonsense_is_told_from_a_request(paths: Paths, text: str) -> None:
    """A file that makes no sense is named, so that whoever reads it can take it away."""
    paths.orders.mkdir(parents=True)
    (paths.orders / "1-1.json").write_text(text)
    assert [(path.name, found) for path, found in orders.waiting(paths.orders)] == [
        ("1-1.json", None)
    ]


def test_an_older_command_is_understood(paths: Paths) -> None:
    """What an order does not say is as it always was."""
    paths.orders.mkdir(parents=True)
    older = {"verb": FORGET, "items": [{"id": "b", "digest": PLAIN[1].hex()}], "more": 1}
    (paths.orders / "1-1.json").write_text(json.dumps(older))
    (found,) = read(paths)
    assert found is not None
    assert (found.done, found.backup) == (receipts.DELETE, "")


def test_the_words_of_the_verbs_stay(paths: Paths) -> None:
    """A worker and a command of two versions understand each other."""
    for verb in (DISCARD, FORGET, SEND):
        orders.give(paths, verb, [PLAIN])
    orders.ask_to_show(paths)
    orders.ask_to_merge(paths)
    files = sorted(paths.orders.iterdir())
    assert [json.loads(path.read_bytes())["verb"] for path in files] == [
        "discard", "forget", "send", "show", "merge",
    ]  # fmt: skip


def test_what_is_withdrawn_is_not_read(paths: Paths) -> None:
    """A memory is taken out of every order that names it; one that then names none goes."""
    orders.give(paths, DISCARD, [ODD, PLAIN])
    orders.give(paths, SEND, [ODD])
    orders.ask_to_show(paths)
    orders.withdraw(paths.orders, [ODD])
    left, show = read(paths)
    assert left is not None
    assert (left.verb, names_of(left.items)) == (DISCARD, [PLAIN])
    assert show is not None
    assert show.verb == SHOW


def test_one_that_cannot_be_read_waits(paths: Paths) -> None:
    """What stands in the place of an order is an error, and not taken for nothing."""
    (paths.orders / "1-1.json").mkdir(parents=True)
    with pytest.raises(FileUnavailableError):
        read(paths)


def test_nothing_is_asked_about_nobody(paths: Paths) -> None:
    """An order that names no memory is not written."""
    assert orders.give(paths, SEND, []) is None
    assert not paths.orders.exists()
