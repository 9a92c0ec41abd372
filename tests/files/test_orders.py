"""Orders: one shape for those who ask and for the ledger's writer, who answers."""

import json
import os
from pathlib import Path

import pytest

from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import orders
from mem0tray.files.orders import (
    DELETE,
    DONE,
    EDIT,
    FORGET,
    GONE,
    RESTORE,
    RETRY,
    SHOW,
    Order,
    Text,
)
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
    """Verb, memories, texts and backup come back as they went, in the order of asking."""
    raw = b'{"content": "not UTF-8: \xff"}'
    orders.leave(paths, orders.about(DELETE, [ODD, PLAIN], "copy.json"))
    orders.leave(paths, Order(RESTORE, texts=[Text.of(raw, dead=True)]))
    orders.ask_to_show(paths)
    first, second, third = read(paths)
    assert first is not None
    assert (first.verb, first.names, first.backup) == (DELETE, [ODD, PLAIN], "copy.json")
    assert second is not None
    assert [(text.data, text.dead) for text in second.texts] == [(raw, True)]
    assert third is not None
    assert (third.verb, third.names) == (SHOW, [])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"verb": 5}',
        '{"verb": "retry", "items": [{"id": "a", "digest": "x"}]}',
        "[" * 10**5,
    ],
)
def test_nonsense_is_told_from_an_order(paths: Paths, text: str) -> None:
    """A file that makes no sense is named, so that whoever reads it can take it away."""
    paths.orders.mkdir(parents=True)
    (paths.orders / "1-1.json").write_text(text)
    assert [(path.name, found) for path, found in orders.waiting(paths.orders)] == [
        ("1-1.json", None)
    ]


@pytest.mark.parametrize(
    ("former", "now"),
    [
        ({"verb": "discard", "done": "delete"}, DELETE),
        ({"verb": "discard", "done": "forget"}, FORGET),
        ({"verb": "discard", "done": "edit"}, EDIT),
        ({"verb": "discard"}, DELETE),
        ({"verb": "forget"}, FORGET),
        ({"verb": "send", "done": "delete"}, RETRY),
    ],
)
def test_an_order_of_a_former_version_is_understood(
    paths: Paths, former: dict[str, str], now: str
) -> None:
    """It waited while the program was replaced by a newer one."""
    paths.orders.mkdir(parents=True)
    document = {**former, "items": [{"id": "b", "digest": PLAIN[1].hex()}], "more": 1}
    (paths.orders / "1-1.json").write_text(json.dumps(document))
    (found,) = read(paths)
    assert found is not None
    assert (found.verb, found.names) == (now, [PLAIN])


def test_an_order_is_answered_once_and_goes(paths: Paths) -> None:
    """The answer names each memory as the order did, and is gone once it was read."""
    order = orders.leave(paths, orders.about(DELETE, [ODD, PLAIN]))
    assert orders.take_answer(order) is None
    orders.answer(order, {ODD: DONE, PLAIN: GONE})
    assert read(paths) == []
    assert orders.take_answer(order) == {ODD: DONE, PLAIN: GONE}
    assert orders.take_answer(order) is None
    assert list(paths.orders.iterdir()) == []


def test_an_answer_that_nobody_fetches_goes_after_a_minute(paths: Paths) -> None:
    """The command was killed, or gave up."""
    old, new = (orders.leave(paths, orders.about(RETRY, [PLAIN])) for _ in range(2))
    for each in (old, new):
        orders.answer(each, {PLAIN: DONE})
    os.utime(old.with_suffix(".answer"), (1, 1))
    orders.drop_old_answers(paths.orders)
    assert (orders.take_answer(old), orders.take_answer(new)) == (None, {PLAIN: DONE})


def test_what_is_withdrawn_is_not_read(paths: Paths) -> None:
    """A memory is taken out of every order that names it; one that then names none goes."""
    orders.leave(paths, orders.about(DELETE, [ODD, PLAIN]))
    orders.leave(paths, orders.about(RETRY, [ODD]))
    orders.ask_to_show(paths)
    orders.withdraw(paths.orders, [ODD])
    left, show = read(paths)
    assert left is not None
    assert (left.verb, left.names) == (DELETE, [PLAIN])
    assert show is not None
    assert show.verb == SHOW


def test_one_that_cannot_be_read_waits(paths: Paths) -> None:
    """What stands in the place of an order is an error, and not taken for nothing."""
    (paths.orders / "1-1.json").mkdir(parents=True)
    with pytest.raises(FileUnavailableError):
        read(paths)
