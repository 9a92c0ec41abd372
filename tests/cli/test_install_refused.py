"""`install claude-code` where a file is not to be changed: it is left alone, and said why."""

import errno
import os
from pathlib import Path

import pytest

from mem0tray.claude import connecting
from mem0tray.files import atomic
from tests.cli.claude_code_files import (
    THEIRS,
    own_servers,
    own_settings,
)
from tests.cli.scratch import Scratch
from tests.support import needs

pytestmark = pytest.mark.usefixtures("no_claude")


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
    settings = own_settings(home, text)
    servers = own_servers(home, "{}")
    done = home.run(command, "claude-code")
    assert done.code == 1
    assert str(settings) in done.line
    assert (settings.read_text(), servers.read_text()) == (text, "{}")


def test_a_file_in_another_encoding_is_left_alone(home: Scratch) -> None:
    settings = own_settings(home)
    settings.write_bytes('{"a": "ü"}'.encode("latin-1"))
    assert "utf-8" in home.run("install", "claude-code", "--hooks").line
    settings.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n')
    home.ok("install", "claude-code", "--hooks")
    assert settings.read_bytes().startswith(b'\xef\xbb\xbf{"a": 1, "hooks": ')
    home.ok("uninstall", "claude-code", "--hooks")
    assert settings.read_bytes() == b'\xef\xbb\xbf{"a": 1}\r\n'


@needs.LINKS
@pytest.mark.row(57)
def test_a_link_is_left_alone(home: Scratch) -> None:
    real = home.root / "dotfiles.json"
    real.write_text("{}")
    home.claude.mkdir()
    (home.claude / "settings.json").symlink_to(real)
    done = home.run("install", "claude-code")
    assert done.code == 1
    assert str(real) in done.line
    assert (home.claude / "settings.json").is_symlink()
    assert real.read_text() == "{}"
    assert not own_servers(home).exists()


@pytest.mark.row(57)
def test_a_read_only_file_is_left_alone(home: Scratch) -> None:
    settings = own_settings(home)
    settings.chmod(0o444)
    done = home.run("install", "claude-code")
    assert done.code == 1
    assert "read-only" in done.line
    assert settings.read_text() == THEIRS
    settings.chmod(0o644)


def test_a_huge_file_is_left_alone(home: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "_LARGEST", 50)
    settings = own_settings(home)
    done = home.run("install", "claude-code")
    assert done.code == 1
    assert "is larger than" in done.line
    assert settings.read_text() == THEIRS


def test_a_change_in_between_is_noticed(home: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = own_settings(home)
    carry_out = connecting.carry_out

    def after_a_change(change: connecting.Change) -> Path | None:
        settings.write_text('{"theirs": true}')
        return carry_out(change)

    monkeypatch.setattr(connecting, "carry_out", after_a_change)
    done = home.run("install", "claude-code", "--hooks")
    assert done.code == 1
    assert "was changed by another program meanwhile" in done.line
    assert settings.read_text() == '{"theirs": true}'


def test_another_server_of_that_name_is_not_replaced(home: Scratch) -> None:
    text = '{"mcpServers": {"mem0tray": {"type": "http", "url": "http://127.0.0.1:1/"}}}'
    servers = own_servers(home, text)
    done = home.run("install", "claude-code", "--mcp")
    assert done.code == 1
    assert "another server" in done.line
    assert servers.read_text() == text


@pytest.mark.row(57)
def test_a_disk_that_takes_nothing_leaves_the_file_whole(
    home: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = own_settings(home)

    written: list[int] = []

    def full(fd: int) -> None:
        written.append(fd)
        if len(written) > 2:  # after the copy and the record
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(atomic, "sync", full)
    done = home.run("install", "claude-code", "--hooks")
    assert done.code == 1
    assert str(settings) in done.line
    assert settings.read_text() == THEIRS
    assert [path.name for path in home.claude.iterdir()] == ["settings.json"]
