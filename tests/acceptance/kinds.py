"""The kinds of server that tests go through, for the parameters of a fixture."""

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support import needs
from tests.support.hosted import HostedStandin, Work
from tests.support.official import OfficialStandin, SimpleStore, Store
from tests.support.standin import Standin

VPS: Final = "vps"
SIMPLE: Final = "simple"
POSTGRES: Final = "postgres"
_HOSTED: Final = ("hosted at once", "hosted later")
# Now and then the library and its drivers leave a connection to the garbage collector.
_THEIRS: Final = "ignore::pytest.PytestUnraisableExceptionWarning"
_REAL: Final = [pytest.mark.official, needs.LIBRARY, pytest.mark.filterwarnings(_THEIRS)]
# Mem0's own library, on the embedded Qdrant and on a real Postgres with pgvector.
LIBRARY: Final = [pytest.param(name, marks=_REAL) for name in ("qdrant", POSTGRES)]
OFFICIAL: Final = [SIMPLE, *LIBRARY]
HOSTED: Final = [pytest.param(name, marks=pytest.mark.slow) for name in _HOSTED]


def on(*kinds: object) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("server", kinds, indirect=True)


ON_ALL: Final = on(VPS, *OFFICIAL, *HOSTED)
ON_OFFICIAL_TOO: Final = on(VPS, *OFFICIAL)
ON_LIBRARY_TOO: Final = on(VPS, *LIBRARY)


@contextlib.contextmanager
def opened(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Store]:
    """Open an empty store: in the database of the fixture `database` a table of its own."""
    if kind == SIMPLE:
        yield SimpleStore()
        return
    from tests.support.official_library import close_library, open_library

    database = request.getfixturevalue("database").connection if kind == POSTGRES else ""
    library = open_library(folder, database=database, table=f"memories_{uuid.uuid4().hex}")
    yield library
    close_library(library)


@contextlib.contextmanager
def official(store: Store) -> Iterator[OfficialStandin]:
    """Serve as an official server; at the end the store holds what was saved, and nothing else."""
    with OfficialStandin(store) as standin:
        yield standin
        with standin.held() as stored:  # a worker may still be sending
            assert standin.kept() == sorted(text for _, text in stored)


@contextlib.contextmanager
def hosted(*, later: bool = False) -> Iterator[HostedStandin]:
    """Serve as the hosted service, which stores at once, or a moment after it took a memory in.

    At the end nothing was asked that is not published, and no text is there twice.
    """
    with HostedStandin() as standin:
        if later:
            standin.works = lambda _: Work(0.05)
        yield standin
        assert (standin.faults, standin.surplus()) == ([], {})


@contextlib.contextmanager
def served(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Standin]:
    with contextlib.ExitStack() as stack:
        if kind == VPS:
            yield stack.enter_context(Standin())
        elif kind in _HOSTED:
            yield stack.enter_context(hosted(later=kind == _HOSTED[1]))
        else:
            store = stack.enter_context(opened(kind, request, folder))
            yield stack.enter_context(official(store))
