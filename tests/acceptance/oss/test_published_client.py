"""Published programs for Mem0's servers, unchanged, against the embedded one."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import StdioServerParameters
from mcp.client.stdio import stdio_client

from mem0tray.localserver.child import LocalServer
from mem0tray.localserver.endpoint import Endpoint
from tests.claude.tool_client import ToolClient
from tests.support import needs
from tests.support.official_library import import_library

PROGRAM = "mem0-selfhosted-fastmcp"  # from PyPI, which wants Python 3.14; tried with its 0.1.4
pytestmark = pytest.mark.official


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Endpoint]:
    """Run an embedded server of the test's own."""
    server = LocalServer(tmp_path / "local-server", 0)
    yield server.ensure()
    server.stop()


@pytest.fixture
def tools(embedded: Endpoint) -> Iterator[ToolClient]:
    """Run the program that makes tools of a server, and hold a session with it."""
    env = {
        **os.environ,
        "MEM0_BASE_URL": embedded.url,
        "MEM0_API_KEY": embedded.token,
        "FASTMCP_CHECK_FOR_UPDATES": "off",  # tests speak to nobody else
    }
    with ToolClient(stdio_client(StdioServerParameters(command=PROGRAM, env=env))) as client:
        yield client


def called(tools: ToolClient, tool: str, **arguments: Any) -> Any:
    """Call a tool; its answer."""
    said = tools.call(tool, **arguments)
    assert not said.failed, said.text
    return json.loads(said.text)


@needs.program(PROGRAM)
def test_each_of_its_tools_works(tools: ToolClient) -> None:
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


@needs.LIBRARY
def test_the_client_of_mem0s_own_library_works(embedded: Endpoint, tmp_path: Path) -> None:
    mem0 = import_library(tmp_path)
    client = mem0.MemoryClient(api_key=embedded.token, host=embedded.url)
    whose = {"user_id": "garden"}
    for text in ("Roses want water", "Oaks want time"):
        (result,) = client.add(text, user_id="garden", metadata={"by": "me"})["results"]
        assert (result["memory"], result["event"]) == (text, "ADD")
    page = client.get_all(filters=whose, page=1, page_size=1)
    assert (page["count"], page["results"][0]["memory"]) == (2, "Oaks want time")
    (found,) = client.search("roses", filters=whose)["results"]
    assert (found["memory"], found["metadata"]) == ("Roses want water", {"by": "me"})
    client.update(found["id"], text="Roses want sun")
    assert client.get(found["id"])["memory"] == "Roses want sun"
    client.delete(found["id"])
    assert [each["name"] for each in client.users()["results"]] == ["garden"]
    client.delete_all(user_id="garden")
    assert client.get_all(filters=whose)["count"] == 0
    client.add("Oaks want time", user_id="garden")
    client.delete_users(user_id="garden")
    assert client.users()["results"] == []
    client.client.close()
