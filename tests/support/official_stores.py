"""The stores of an official server that tests go through, each for a parameter of a fixture."""

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support import needs
from tests.support.official import SimpleStore, Store

SIMPLE: Final = "simple"
POSTGRES: Final = "postgres"
# Now and then the library and its drivers leave a connection to the garbage collector.
_THEIRS: Final = "ignore::pytest.PytestUnraisableExceptionWarning"
_REAL: Final = [pytest.mark.official, needs.LIBRARY, pytest.mark.filterwarnings(_THEIRS)]
# Mem0's own library, on the embedded Qdrant and on a real Postgres with pgvector.
LIBRARY: Final = [pytest.param(name, marks=_REAL) for name in ("qdrant", POSTGRES)]


@contextlib.contextmanager
def opened(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Store]:
    """An empty store of this kind; in the database of the fixture `database` a table of its own."""
    if kind == SIMPLE:
        yield SimpleStore()
        return
    from tests.support.official_library import close_library, open_library

    database = request.getfixturevalue("database").connection if kind == POSTGRES else ""
    library = open_library(folder, database=database, table=f"memories_{uuid.uuid4().hex}")
    yield library
    close_library(library)
