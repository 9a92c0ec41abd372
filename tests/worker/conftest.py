"""What every test of the merge starts with."""

import pytest

from tests.worker.dlq.generations import Ledger


@pytest.fixture
def ledger() -> Ledger:
    """Start with an empty ledger."""
    return Ledger()
