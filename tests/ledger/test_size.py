"""What a ledger takes on the disk."""

from pathlib import Path

import pytest

from tests.ledger.size import delivered

MEMORIES = 4_000
MOST = 400  # bytes for each


@pytest.mark.parametrize("waiting", [20, MEMORIES], ids=["a few at once", "all at once"])
def test_a_delivered_memory_takes_few_bytes(tmp_path: Path, waiting: int) -> None:
    assert delivered(tmp_path / "ledger.sqlite3", MEMORIES, waiting) <= MOST
