"""The real Claude Code, in a network of its own: connected, used, and left without a trace."""

import ctypes
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.agents.stub_model import Reply, StubModel, calls, says
from tests.support import needs, privileges
from tests.support.home import REPOSITORY, Home
from tests.support.standin import Standin

_PACKAGE: Final = "@anthropic-ai/claude-code@2.1.332"
_LIMIT: Final = 300.0  # seconds for each of its starts, and for npm, on a busy machine
_QUIET: Final = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
}
# By which npm says that no registry was reached, or that it has no such package.
_UNREACHABLE = (
    "ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ENETUNREACH", "ETIMEDOUT", "E404",
)  # fmt: skip

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),  # a dozen starts, each of which takes a second when it is quiet
    needs.linux("it has no network namespaces"),
    needs.root("makes a network namespace"),
    needs.program("npm"),
    needs.program("ip"),
]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install Claude Code from the registry that npm is set up for; the folder of its program."""
    folder = tmp_path_factory.mktemp("claude-code")
    command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), _PACKAGE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("npm does not reach its registry")
    if any(sign in done.stderr for sign in _UNREACHABLE):
        pytest.skip("npm does not reach its registry, or that has no Claude Code")
    assert done.returncode == 0, done.stderr
    return folder / "node_modules" / ".bin"


class Claude:
    """Claude Code in the home of a test, which works in the folder `garden`."""

    def __init__(self, home: Home, programs: Path) -> None:
        self.home = home
        self._program = str(programs / "claude")
        self.folder = home.root / "garden"
        self.folder.mkdir()
        path = f"{programs}{os.pathsep}{home.env['PATH']}"
        home.env.update(_QUIET, PATH=path, ANTHROPIC_API_KEY="sk-stub")

    def ok(self, *arguments: str, **environ: str) -> str:
        """Run `claude`, which must succeed; what it printed."""
        done = subprocess.run(
            [self._program, *arguments],
            env={**self.home.env, **environ},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LIMIT,
            check=False,
        )
        assert done.returncode == 0, done
        return done.stdout

    def session(self, *replies: Reply) -> StubModel:
        """Have a session in which the model gives these answers; what it was asked."""
        with StubModel(replies) as model:
            tools = ("--allowedTools", "mcp__mem0tray__*")
            self.ok("-p", "Work in the garden.", *tools, ANTHROPIC_BASE_URL=model.url)
        return model

    def begins_with(self, *texts: str) -> bool:
        """Whether the first request of a new session holds all of these texts."""
        asked = json.dumps(self.session(says("Hello.")).asked[0])
        return all(text in asked for text in texts)


@pytest.fixture
def server() -> Iterator[Standin]:
    with network_of_its_own(), Standin() as standin:
        yield standin


@pytest.fixture
def claude(server: Standin, tmp_path: Path, programs: Path) -> Iterator[Claude]:
    with Home(tmp_path / "home of a user", server.url) as home:
        there = Claude(home, programs)
        there.session(says("Hello."))  # writes what it makes at its first start
        yield there


def _settings(home: Home) -> tuple[bytes | None, object]:
    """What `install` may change: the settings, and the servers in Claude Code's own file."""
    settings = home.claude / "settings.json"
    own = json.loads((home.root / ".claude.json").read_bytes())
    return settings.read_bytes() if settings.exists() else None, own.get("mcpServers") or {}


def test_saved_recalled_and_gone_without_a_trace(claude: Claude, server: Standin) -> None:
    home = claude.home
    before = _settings(home)
    home.ok("install", "claude-code", "--mcp", "--hooks", timeout=_LIMIT)
    assert "✔ Connected" in claude.ok("mcp", "list")
    home.ok("install", "claude-code", "--mcp", "--hooks", timeout=_LIMIT)

    claude.session(
        calls("WaitForMcpServers"),  # which takes a moment on a busy machine
        calls("mcp__mem0tray__mem0_save", project_id="garden", content="roses want sun"),
        says("Done.\nmem0: so do beans"),
    )
    waiting = sorted(each["content"] for each in home.queue_items())
    assert waiting == ["roses want sun", "so do beans"]
    assert claude.begins_with(*waiting)
    home.drained(_LIMIT)
    assert {text: server.count(text) for text in waiting} == dict.fromkeys(waiting, 1)
    assert len(server.saves) == len(waiting)

    # The hook gives the server part of a second, which a busy machine may not have.
    assert any(claude.begins_with(*waiting) for _ in range(15))

    home.ok("uninstall", "claude-code", timeout=_LIMIT)
    assert _settings(home) == before
    assert "mem0tray" not in claude.ok("mcp", "list")
    assert not any(claude.begins_with(text) for text in waiting)


def test_settings_in_a_folder_of_the_users_choice(claude: Claude) -> None:
    claude.home.env["CLAUDE_CONFIG_DIR"] = str(claude.home.root / "elsewhere")
    claude.home.ok("install", "claude-code", timeout=_LIMIT)
    assert "✔ Connected" in claude.ok("mcp", "list")


def test_the_plug_in_is_valid_and_connects(claude: Claude) -> None:
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


_NETWORK = 0x40000000  # CLONE_NEWNET
_MINE = "/proc/thread-self/ns/net"


@contextmanager
def network_of_its_own() -> Iterator[None]:
    """Give this thread, and all threads and processes that it starts, a network of their own."""
    system = ctypes.CDLL(None, use_errno=True)
    former = os.open(_MINE, os.O_RDONLY)
    try:
        privileges.check(system.unshare(_NETWORK))
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)  # noqa: S607  (its folder differs)
            yield
        finally:
            privileges.check(system.setns(former, _NETWORK))
    finally:
        os.close(former)
