"""The program against Mem0's own library, on the embedded Qdrant and on a real Postgres."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.official import Store
from tests.support.official_stores import LIBRARY, opened


@pytest.fixture(params=LIBRARY)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Keep memories in Mem0's own library."""
    with opened(request.param, request, tmp_path) as made:
        yield made
