"""A scratch home a test; a browser for all tests of this folder, with a context for each."""

from collections.abc import Generator, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.actions.conftest import paths
from tests.cli.conftest import home
from tests.support import needs
from tests.support.browser import Window, chromium
from tests.support.fixtures import bare_home, server
from tests.support.fixtures import home as real_home
from tests.support.home import Home

__all__ = ["bare_home", "home", "paths", "real_home", "server"]


# For the package, not the session: its loop must not run beside the loops of other tests.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, pytest.TestReport]:
    """Skip nothing that is required."""
    report: pytest.TestReport = yield
    needs.insist(report)
    return report


@pytest.fixture
def window(browser: Browser, real_home: Home) -> Iterator[Window]:
    """Give the window of a home with a worker that runs; the browser must complain of nothing."""
    worker = real_home.worker()
    with Window(real_home, browser, worker) as opened:
        yield opened
        assert opened.faults == []
