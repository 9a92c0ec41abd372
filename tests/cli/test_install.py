"""`install claude-code` and `uninstall claude-code`, by files alone."""

import errno
import json
import os
import shlex
import sys
from pathlib import Path

import pytest

from mem0tray.claude import settings_files
from mem0tray.claude.hook import EVENTS
from mem0tray.files import atomic
from tests.cli.doctoring import checks
from tests.cli.scratch import Scratch
from tests.support import needs

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
def _no_claude(home: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    """No program `claude`, and Claude Code's files in the scratch home."""
    home.env(HOME=str(home.root), USERPROFILE=str(home.root), PATH=str(home.root / "no-programs"))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    program = home.root / "a folder" / ("mem0tray.exe" if os.name == "nt" else "mem0tray")
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(program)])


def _settings(home: Scratch, text: str = THEIRS) -> Path:
    home.claude.mkdir(exist_ok=True)
    path = home.claude / "settings.json"
    path.write_bytes(text.encode())
    return path


def _servers(home: Scratch, text: str | None = None) -> Path:
    path = home.root / ".claude.json"
    if text is not None:
        path.write_bytes(text.encode())
    return path


def _program(home: Scratch) -> str:
    return str(home.root / "a folder" / "mem0tray")


def _commands(path: Path) -> list[str]:
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
    """`install` adds the tools and a hook for each event; `uninstall` leaves no trace of them."""
    settings = _settings(home)
    servers = _servers(home, '{"numStartups":3,"projects":{}}')
    said = home.ok("install", "claude-code")
    assert "+" in said
    assert str(settings) in said
    document = json.loads(settings.read_bytes())
    assert list(document) == ["model", "hooks", "big"]
    assert document["hooks"]["Stop"][0] == json.loads(THEIRS)["hooks"]["Stop"][0]
    assert sorted(_commands(settings)) == sorted(
        f"{shlex.quote(_program(home))} hook {event}" for event in EVENTS
    )
    assert json.loads(servers.read_bytes())["mcpServers"] == {
        "mem0tray": {"type": "stdio", "command": _program(home), "args": ["mcp"], "env": {}}
    }
    home.ok("uninstall", "claude-code")
    assert settings.read_text() == THEIRS
    assert servers.read_text() == '{"numStartups":3,"projects":{}}'


def test_files_that_were_not_there_are_gone_again(home: Scratch) -> None:
    """Where Claude Code had no settings, `uninstall` removes what `install` made."""
    home.ok("install", "claude-code")
    assert (home.claude / "settings.json").exists()
    assert needs.has_mode(_servers(home), 0o600)
    home.ok("uninstall", "claude-code")
    assert not (home.claude / "settings.json").exists()
    assert not _servers(home).exists()


def test_a_second_run_changes_nothing(home: Scratch) -> None:
    """What is connected is neither added again nor written again."""
    _settings(home)
    home.ok("install", "claude-code")
    before = _everything(home)
    said = home.ok("install", "claude-code")
    assert "is as it should be" in said
    assert _everything(home) == before


@pytest.mark.parametrize("part", ["mcp", "hooks"])
def test_one_part_alone(home: Scratch, part: str) -> None:
    """With --mcp or --hooks only that one is connected, and taken back."""
    settings, servers = _settings(home), _servers(home, "{}")
    home.ok("install", "claude-code", f"--{part}")
    assert ("mem0tray" in settings.read_text()) == (part == "hooks")
    assert ("mem0tray" in servers.read_text()) == (part == "mcp")
    other = "mcp" if part == "hooks" else "hooks"
    home.ok("uninstall", "claude-code", f"--{other}")
    assert "mem0tray" in settings.read_text() + servers.read_text()
    home.ok("uninstall", "claude-code", f"--{part}")
    assert (settings.read_text(), servers.read_text()) == (THEIRS, "{}")


def test_what_others_changed_since_stays(home: Scratch) -> None:
    """`uninstall` takes away its own alone where the files have been changed since."""
    settings = _settings(home)
    home.ok("install", "claude-code")
    document = json.loads(settings.read_bytes())
    document["theme"] = "dark"
    document["hooks"]["Stop"][1]["hooks"].append({"type": "command", "command": "beep"})
    settings.write_text(json.dumps(document))
    home.ok("uninstall", "claude-code")
    expected = json.loads(THEIRS)
    expected["theme"] = "dark"
    expected["hooks"]["Stop"].append({"hooks": [{"type": "command", "command": "beep"}]})
    assert json.loads(settings.read_bytes()) == expected


def test_a_copy_of_each_file_is_kept_and_named(home: Scratch) -> None:
    """Before a file is changed a private copy is made, and its name is told."""
    _settings(home)
    done = home.run("install", "claude-code", "--hooks", "--json").json()
    (change,) = done["changes"]
    copy = Path(change["backup"])
    assert copy.read_text() == THEIRS
    assert needs.has_mode(copy, 0o600)
    assert change["done"] is True


def test_a_dry_run_shows_and_changes_nothing(home: Scratch) -> None:
    """With --dry-run the difference is shown, and no file is changed or made."""
    _settings(home)
    before = _everything(home)
    said = home.ok("install", "claude-code", "--dry-run")
    assert " hook SessionStart" in said
    assert "was not changed" in said
    assert _everything(home) == before


@pytest.mark.parametrize("answer", ["y", "n"])
def test_a_person_is_asked(home: Scratch, answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal nothing is changed before somebody says yes."""
    settings = _settings(home)
    home.terminal(200)
    monkeypatch.setattr("mem0tray.cli.claude_code._can_answer", lambda: True)
    done = home.run("install", "claude-code", stdin=f"{answer}\n".encode())
    assert done.code == (0 if answer == "y" else 1)
    assert (settings.read_text() == THEIRS) == (answer == "n")


REFUSED = {
    "comment": '{\n  // mine\n  "model": "opus"\n}',
    "trailing comma": '{"model": "opus",}',
    "cut off": '{"model": "op',
    "empty": "",
    "list": "[]",
    "hooks is text": '{"hooks": "none"}',
    "event is an object": '{"hooks": {"Stop": {}}}',
    "two of one name": '{"hooks": {}, "hooks": {}}',
    "no number": '{"a": NaN}',
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_what_is_malformed_is_left_alone(home: Scratch, command: str, text: str) -> None:
    """A file that Claude Code could not read, or that has comments, is refused and named."""
    settings = _settings(home, text)
    servers = _servers(home, "{}")
    done = home.run(command, "claude-code")
    assert done.code == 1
    assert str(settings) in done.line
    assert "comments would be lost" in done.line or "//" not in text
    assert (settings.read_text(), servers.read_text()) == (text, "{}")


def test_a_file_in_another_encoding_is_left_alone(home: Scratch) -> None:
    """A file that is not in UTF-8 is refused, one that begins with its mark keeps that."""
    settings = _settings(home)
    settings.write_bytes('{"a": "ü"}'.encode("latin-1"))
    assert "UTF-8" in home.run("install", "claude-code", "--hooks").line
    settings.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n')
    home.ok("install", "claude-code", "--hooks")
    assert settings.read_bytes().startswith(b'\xef\xbb\xbf{"a": 1, "hooks": ')
    home.ok("uninstall", "claude-code", "--hooks")
    assert settings.read_bytes() == b'\xef\xbb\xbf{"a": 1}\r\n'


@needs.LINKS
@pytest.mark.row(57)
def test_a_link_is_left_alone(home: Scratch) -> None:
    """A settings file that is a link is refused, with the name of the file it leads to."""
    real = home.root / "dotfiles.json"
    real.write_text("{}")
    home.claude.mkdir()
    (home.claude / "settings.json").symlink_to(real)
    done = home.run("install", "claude-code")
    assert done.code == 1
    assert str(real) in done.line
    assert (home.claude / "settings.json").is_symlink()
    assert real.read_text() == "{}"
    assert not _servers(home).exists()


@pytest.mark.row(57)
def test_a_read_only_file_is_left_alone(home: Scratch) -> None:
    """A settings file that nobody may write is refused."""
    settings = _settings(home)
    settings.chmod(0o444)
    done = home.run("install", "claude-code")
    assert done.code == 1
    assert "read-only" in done.line
    assert settings.read_text() == THEIRS
    settings.chmod(0o644)


def test_a_huge_file_is_left_alone(home: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    """A settings file that is larger than any is refused without being read."""
    monkeypatch.setattr(settings_files, "_LARGEST", 50)
    settings = _settings(home)
    done = home.run("install", "claude-code")
    assert done.code == 1
    assert "is larger than" in done.line
    assert settings.read_text() == THEIRS


def test_a_change_in_between_is_noticed(home: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another program wrote after the file was read is not overwritten."""
    settings = _settings(home)
    back_up = settings_files.back_up

    def and_change(found: settings_files.FoundSettings) -> Path | None:
        settings.write_text('{"theirs": true}')
        return back_up(found)

    monkeypatch.setattr(settings_files, "back_up", and_change)
    done = home.run("install", "claude-code", "--hooks")
    assert done.code == 1
    assert "was changed by another program meanwhile" in done.line
    assert settings.read_text() == '{"theirs": true}'


def test_a_moved_program_is_named_anew(home: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hooks and tools that name a former place get the present one, and nothing is doubled."""
    settings, servers = _settings(home), _servers(home, "{}")
    home.ok("install", "claude-code")
    moved = home.root / "elsewhere" / Path(sys.argv[0]).name
    (home.root / "a folder").rename(moved.parent)
    monkeypatch.setattr(sys, "argv", [str(moved)])
    assert home.run("doctor", "--json").out.count("is not there any more") > 0
    home.ok("install", "claude-code")
    assert len(_commands(settings)) == len(EVENTS)
    assert "a folder" not in settings.read_text() + servers.read_text()
    home.ok("uninstall", "claude-code")
    assert (settings.read_text(), servers.read_text()) == (THEIRS, "{}")


def test_what_was_made_by_hand_is_neither_doubled_nor_taken(home: Scratch) -> None:
    """A hook and a server that the user wrote are left as they are, and named."""
    own = {"hooks": [{"type": "command", "command": "cd /tmp && mem0tray hook Stop"}]}
    text = json.dumps({"hooks": {"Stop": [own]}}, indent=2)
    server = json.dumps({"mcpServers": {"memory": {"command": "mem0tray", "args": ["mcp"]}}})
    settings, servers = _settings(home, text), _servers(home, server)
    said = home.ok("install", "claude-code")
    assert "made by hand" in said
    assert len(_commands(settings)) == len(EVENTS)
    assert servers.read_text() == server
    home.ok("uninstall", "claude-code")
    assert (settings.read_text(), servers.read_text()) == (text, server)


def test_a_plug_in_besides_is_named(home: Scratch) -> None:
    """What connects Claude Code already by a plug-in is told, with how to take that away."""
    _settings(home, '{"enabledPlugins": {"mem0tray@somewhere": true}}')
    assert home.ok("install", "claude-code").count("`claude plugin uninstall mem0tray@s") == 1
    assert "plug-in" not in home.ok("install", "claude-code")


@pytest.mark.parametrize("words", [("claude-code",), ()])
def test_what_calls_it_besides_is_named_on_leaving(home: Scratch, words: tuple[str, ...]) -> None:
    """A plug-in and a status line of the user's stay, and `uninstall` says so."""
    text = json.dumps(
        {
            "enabledPlugins": {"mem0tray@somewhere": True},
            "statusLine": {"type": "command", "command": "mem0tray status --line"},
        }
    )
    settings = _settings(home, text)
    said = " ".join(home.ok("uninstall", *words).split())
    assert "the plug-in mem0tray@somewhere: `claude plugin uninstall mem0tray@somewhere`" in said
    assert "it is yours, and calls mem0tray" in said
    assert settings.read_text() == text


def test_another_server_of_that_name_is_not_replaced(home: Scratch) -> None:
    """A server called mem0tray that is something else stays, and `install` says why it cannot."""
    text = '{"mcpServers": {"mem0tray": {"type": "http", "url": "http://127.0.0.1:1/"}}}'
    servers = _servers(home, text)
    done = home.run("install", "claude-code", "--mcp")
    assert done.code == 1
    assert "another server" in done.line
    assert servers.read_text() == text


def test_its_own_folder_is_honoured(home: Scratch) -> None:
    """With CLAUDE_CONFIG_DIR both files are in that folder."""
    folder = home.root / "config of claude"
    home.env(CLAUDE_CONFIG_DIR=str(folder))
    home.ok("install", "claude-code")
    assert _commands(folder / "settings.json")
    assert "mem0tray" in (folder / ".claude.json").read_text()
    assert not _servers(home).exists()
    home.ok("uninstall", "claude-code")
    assert not list(folder.iterdir())


def test_options_of_one_are_refused_with_the_other(home: Scratch) -> None:
    """--purge does not go with `claude-code`, nor --mcp without it."""
    usage = 2
    assert home.run("uninstall", "claude-code", "--purge").code == usage
    assert home.run("uninstall", "--mcp").code == usage
    assert home.run("install", "emacs").code == usage


def test_doctor_says_how_claude_code_is_connected(home: Scratch) -> None:
    """`doctor` names what is connected, and what is doubled, off, or a plug-in besides."""
    assert checks(home, "claude code")[0][0] == "ok"
    settings = _settings(home)
    home.ok("install", "claude-code")
    ((level, said),) = checks(home, "claude code")
    assert level == "ok"
    assert "the tools as mem0tray, 4 hooks" in said
    document = json.loads(settings.read_bytes())
    document["hooks"]["Stop"] *= 2
    document["disableAllHooks"] = True
    document["enabledPlugins"] = {"mem0tray@somewhere": True}
    settings.write_text(json.dumps(document))
    said = " ".join(said for level, said in checks(home, "claude code") if level == "warn")
    for each in ("more than once for Stop", "disableAllHooks", "mem0tray@somewhere"):
        assert each in said


@needs.SHELL
@pytest.mark.parametrize("does", ["echo no network >&2; exit 1", "exit 0"])
def test_a_program_that_does_not_do_it_is_done_without(home: Scratch, does: str) -> None:
    """Where `claude mcp add` and `remove` change nothing, the file is written all the same."""
    programs = home.root / "no-programs"
    programs.mkdir()
    (programs / "claude").write_text(f"#!/bin/sh\n{does}\n")
    (programs / "claude").chmod(0o755)
    servers = _servers(home, "{}")
    said = home.ok("install", "claude-code", "--mcp")
    assert "did not do it" in said
    assert ("no network" in said) == ("network" in does)
    assert "mem0tray" in servers.read_text()
    servers.write_text(servers.read_text() + "\n")  # so that it is no longer as it was left
    assert "did not do it" in home.ok("uninstall", "claude-code", "--mcp")
    assert json.loads(servers.read_bytes()) == {"mcpServers": {}}


def test_a_whole_uninstall_takes_it_too(home: Scratch) -> None:
    """`uninstall` takes Claude Code's away, and says what it cannot take and why."""
    settings, servers = _settings(home), _servers(home, "{}")
    home.ok("install", "claude-code")
    text = servers.read_text() + "// mine"
    servers.write_text(text)
    found = home.run("uninstall", "--json").json()
    assert f"the hooks in {settings}" in found["removed"]
    assert settings.read_text() == THEIRS
    assert servers.read_text() == text
    (why,) = [each["why"] for each in found["left"] if "Claude Code" in each["path"]]
    assert str(servers) in why


def test_without_the_extra_no_tools_are_connected(
    home: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the package of the extra is missing, `install` says so and changes nothing."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    settings = _settings(home)
    done = home.run("install", "claude-code")
    assert done.code == 1
    assert "the package mcp" in done.line
    assert settings.read_text() == THEIRS
    home.ok("install", "claude-code", "--hooks")
    assert len(_commands(settings)) == len(EVENTS)


@pytest.mark.row(57)
def test_a_disk_that_takes_nothing_leaves_the_file_whole(
    home: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the new file cannot be written, the old one stands there whole."""
    settings = _settings(home)

    def full(fd: int, data: bytes) -> None:
        if b" hook Stop" in data:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_all(fd, data)

    write_all = atomic.write_all
    monkeypatch.setattr(atomic, "write_all", full)
    done = home.run("install", "claude-code", "--hooks")
    assert done.code == 1
    assert str(settings) in done.line
    assert settings.read_text() == THEIRS
    assert [path.name for path in home.claude.iterdir()] == ["settings.json"]


def test_a_purge_takes_copies_and_record_too(home: Scratch) -> None:
    """`uninstall --purge` leaves no copy of Claude Code's settings."""
    _settings(home)
    copy = home.run("install", "claude-code", "--hooks", "--json").json()["changes"][0]["backup"]
    home.ok("uninstall", "--purge", "--yes")
    assert not Path(copy).parent.exists()


@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_what_a_killed_change_left_goes_with_the_next_one(home: Scratch, command: str) -> None:
    """No copy of the settings, which may hold secrets, stays beside them."""
    settings = _settings(home)
    if command == "uninstall":
        home.ok("install", "claude-code", "--hooks")
    left = settings.with_name(".settings.json.mem0tray-99999999-2.tmp")
    left.write_text(THEIRS, encoding="utf-8")
    home.ok(command, "claude-code", "--hooks")
    assert not left.exists()
