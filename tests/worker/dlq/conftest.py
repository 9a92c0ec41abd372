"""What the tests of the DLQ file's reader and writer share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.dlq.editing import Editing
from tests.worker.ground import grounded


@pytest.fixture
def editing(tmp_path: Path) -> Iterator[Editing]:
    with grounded(tmp_path) as context:
        yield Editing(context)
