"""Files of coding agents as people have them, and what a command makes of them."""

import json
import tomllib
from typing import Any, Final

from tests.cli.scratch import Scratch

GROUPED = (
    '{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "beep"}]}]}, "big": 1.50}\n'
)
FLAT = """{
  "version": 1,
  "hooks": {
    "stop": [{"command": "beep"}]
  }
}
"""
SERVERS = '{"mcpServers": {"other": {"command": "x"}}, "theme": "d\\u00e4rk"}'
TOML = """# mine
model = "o3"  # best

[mcp_servers.other]
command = "x"

[tui]
# the end
notifications = true
"""
# Each agent's files, as they stand before.
THERE: Final = {
    "claude-code": {".claude/settings.json": GROUPED, ".claude.json": SERVERS},
    "codex": {".codex/hooks.json": GROUPED, ".codex/config.toml": TOML},
    "gemini": {".gemini/settings.json": GROUPED.replace("Stop", "AfterAgent")},
    "copilot": {".copilot/mcp-config.json": SERVERS, ".copilot/hooks/mem0tray.json": FLAT},
    "cursor": {".cursor/mcp.json": SERVERS, ".cursor/hooks.json": FLAT},
    "opencode": {".config/opencode/opencode.json": SERVERS.replace("mcpServers", "mcp")},
}


def put(home: Scratch, agent: str) -> None:
    for name, text in THERE[agent].items():
        path = home.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def texts(home: Scratch, agent: str) -> dict[str, str | None]:
    found = {name: home.root / name for name in THERE[agent]}
    return {
        name: path.read_text("utf-8") if path.exists() else None for name, path in found.items()
    }


def changes(home: Scratch, *arguments: str) -> list[dict[str, Any]]:
    done = home.run(*arguments, "--json")
    assert done.code == 0, done.err
    return list(done.json()["changes"])


def parsed(home: Scratch, name: str) -> dict[str, Any]:
    text = (home.root / name).read_text("utf-8")
    return tomllib.loads(text) if name.endswith(".toml") else json.loads(text)
