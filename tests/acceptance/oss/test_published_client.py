"""A published program for the official server, unchanged, against the embedded one."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import StdioServerParameters
from mcp.client.stdio import stdio_client

from mem0tray.localserver.child import LocalServer
from tests.claude.tool_client import ToolClient
from tests.support import needs

PROGRAM = "mem0-selfhosted-fastmcp"  # from PyPI, which wants Python 3.14; tried with its 0.1.4
pytestmark = [pytest.mark.official, needs.program(PROGRAM)]


@pytest.fixture
def tools(tmp_path: Path) -> Iterator[ToolClient]:
    """Run the program on an embedded server of the test's own, and hold a session with it."""
    server = LocalServer(tmp_path / "local-server", 0)
    found = server.ensure()
    env = {
        **os.environ,
        "MEM0_BASE_URL": found.url,
        "MEM0_API_KEY": found.token,
        "FASTMCP_CHECK_FOR_UPDATES": "off",  # tests speak to nobody else
    }
    try:
        told = StdioServerParameters(command=PROGRAM, env=env)
        with ToolClient(stdio_client(told)) as client:
            yield client
    finally:
        server.stop()


def called(tools: ToolClient, tool: str, **arguments: Any) -> Any:
    """Call a tool; its answer."""
    said = tools.call(tool, **arguments)
    assert not said.failed, said.text
    return json.loads(said.text)


def test_each_of_its_tools_works(tools: ToolClient) -> None:
    """It makes them of the server's description, and saves, lists, finds, changes and deletes."""
    message = {"role": "user", "content": "Roses want water"}
    (added,) = called(tools, "add_memory", messages=[message], user_id="garden")["results"]
    (listed,) = called(tools, "list_memories", user_id="garden")["results"]
    (found,) = called(tools, "search_memories", query="roses", user_id="garden")["results"]
    assert {listed["memory"], found["memory"]} == {"Roses want water"}
    name = added["id"]
    called(tools, "update_memory", memory_id=name, text="Roses want sun")
    assert called(tools, "get_memory", memory_id=name)["memory"] == "Roses want sun"
    (entity,) = called(tools, "list_entities")["result"]
    assert (entity["id"], entity["total_memories"]) == ("garden", 1)
    called(tools, "delete_memory", memory_id=name)
    for tool in ("delete_all_memories", "delete_entity"):
        called(tools, "add_memory", messages=[message], user_id="garden")
        whose = {"entity_type": "user", "entity_id": "garden"}
        called(tools, tool, **(whose if tool == "delete_entity" else {"user_id": "garden"}))
        assert called(tools, "list_memories", user_id="garden")["results"] == []
