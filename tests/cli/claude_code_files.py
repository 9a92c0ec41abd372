"""Claude Code's settings files in a scratch home, and a mem0tray to be named there."""

import json
import os
import sys
from pathlib import Path

import pytest

from tests.cli.scratch import Scratch

THEIRS = """{
    "model": "opus",
    "hooks": {
        "Stop": [{"matcher": "", "hooks": [{"type": "command", "command": "say done"}]}],
        "PreToolUse": []
    },
    "big": 12345678901234567890.50
}
"""


@pytest.fixture
def no_claude(home: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    """No program `claude`, and Claude Code's files in the scratch home."""
    home.env(HOME=str(home.root), USERPROFILE=str(home.root), PATH=str(home.root / "no-programs"))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    program = home.root / "a folder" / ("mem0tray.exe" if os.name == "nt" else "mem0tray")
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(program)])


def own_settings(home: Scratch, text: str = THEIRS) -> Path:
    """Write the settings of Claude Code, others' hooks among them."""
    home.claude.mkdir(exist_ok=True)
    path = home.claude / "settings.json"
    path.write_bytes(text.encode())
    return path


def own_servers(home: Scratch, text: str | None = None) -> Path:
    """Say where Claude Code keeps its servers; with `text`, write that."""
    path = home.root / ".claude.json"
    if text is not None:
        path.write_bytes(text.encode())
    return path


def program_of(home: Scratch) -> str:
    """Say where mem0tray seems to be installed."""
    return str(home.root / "a folder" / "mem0tray")


def commands_in(path: Path) -> list[str]:
    """List the hooks that call mem0tray."""
    groups = json.loads(path.read_bytes())["hooks"]
    return [
        hook["command"]
        for event in groups
        for group in groups[event]
        for hook in group["hooks"]
        if "mem0tray" in hook["command"]
    ]
