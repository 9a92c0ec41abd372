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
from tests.support import needs

ODD = ("half \ud83d", b"\x01" * 32)
PLAIN = ("b", b"\x02" * 32)
NOW = 1_764_513_120.0


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "claude", tmp_path / "data")


def read(paths: Paths) -> list[Order]:
    return [order for _path, order in orders.readable(paths.orders)]


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
    assert [orders.read(path) for path in orders.waiting(paths.orders)] == [None]


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
    orders.drop_leftovers(paths.orders)
    assert (orders.take_answer(old), orders.take_answer(new)) == (None, {PLAIN: DONE})


def test_what_waits_to_be_deleted_or_forgotten_is_found_until_it_is_withdrawn(paths: Paths) -> None:
    third, fourth = ("c", b"\x03" * 32), ("d", b"\x04" * 32)
    for verb, names in ((DELETE, [ODD, PLAIN]), (FORGET, [third]), (RETRY, [fourth]), (SHOW, [])):
        orders.leave(paths, orders.about(verb, names))
    assert orders.discarded(paths.orders) == {ODD, PLAIN, third}
    orders.withdraw(paths, [ODD, fourth])
    left = [(order.verb, order.names) for order in read(paths)]
    assert left == [(FORGET, [third]), (SHOW, []), (DELETE, [PLAIN])]


# The barrier ------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "requests"
    made.mkdir()
    order(made, 1)
    return made


def order(folder: Path, number: int) -> None:
    (folder / f"{number}-7.json").touch()


@pytest.mark.parametrize("name", ["1-7.json", "1-7.claimed"])
def test_no_sender_runs_while_an_order_waits_claimed_or_not(folder: Path, name: str) -> None:
    barrier = OrderBarrier(folder)
    (folder / "1-7.json").rename(folder / name)
    assert (barrier.stands(), barrier.look(0)) == (True, True)
    (folder / name).unlink()
    assert (barrier.stands(), barrier.look(0)) == (False, False)


def test_an_order_that_was_applied_since_a_claim_came_too_late_for_it(folder: Path) -> None:
    barrier = OrderBarrier(folder)
    before = barrier.applied
    barrier.applied += 1
    (folder / "1-7.json").unlink()
    assert barrier.look(before)
    assert not barrier.look(barrier.applied)


def test_what_is_no_order_hinders_nobody(tmp_path: Path) -> None:
    for name in ("1-7.answer", "1-7.draft", ".1-7.json.part", "1-7.txt"):
        (tmp_path / name).touch()
    assert not OrderBarrier(tmp_path).stands()
    assert not OrderBarrier(tmp_path / "none").stands()


def test_a_folder_of_orders_that_cannot_be_listed_holds_senders(tmp_path: Path) -> None:
    (tmp_path / "requests").touch()
    assert OrderBarrier(tmp_path / "requests").stands()


# The lease --------------------------------------------------------------------------------


def test_whoever_renames_an_order_first_owns_it(paths: Paths) -> None:
    taken, kept = (orders.leave(paths, orders.about(RETRY, [ODD])) for _ in range(2))
    assert orders.take_back(taken)
    assert orders.claim(taken) is None
    lease = orders.claim(kept)
    assert not orders.take_back(kept)
    assert orders.waiting(paths.orders) == [lease]


def test_an_order_that_is_not_handed_over_is_no_order_and_is_taken_back(paths: Paths) -> None:
    order = orders.prepare(paths, orders.about(RETRY, [ODD]))
    assert orders.waiting(paths.orders) == []
    assert orders.take_back(order)
    assert list(paths.orders.iterdir()) == []


@needs.root("root alone leaves orders in a folder of others")
def test_an_order_of_root_belongs_to_the_owner_of_the_folder(paths: Paths) -> None:
    paths.orders.mkdir(parents=True)
    os.chown(paths.orders, 1234, 1235)
    found = orders.leave(paths, orders.about(DELETE, [PLAIN])).stat()
    assert (found.st_uid, found.st_gid) == (1234, 1235)


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
    (order,) = orders.waiting(paths.orders)
    with pytest.raises(FileUnavailableError):
        orders.read(order)
    for use in (orders.read_pause, orders.clear_pause):
        with pytest.raises(FileUnavailableError):
            use(paths)


@needs.LINKS
def test_a_link_to_nothing_in_an_orders_place_cannot_be_read(paths: Paths) -> None:
    paths.orders.mkdir(parents=True)
    path = paths.orders / "1.json"
    path.symlink_to("gone")
    with pytest.raises(FileUnavailableError):
        orders.read(path)


def test_only_what_is_taken_for_an_order_holds_the_senders(paths: Paths) -> None:
    paths.orders.mkdir(parents=True)
    for name in ("²x.json", "٣.json"):
        (paths.orders / name).touch()
        assert not OrderBarrier(paths.orders).stands()
    (paths.orders / "3.json").touch()
    assert OrderBarrier(paths.orders).stands()
    assert [path.name for path in orders.waiting(paths.orders)] == ["3.json"]
