"""A scratch home whose server can be reached through the fault proxy alone."""

from collections.abc import Iterator

import pytest

from tests.proofs.network.matrix import Trial
from tests.support.fault_proxy import FaultProxy
from tests.support.home import Home
from tests.support.standin import Standin


@pytest.fixture
def proxy(server: Standin) -> Iterator[FaultProxy]:
    with FaultProxy(server.url) as made:
        yield made


@pytest.fixture
def trial(home: Home, server: Standin, proxy: FaultProxy) -> Trial:
    """Put them together; the worker is not started yet."""
    return Trial(home, server, proxy)
