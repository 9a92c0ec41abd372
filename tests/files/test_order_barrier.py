"""The order barrier, which senders pass before each request."""

import os
from pathlib import Path

import pytest

from mem0tray.files.orders import OrderBarrier

LONG_AGO = 1_700_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make the folder, with an order in it."""
    made = tmp_path / "requests"
    made.mkdir()
    order(made, 1)
    return made


def order(folder: Path, number: int) -> None:
    """Leave one."""
    (folder / f"{number}-7.json").touch()


def test_without_a_folder_there_is_none(tmp_path: Path) -> None:
    """No command has ever left one."""
    barrier = OrderBarrier(tmp_path / "none")
    assert (barrier.look(0), barrier.wait, barrier.names()) == (False, False, frozenset())


def test_an_order_has_senders_wait_until_the_worker_has_looked(folder: Path) -> None:
    """One that could not be carried out hinders no longer then, and one that comes later does."""
    barrier = OrderBarrier(folder)
    assert barrier.look(0)
    assert barrier.wait
    barrier.note_seen(barrier.names())
    assert (barrier.wait, barrier.look(0)) == (False, False)
    order(folder, 2)
    assert barrier.look(0)


def test_an_order_that_was_applied_since_a_claim_came_too_late_for_it(folder: Path) -> None:
    """It is in the folder no more; claims from now on know of it, and nobody waits."""
    barrier = OrderBarrier(folder)
    before = barrier.applied
    barrier.note_applied()
    (folder / "1-7.json").unlink()
    assert barrier.look(before)
    assert not barrier.look(barrier.applied)
    assert not barrier.wait


def test_an_order_that_came_while_the_worker_looked_is_none_that_it_saw(folder: Path) -> None:
    """Senders find it at their next look."""
    barrier = OrderBarrier(folder)
    seen = barrier.names()
    order(folder, 2)
    barrier.note_seen(seen)
    assert barrier.look(0)


def test_what_is_no_order_hinders_nobody(tmp_path: Path) -> None:
    """An answer, and what is still being written."""
    for name in ("1-7.answer", ".1-7.json.part", "1-7.txt"):
        (tmp_path / name).touch()
    assert not OrderBarrier(tmp_path).look(0)


def test_while_nothing_changes_the_folder_is_not_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question for its time is all that a memory costs then."""
    barrier = OrderBarrier(folder)
    barrier.note_seen(barrier.names())
    os.utime(folder, (LONG_AGO, LONG_AGO))
    assert not barrier.look(0)
    monkeypatch.setattr(os, "listdir", lambda _: pytest.fail("read"))
    assert not barrier.look(0)


def test_two_orders_within_one_tick_are_both_seen(folder: Path) -> None:
    """A folder that has just changed may change again under the same time."""
    barrier = OrderBarrier(folder)
    barrier.note_seen(barrier.names())
    assert not barrier.look(0)
    at = folder.stat().st_mtime_ns
    order(folder, 2)
    os.utime(folder, ns=(at, at))
    assert barrier.look(0)
