"""`install claude-code` and `uninstall claude-code`, by files alone."""

import errno
import json
import os
import shlex
import sys
from pathlib import Path

import pytest

from mem0tray.agents import connecting
from mem0tray.agents.table import AGENTS, CLAUDE_CODE
from mem0tray.files import atomic
from tests.cli.scratch import Scratch, checks
from tests.support import needs

EVENTS = AGENTS[CLAUDE_CODE].events
THEIRS = """{
    "model": "opus",
    "hooks": {
        "Stop": [{"matcher": "", "hooks": [{"type": "command", "command": "say done"}]}],
        "PreToolUse": []
    },
    "big": 12345678901234567890.50
}
"""


@pytest.fixture(autouse=True)
def no_claude(home: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    home.env(HOME=str(home.root), USERPROFILE=str(home.root), PATH=str(home.root / "no-programs"))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    program = Path(program_of(home))
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(program)])


def own_settings(home: Scratch, text: str = THEIRS) -> Path:
    home.claude.mkdir(exist_ok=True)
    path = home.claude / "settings.json"
    path.write_bytes(text.encode())
    return path


def own_servers(home: Scratch, text: str | None = None) -> Path:
    path = home.root / ".claude.json"
    if text is not None:
        path.write_bytes(text.encode())
    return path


def program_of(home: Scratch) -> str:
    return str(home.root / "a folder" / ("mem0tray.exe" if needs.WINDOWS else "mem0tray"))


def commands_in(path: Path) -> list[str]:
    groups = json.loads(path.read_bytes())["hooks"]
    return [
        hook["command"]
        for event in groups
        for group in groups[event]
        for hook in group["hooks"]
        if "mem0tray" in hook["command"]
    ]


def _everything(home: Scratch) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in home.root.rglob("*") if path.is_file()}


def test_both_are_connected_and_taken_back_byte_for_byte(home: Scratch) -> None:
    settings = own_settings(home)
    servers = own_servers(home, '{"numStartups":3,"projects":{}}')
    said = home.ok("install", "claude-code")
    for each in (
        "+",
        str(settings),
        "`mem0tray install claude-code --allow` it does not ask",
        "begin with `mem0:`",
    ):
        assert each in said
    document = json.loads(settings.read_bytes())
    assert list(document) == ["model", "hooks", "big"]
    assert document["hooks"]["Stop"][0] == json.loads(THEIRS)["hooks"]["Stop"][0]
    program = program_of(home)
    quoted = f'"{Path(program).as_posix()}"' if needs.WINDOWS else shlex.quote(program)
    assert sorted(commands_in(settings)) == sorted(f"{quoted} hook {event}" for event in EVENTS)
    assert json.loads(servers.read_bytes())["mcpServers"] == {
        "mem0tray": {"type": "stdio", "command": program, "args": ["mcp"], "env": {}}
    }
    before = _everything(home)
    assert home.ok("install", "claude-code").count("are as they should be.") == 2
    assert _everything(home) == before
    home.ok("uninstall", "claude-code")
    assert settings.read_text() == THEIRS
    assert servers.read_text() == '{"numStartups":3,"projects":{}}'


@pytest.mark.parametrize("part", ["mcp", "hooks"])
def test_one_part_alone(home: Scratch, part: str) -> None:
    settings, servers = own_settings(home), own_servers(home, "{}")
    home.ok("install", "claude-code", f"--{part}")
    assert ("mem0tray" in settings.read_text()) == (part == "hooks")
    assert ("mem0tray" in servers.read_text()) == (part == "mcp")
    other = "mcp" if part == "hooks" else "hooks"
    home.ok("uninstall", "claude-code", f"--{other}")
    assert "mem0tray" in settings.read_text() + servers.read_text()
    home.ok("uninstall", "claude-code", f"--{part}")
    assert (settings.read_text(), servers.read_text()) == (THEIRS, "{}")


def test_what_others_changed_since_stays(home: Scratch) -> None:
    settings = own_settings(home)
    (change,) = home.run("install", "claude-code", "--hooks", "--json").json()["changes"]
    copy = Path(change["backup"])
    assert (change["done"], copy.read_text(), needs.has_mode(copy, 0o600)) == (True, THEIRS, True)
    document = json.loads(settings.read_bytes())
    document["theme"] = "dark"
    document["hooks"]["Stop"][1]["hooks"].append({"type": "command", "command": "beep"})
    settings.write_text(json.dumps(document))
    home.ok("uninstall", "claude-code")
    expected = json.loads(THEIRS)
    expected["theme"] = "dark"
    expected["hooks"]["Stop"].append({"hooks": [{"type": "command", "command": "beep"}]})
    assert json.loads(settings.read_bytes()) == expected


def test_a_dry_run_shows_and_changes_nothing(home: Scratch) -> None:
    own_settings(home)
    before = _everything(home)
    said = home.ok("install", "claude-code", "--dry-run")
    assert " hook SessionStart" in said
    assert "was not changed" in said
    assert _everything(home) == before


def test_what_was_made_by_hand_is_neither_doubled_nor_taken(home: Scratch) -> None:
    own = {"hooks": [{"type": "command", "command": "cd /tmp && mem0tray hook Stop"}]}
    text = json.dumps({"hooks": {"Stop": [own]}}, indent=2)
    server = json.dumps({"mcpServers": {"memory": {"command": "mem0tray", "args": ["mcp"]}}})
    settings, servers = own_settings(home, text), own_servers(home, server)
    said = home.ok("install", "claude-code")
    assert "added yourself" in said
    assert len(commands_in(settings)) == len(EVENTS)
    assert servers.read_text() == server
    home.ok("uninstall", "claude-code")
    assert (settings.read_text(), servers.read_text()) == (text, server)


def test_a_plug_in_is_named_on_leaving(home: Scratch) -> None:
    text = '{"enabledPlugins": {"mem0tray@somewhere": true}}'
    settings = own_settings(home, text)
    said = " ".join(home.ok("uninstall").split())
    assert "the plug-in mem0tray@somewhere: `claude plugin uninstall mem0tray@somewhere`" in said
    assert settings.read_text() == text


def test_doctor_says_how_claude_code_is_connected(home: Scratch) -> None:
    assert checks(home, "claude code")[0][0] == "ok"
    settings = own_settings(home)
    home.ok("install", "claude-code")
    ((level, said),) = checks(home, "claude code")
    assert level == "ok"
    assert "the tools as mem0tray, 4 hooks" in said
    document = json.loads(settings.read_bytes())
    document["disableAllHooks"] = True
    document["enabledPlugins"] = {"mem0tray@somewhere": True}
    settings.write_text(json.dumps(document))
    said = " ".join(said for level, said in checks(home, "claude code") if level == "warn")
    for each in ("disableAllHooks", "mem0tray@somewhere"):
        assert each in said


REFUSED = {
    "cut off": '{"model": "op',
    "hooks is text": '{"hooks": "none"}',
    "two of one name": '{"hooks": {}, "hooks": {}}',
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_what_is_malformed_is_left_alone(home: Scratch, command: str, text: str) -> None:
    settings = own_settings(home, text)
    servers = own_servers(home, "{}")
    done = home.run(command, "claude-code")
    assert done.code == 1
    assert str(settings) in done.line
    assert "It was left alone" not in done.line  # as `doctor` says it too
    assert (settings.read_text(), servers.read_text()) == (text, "{}")


def test_a_file_that_is_too_large_is_left_alone(
    home: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = own_settings(home)
    monkeypatch.setattr(connecting, "_LARGEST", 50)
    done = home.run("install", "claude-code")
    assert (done.code, "is larger than" in done.line) == (1, True)
    assert settings.read_text() == THEIRS
    assert not own_servers(home).exists()


@pytest.mark.row(57)
def test_a_disk_that_takes_nothing_leaves_the_file_whole(
    home: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = own_settings(home)

    written: list[int] = []

    def full(fd: int) -> None:
        written.append(fd)
        if len(written) > 1:  # after the copy
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(atomic, "sync", full)
    done = home.run("install", "claude-code", "--hooks")
    assert done.code == 1
    assert str(settings) in done.line
    assert settings.read_text() == THEIRS
    assert [path.name for path in home.claude.iterdir()] == ["settings.json"]
