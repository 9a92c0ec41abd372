"""A ledger of its own for each test."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mem0tray.ledger.database import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Open one."""
    with closing(Ledger(tmp_path / "ledger.sqlite3")) as opened:
        yield opened
