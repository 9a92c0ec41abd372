"""Real agents from npm, each in the home of a test and in a network of its own."""

import ctypes
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.agents.stub_model import Reply, StubModel, calls, says
from tests.support import needs, privileges
from tests.support.home import Home

LIMIT: Final = 300.0  # seconds for each of its starts, and for npm, on a busy machine
# By which npm says that no registry was reached, or that it has no such package.
_UNREACHABLE = (
    "ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ENETUNREACH", "ETIMEDOUT", "E404",
)  # fmt: skip
MARKS: Final = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),  # a dozen starts, each of which takes a second when it is quiet
    needs.linux("it has no network namespaces"),
    needs.root("makes a network namespace"),
    needs.program("npm"),
    needs.program("ip"),
]


class Kind(NamedTuple):
    """An agent: its package and program, how a session of it begins, and what a tool is called.

    `words` are given before the prompt, with the stub's address for `<url>`, as in `environ`.
    `first` is what the model has to call until the tools are there. `settings` are the user's.
    """

    package: str
    program: str
    words: tuple[str, ...]
    environ: Mapping[str, str]
    tool: str = "mcp__mem0tray__{}"
    first: tuple[Reply, ...] = ()
    settings: tuple[str, object] = ("", None)


_PROVIDER: Final = (
    'model_providers.stub={name="stub",base_url="<url>/v1",env_key="STUB_KEY",'
    'wire_api="responses",request_max_retries=0,stream_max_retries=0}'
)
_OPENCODE: Final = {
    "model": "stub/stub",
    "small_model": "stub/stub",
    "share": "disabled",
    "provider": {
        "stub": {
            "npm": "@ai-sdk/anthropic",
            "options": {"baseURL": "<url>/v1", "apiKey": "sk-stub"},
            "models": {"stub": {}},
        }
    },
}
KINDS: Final = {
    "claude-code": Kind(
        "@anthropic-ai/claude-code@2.1.332",
        "claude",
        ("-p",),
        {
            "ANTHROPIC_BASE_URL": "<url>",
            "ANTHROPIC_API_KEY": "sk-stub",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
        },
        first=(calls("WaitForMcpServers"),),  # which takes a moment on a busy machine
    ),
    "codex": Kind(
        "@openai/codex@0.171.0",
        "codex",
        (
            "exec",
            "--skip-git-repo-check",
            # Its plug-ins look up a name at the start.
            *("--disable", "plugins"),
            # In the place of a person, who is asked at a terminal.
            "--dangerously-bypass-hook-trust",
            *(
                word
                for setting in (
                    "model=stub",
                    "model_provider=stub",
                    _PROVIDER,
                    "check_for_update_on_startup=false",
                    "analytics.enabled=false",
                    "otel.exporter=none",
                )
                for word in ("-c", setting)
            ),
        ),
        {"STUB_KEY": "sk-stub"},
    ),
    "copilot": Kind(
        "@github/copilot@1.0.102",
        "copilot",
        # `install` cannot allow the tools: what Copilot allows, it allows in one folder.
        ("--allow-tool", "mem0tray", "-p"),
        {
            "COPILOT_OFFLINE": "true",
            "COPILOT_AUTO_UPDATE": "false",
            "COPILOT_PROVIDER_TYPE": "anthropic",
            "COPILOT_PROVIDER_BASE_URL": "<url>",
            "COPILOT_PROVIDER_API_KEY": "sk-stub",
            "COPILOT_MODEL": "stub",
        },
        tool="mem0tray-{}",
    ),
    "opencode": Kind(
        "opencode-ai@1.18.33",
        "opencode",
        ("run",),
        {
            "OPENCODE_CONFIG_CONTENT": json.dumps(_OPENCODE),
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
        },
        tool="mem0tray_{}",
    ),
    "gemini": Kind(
        "@google/gemini-cli@0.61.0",
        "gemini",
        ("--skip-trust", "-m", "gemini-2.5-pro", "-p"),
        {"GEMINI_API_KEY": "stub", "GOOGLE_GEMINI_BASE_URL": "<url>"},
        tool="mcp_mem0tray_{}",
        settings=(
            ".gemini/settings.json",
            {
                "security": {"auth": {"selectedType": "gemini-api-key"}},
                "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
                "privacy": {"usageStatisticsEnabled": False},
                "telemetry": {"enabled": False},
            },
        ),
    ),
}


def installed(kind: Kind, folder: Path) -> Path:
    """Install an agent from the registry that npm is set up for; the folder of its program."""
    command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), kind.package]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("npm does not reach its registry")
    if any(sign in done.stderr for sign in _UNREACHABLE):
        pytest.skip(f"npm does not reach its registry, or that has no {kind.package}")
    assert done.returncode == 0, done.stderr
    return folder / "node_modules" / ".bin"


class RealAgent:
    """An agent in the home of a test, which works in the folder `garden`."""

    def __init__(self, kind: Kind, home: Home, programs: Path) -> None:
        self.kind, self.home = kind, home
        self._program = str(programs / kind.program)
        self.folder = home.root / "garden"
        self.folder.mkdir()
        home.env["PATH"] = f"{programs}{os.pathsep}{home.env['PATH']}"
        name, settings = kind.settings
        if name:
            path = home.root / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(settings, indent=2), encoding="utf-8")

    def ok(self, *arguments: str, url: str = "") -> str:
        """Run the agent's command, which must succeed; what it printed."""
        environ = {name: each.replace("<url>", url) for name, each in self.kind.environ.items()}
        done = subprocess.run(
            [self._program, *arguments],
            env={**self.home.env, **environ},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        assert done.returncode == 0, done
        return done.stdout

    def session(self, *replies: Reply, prompt: str = "Work in the garden.") -> StubModel:
        """Have a session in which the model gives these answers; what it was asked."""
        with StubModel(replies) as model:
            words = (word.replace("<url>", model.url) for word in self.kind.words)
            self.ok(*words, prompt, url=model.url)
        return model

    def saves(self, text: str) -> tuple[Reply, ...]:
        """Make the answers by which the model saves a text with the tool."""
        tool = self.kind.tool.format("mem0_save")
        return (*self.kind.first, calls(tool, project_id="garden", content=text))

    def begins_with(self, *texts: str) -> bool:
        """Whether the first request of a new session holds all of these texts."""
        asked = json.dumps(self.session(says("Hello.")).asked[0])
        return all(text in asked for text in texts)


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
