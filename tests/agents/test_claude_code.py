"""The real Claude Code, in a network of its own: other ways to connect it than the usual one."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.agents.real_agents import KINDS, MARKS, RealAgent, installed, network_of_its_own
from tests.support.home import REPOSITORY, Home

pytestmark = MARKS
CLAUDE: Final = KINDS["claude-code"]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(CLAUDE, tmp_path_factory.mktemp("claude-code"))


@pytest.fixture
def claude(tmp_path: Path, programs: Path) -> Iterator[RealAgent]:
    with network_of_its_own(), Home(tmp_path / "home of a user", "http://127.0.0.1:9") as home:
        yield RealAgent(CLAUDE, home, programs)


def test_the_plug_in_is_valid_and_connects(claude: RealAgent) -> None:
    # Apart from the repository, whose README would stand in for one that is missing.
    folder = shutil.copytree(REPOSITORY / "packaging" / "claude-plugin", claude.home.root / "plug")
    checks = ("plugin", "validate", "--json", "--strict", "--profile", "directory")
    for path in (folder, folder / ".claude-plugin" / "plugin.json"):
        found = json.loads(claude.ok(*checks, str(path)))
        assert (found["success"], found["directory"]["findings"]) == (True, [])
        assert found["hosts"]["declared"]["plugin"]
    programs = Path(sys.executable).parent  # where `mem0tray` is
    claude.home.env["PATH"] += f"{os.pathsep}{programs}"
    claude.ok("plugin", "marketplace", "add", str(folder))
    claude.ok("plugin", "install", "mem0tray@mem0tray")
    assert "✔ Connected" in claude.ok("mcp", "list")
    assert "plug-in mem0tray@mem0tray" in claude.home.run("doctor", "--no-notify").stdout
