"""Outages as the probes saw them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0tray.ledger.database import Ledger
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.servers import Outages


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name the ledger."""
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    """Open it."""
    opened = Ledger(path)
    yield opened
    opened.close()


def _seen(path: Path) -> list[tuple[float, float]]:
    with Reader(path) as reader:
        return reader.outages(0.0)


def test_from_the_first_probe_that_fails_to_the_one_that_does_not(
    ledger: Ledger, path: Path
) -> None:
    """Each outage has one row, which is there from its beginning."""
    outages = Outages(ledger)
    outages.note_probe(healthy=True, now=10.0)
    assert _seen(path) == []
    outages.note_probe(healthy=False, now=20.0)
    assert _seen(path) == [(20.0, 20.0)]
    outages.note_probe(healthy=False, now=30.0)
    outages.note_probe(healthy=True, now=41.0)
    outages.note_probe(healthy=True, now=50.0)
    outages.note_probe(healthy=False, now=60.0)
    assert _seen(path) == [(20.0, 41.0), (60.0, 60.0)]


def test_a_restart_in_the_middle_makes_no_second_one(ledger: Ledger, path: Path) -> None:
    """What was under way goes on, unless nobody looked for long."""
    Outages(ledger).note_probe(healthy=False, now=20.0)
    Outages(ledger).note_probe(healthy=False, now=80.0)
    assert _seen(path) == [(20.0, 80.0)]
    Outages(ledger).note_probe(healthy=True, now=90.0)
    Outages(ledger).note_probe(healthy=False, now=100.0)
    Outages(ledger).note_probe(healthy=False, now=5000.0)
    assert _seen(path) == [(20.0, 90.0), (100.0, 100.0), (5000.0, 5000.0)]
