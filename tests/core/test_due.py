"""When an item is due, and how long it waits after a failure."""

import pytest

from mem0tray.core import due

NOW = 1_700_000_000.0


def test_the_backoff_doubles_up_to_an_hour() -> None:
    assert [due.backoff(n) for n in range(9)] == [*(30, 60, 120, 240, 480, 960, 1920), 3600, 3600]
    absurd = (-1, -(10**9), 10**9, 2**70)
    assert [due.backoff(n) for n in absurd] == [30, 30, 3600, 3600]


@pytest.mark.parametrize("count", [-5, 0, 3, 7, 10**9])
def test_a_dead_letter_is_due_after_its_backoff_at_most(count: int) -> None:
    wait = due.backoff(count)
    assert due.dead_due(NOW - 500, count, NOW) == NOW - 500 + wait
    for wish in (0, -1, -1e300):
        assert due.dead_due(wish, count, NOW) == 0.0
    for future in (NOW + 1, NOW + 10**9, 1e300, 2.0**64):
        assert due.dead_due(future, count, NOW) == NOW + wait


@pytest.mark.parametrize(
    ("asked", "wait"), [(None, 30.0), (0.0, 30.0), (29.0, 30.0), (31.0, 31.0), (10**9, 3600.0)]
)
def test_a_fresh_entry_waits_its_interval(asked: float | None, wait: float) -> None:
    assert due.fresh_due(NOW, 30.0, asked) == NOW + wait
    assert due.fresh_due(NOW, 7200.0, asked) == NOW + 7200.0


@pytest.mark.parametrize(
    ("count", "asked", "wait"),
    [(1, None, 60.0), (1, 59.0, 60.0), (1, 61.0, 61.0), (9, 10**9, 3600.0), (0, 10**9, 3600.0)],
)
def test_a_retry_that_failed_waits_its_backoff(
    count: int, asked: float | None, wait: float
) -> None:
    assert due.dead_wait(count, asked) == wait


def test_a_server_that_works_on_an_item_is_asked_more_and_more_rarely() -> None:
    waits = {0: 2, 1: 2, 4: 4, 60: 60, 900: 600}  # seconds, by how long it has been at work
    assert {since: due.work_due(NOW, NOW - since, 600) - NOW for since in waits} == waits
