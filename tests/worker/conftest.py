"""What every test of the merge, and of the engine, starts with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.dlq.generations import Ledger
from tests.worker.stage import Scene, staged


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    with staged(tmp_path, monkeypatch) as made:
        yield made
