"""`projects` and `export` with an official server, on Mem0's own library."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import needs
from tests.support.forked import ForkedHome
from tests.support.home import Home
from tests.support.official_server import OfficialServer

pytestmark = [pytest.mark.official, needs.LIBRARY]
_LOCAL = {
    "MEM0TRAY_SERVER_URL": "local",
    "MEM0TRAY_SERVER_LOCAL_PORT": "0",
    "MEM0TRAY_SERVER_DIALECT": "vps",
}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Make a scratch home whose chosen server is an official one."""
    with (
        OfficialServer(tmp_path / "official") as server,
        ForkedHome(tmp_path / "home", server.url) as scratch,
    ):
        scratch.env["MEM0TRAY_SERVER_DIALECT"] = "oss"
        yield scratch


def memories(text: str) -> list[tuple[Any, ...]]:
    """Read the memories of an export, in any order."""
    found = (json.loads(line) for line in text.split("\n")[:-1])
    return sorted((each["project_id"], each["id"], each["content"]) for each in found)


def test_what_an_official_server_has_goes_elsewhere(home: Home, tmp_path: Path) -> None:
    written = [
        {"project_id": project, "content": f"oak {number} in {project}", "id": f"{number}-{at}"}
        for at, project in enumerate(("garden", "my 100% project"))
        for number in range(7)
    ]
    home.ok("add", "--jsonl", stdin="".join(f"{json.dumps(each)}\n" for each in written))
    home.drained()
    counted = home.json("projects")
    assert counted["complete"]
    assert [(each["project_id"], each["on_server"]) for each in counted["projects"]] == [
        ("garden", 7), ("my 100% project", 7)
    ]  # fmt: skip
    text = home.ok("export")
    assert memories(text) == sorted(
        (each["project_id"], each["id"], each["content"]) for each in written
    )
    with ForkedHome(tmp_path / "other") as other:
        other.ok("add", "--jsonl", stdin=text, env=_LOCAL)
        other.drained(env=_LOCAL)
        assert memories(other.ok("export", env=_LOCAL)) == memories(text)
