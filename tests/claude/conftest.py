"""Sessions of the official client with the tools of `mem0tray mcp`, ended with the test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from mem0tray.claude import mcp_server
from tests.claude.tool_client import ToolClient, over_stdio
from tests.support.fixtures import home, server
from tests.support.home import Home

__all__ = ["connect", "home", "server", "start"]


@pytest.fixture
def start(home: Home) -> Iterator[Callable[..., ToolClient]]:
    """Start `mem0tray mcp` in the test's home; arguments are those of `over_stdio`."""
    with ExitStack() as stack:

        def opened(**options: Any) -> ToolClient:
            return stack.enter_context(over_stdio(home, **options))

        yield opened


@pytest.fixture
def connect(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ToolClient]]:
    """Serve in this process, which a test takes less for; arguments are those of `ToolClient`."""
    for name, value in home.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(home.root)
    with ExitStack() as stack:

        def opened(**options: Any) -> ToolClient:
            return stack.enter_context(ToolClient(mcp_server.made(), **options))

        yield opened
