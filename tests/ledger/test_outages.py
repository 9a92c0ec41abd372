"""When the server could not be reached."""

from collections.abc import Sequence

import pytest

from mem0tray.core.reasons import NONE, Reason
from mem0tray.ledger import outages
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.outages import Outage, Outages
from mem0tray.ledger.reader import Reader
from tests.ledger.samples import NOW

WHY = Reason("it cannot be reached: {why}", why=Reason("Network is unreachable"))
DAY = 86_400.0


def kept(ledger: Ledger, now: float, since: float = 0.0) -> list[Outage]:
    with Reader(ledger.path) as reader:
        return reader.outages(since, now)


@pytest.mark.parametrize(
    ("noted", "now", "found"),
    [
        ([(0, None), (5, NONE)], 10, []),
        ([(0, WHY)], 10, [Outage(NOW, NOW + 10, WHY, lasts=True)]),
        ([(0, WHY), (30, Reason("x")), (40, NONE)], 50, [Outage(NOW, NOW + 40, WHY)]),
        ([(0, WHY), (40, None)], 50, [Outage(NOW, NOW + 40, WHY)]),  # another server is chosen
        ([(0, WHY), (30, WHY), (70, WHY)], 2000, [Outage(NOW, NOW + 70, WHY)]),  # killed
        ([(0, WHY), (60, WHY)], 2000, [Outage(NOW, NOW + 60, WHY)]),
        ([(0, WHY), (70, WHY), (80, WHY)], 200, [Outage(NOW, NOW + 200, WHY, lasts=True)]),
        ([(0, WHY), (-99, NONE)], 50, [Outage(NOW, NOW, WHY)]),  # the clock was set back
        (
            [(0, WHY), (9, NONE), (20, WHY), (25, NONE)], 50,
            [Outage(NOW, NOW + 9, WHY), Outage(NOW + 20, NOW + 25, WHY)],
        ),
    ],
)  # fmt: skip
def test_an_outage_is_from_its_first_note_to_its_last(
    ledger: Ledger, noted: Sequence[tuple[float, Reason | None]], now: float, found: list[Outage]
) -> None:
    notes = Outages(ledger)
    for at, reason in noted:
        notes.note(reason, NOW + at)
    assert kept(ledger, NOW + now) == found


@pytest.mark.parametrize(
    ("noted", "spans"),
    [
        ([(100, None), (130, WHY), (150, NONE)], [(0, 150)]),
        ([(100, None), (130, NONE)], [(0, 130)]),
        ([(5000, NONE)], [(0, 65)]),
        ([(5000, WHY), (5020, NONE)], [(0, 65), (5000, 5020)]),
    ],
)
def test_a_worker_goes_on_with_the_outage_that_a_kill_left(
    ledger: Ledger, noted: Sequence[tuple[float, Reason | None]], spans: list[tuple[float, float]]
) -> None:
    killed = Outages(ledger)
    killed.note(WHY, NOW)
    killed.note(WHY, NOW + 65)
    again = Outages(ledger)
    for at, reason in noted:
        again.note(reason, NOW + at)
    found = kept(ledger, NOW + 9000)
    assert [(each.began - NOW, each.ended - NOW) for each in found] == spans
    assert kept(ledger, NOW + 9000, found[-1].ended + 1) == []


def test_old_ones_and_too_many_are_forgotten(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outages, "_MOST", 3)
    notes = Outages(ledger)
    for day in (-500, -100, *range(5)):
        notes.note(WHY, NOW + day * DAY)
        notes.note(NONE, NOW + day * DAY + 1)
        if day == 0:
            assert [each.began for each in kept(ledger, NOW)] == [NOW - 100 * DAY, NOW]
    assert [each.began for each in kept(ledger, NOW)] == [NOW + day * DAY for day in (2, 3, 4)]
