"""Sessions of the official client with the tools of `mem0tray mcp`, ended with the test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.agents.tool_client import ToolClient, over_stdio
from tests.support.fixtures import home, server
from tests.support.home import Home

__all__ = ["connect", "home", "server"]


@pytest.fixture
def connect(home: Home) -> Iterator[Callable[..., ToolClient]]:
    """Start `mem0tray mcp` in the test's home; arguments are those of `over_stdio`."""
    with ExitStack() as stack:

        def opened(**options: Any) -> ToolClient:
            return stack.enter_context(over_stdio(home, **options))

        yield opened
