"""The plug-in for Claude Code has what `install claude-code` adds."""

import json
from typing import Any

from mem0tray import __version__
from mem0tray.claude import callers
from mem0tray.claude.hook import EVENTS
from tests.support.home import REPOSITORY

PLUG_IN = REPOSITORY / "packaging" / "claude-plugin"


def _read(name: str) -> Any:
    return json.loads((PLUG_IN / name).read_text(encoding="utf-8"))


def test_it_has_the_hooks_and_the_tools_of_install() -> None:
    ours = callers.with_server(callers.with_hooks("{}", ["mem0tray"]), ["mem0tray"])
    expected = json.loads(ours)
    assert _read("hooks/hooks.json")["hooks"] == expected["hooks"]
    assert list(expected["hooks"]) == list(EVENTS)
    server = expected["mcpServers"]["mem0tray"]
    assert _read(".mcp.json")["mcpServers"]["mem0tray"] == {
        name: server[name] for name in ("command", "args")
    }


def test_its_marketplace_offers_it() -> None:
    plug_in = _read(".claude-plugin/plugin.json")
    (offered,) = _read(".claude-plugin/marketplace.json")["plugins"]
    assert offered["name"] == plug_in["name"] == callers.NAME
    assert (PLUG_IN / offered["source"]).resolve() == PLUG_IN
    assert plug_in["version"] == __version__
