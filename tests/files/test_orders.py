"""Orders: one shape for those who ask and for the ledger's writer, who answers."""

import json
import math
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
    OrderBarrier,
    Text,
)
from mem0tray.system.paths import Paths

ODD = ("half \ud83d", b"\x01" * 32)
PLAIN = ("b", b"\x02" * 32)
NOW = 1_764_513_120.0


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "claude", tmp_path / "data")


def read(paths: Paths) -> list[Order]:
    return [order for _path, order in orders.waiting(paths.orders) if order is not None]


def test_what_is_asked_is_read(paths: Paths) -> None:
    raw = b'{"content": "not UTF-8: \xff"}'
    orders.leave(paths, orders.about(DELETE, [ODD, PLAIN], "copy.json", "http://a"))
    orders.leave(paths, Order(RESTORE, texts=[Text.of(raw, dead=True)]))
    orders.leave(paths, orders.Order(orders.SHOW))
    first, second, third = read(paths)
    assert (first.verb, first.names) == (DELETE, [ODD, PLAIN])
    assert (first.backup, first.server) == ("copy.json", "http://a")
    assert [(text.data, text.dead) for text in second.texts] == [(raw, True)]
    assert (third.verb, third.names) == (SHOW, [])


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", '{"verb": 5}', '{"verb": "retry", "items": [{"id": "a", "digest": "x"}]}',
        "[" * 10**5,
    ],
)  # fmt: skip
def test_nonsense_is_told_from_an_order(paths: Paths, text: str) -> None:
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
        ({"verb": "discard", "done": "edit"}, EDIT), ({"verb": "discard"}, DELETE),
        ({"verb": "forget"}, FORGET), ({"verb": "send", "done": "delete"}, RETRY),
    ],
)  # fmt: skip
def test_an_order_of_a_former_version_is_understood(
    paths: Paths, former: dict[str, str], now: str
) -> None:
    paths.orders.mkdir(parents=True)
    document = {**former, "items": [{"id": "b", "digest": PLAIN[1].hex()}], "more": 1}
    (paths.orders / "1-1.json").write_text(json.dumps(document))
    (found,) = read(paths)
    assert (found.verb, found.names) == (now, [PLAIN])


@pytest.mark.parametrize(
    "word",
    [
        "delete", "forget", "retry", "restore", "edit", "remove", "keep", "show", "look",
        "done", "perhaps", "in flight", "delivered", "gone", "there",
    ],
)  # fmt: skip
def test_a_worker_from_before_an_update_knows_each_word(word: str) -> None:
    assert getattr(orders, word.upper().replace(" ", "_")) == word


def test_an_order_is_answered_once_and_goes_or_is_taken_back(paths: Paths) -> None:
    order = orders.leave(paths, orders.about(DELETE, [ODD, PLAIN]))
    assert orders.take_answer(order) is None
    orders.answer(order, {ODD: DONE, PLAIN: GONE})
    assert read(paths) == []
    assert orders.take_answer(order) == {ODD: DONE, PLAIN: GONE}
    assert orders.take_answer(order) is None
    assert not orders.take_back(order)
    assert orders.take_back(orders.leave(paths, orders.about(RETRY, [ODD])))
    assert list(paths.orders.iterdir()) == []


def test_an_answer_that_nobody_fetches_goes_after_a_minute(paths: Paths) -> None:
    old, new = (orders.leave(paths, orders.about(RETRY, [PLAIN])) for _ in range(2))
    for each in (old, new):
        orders.answer(each, {PLAIN: DONE})
    os.utime(old.with_suffix(".answer"), (1, 1))
    orders.drop_old_answers(paths.orders)
    assert (orders.take_answer(old), orders.take_answer(new)) == (None, {PLAIN: DONE})


def test_what_waits_to_be_deleted_or_forgotten_is_found_until_it_is_withdrawn(paths: Paths) -> None:
    third, fourth = ("c", b"\x03" * 32), ("d", b"\x04" * 32)
    for verb, names in ((DELETE, [ODD, PLAIN]), (FORGET, [third]), (RETRY, [fourth]), (SHOW, [])):
        orders.leave(paths, orders.about(verb, names))
    assert orders.discarded(paths.orders) == {ODD, PLAIN, third}
    orders.withdraw(paths.orders, [ODD, fourth])
    left = [(order.verb, order.names) for order in read(paths)]
    assert left == [(DELETE, [PLAIN]), (FORGET, [third]), (SHOW, [])]


# The barrier ------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "requests"
    made.mkdir()
    order(made, 1)
    return made


def order(folder: Path, number: int) -> None:
    (folder / f"{number}-7.json").touch()


def test_an_order_has_senders_wait_until_the_worker_has_looked(folder: Path) -> None:
    barrier = OrderBarrier(folder)
    assert barrier.look(0)
    assert barrier.wait
    seen = barrier.names()
    barrier.note_seen(seen)
    assert (barrier.wait, barrier.look(0)) == (False, False)
    order(folder, 2)
    barrier.note_seen(seen)  # it came while the worker looked
    assert barrier.look(0)


def test_an_order_that_was_applied_since_a_claim_came_too_late_for_it(folder: Path) -> None:
    barrier = OrderBarrier(folder)
    before = barrier.applied
    barrier.note_applied()
    (folder / "1-7.json").unlink()
    assert barrier.look(before)
    assert not barrier.look(barrier.applied)
    assert not barrier.wait
    before = barrier.applied
    barrier.note_applied()
    assert barrier.look(before)


def test_what_is_no_order_hinders_nobody(tmp_path: Path) -> None:
    for name in ("1-7.answer", ".1-7.json.part", "1-7.txt"):
        (tmp_path / name).touch()
    for folder in (tmp_path, tmp_path / "none"):
        barrier = OrderBarrier(folder)
        assert (barrier.look(0), barrier.wait, barrier.names()) == (False, False, frozenset())


# The pause --------------------------------------------------------------------------------


def test_a_pause_ends_at_its_time_or_when_it_is_ended(paths: Paths) -> None:
    assert orders.read_pause(paths, NOW) is None
    assert orders.clear_pause(paths) is False
    orders.write_pause(paths, NOW + 60)
    assert json.loads(paths.pause.read_bytes()) == {"until": NOW + 60}
    assert orders.read_pause(paths, NOW + 59.9) == NOW + 60
    assert orders.read_pause(paths, NOW + 60) is None
    orders.write_pause(paths, None)
    assert orders.read_pause(paths) == math.inf
    assert orders.clear_pause(paths) is True
    assert orders.read_pause(paths) is None


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("", math.inf), ("[]", math.inf), ("{", math.inf), ('{"other": 1}', math.inf),
        ('{"until": "soon"}', None), ('{"until": true}', None), ('{"until": NaN}', None),
        ('{"until": 1.0}', None), ('{"until": 1e12}', 1e12),
    ],
)  # fmt: skip
def test_a_file_that_names_no_time_pauses_all_the_same(
    paths: Paths, text: str, until: float | None
) -> None:
    paths.orders.mkdir(parents=True)
    paths.pause.write_text(text, encoding="utf-8")
    assert orders.read_pause(paths) == until


def test_a_folder_in_place_of_an_order_or_the_pause_is_named(paths: Paths) -> None:
    (paths.orders / "1-1.json").mkdir(parents=True)
    paths.pause.mkdir()
    for use in (read, orders.read_pause, orders.clear_pause):
        with pytest.raises(FileUnavailableError):
            use(paths)
