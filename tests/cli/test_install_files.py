"""Files of coding agents that `install` and `uninstall` leave alone, or keep as they are."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from mem0tray.agents import connecting
from mem0tray.agents.table import AGENTS
from mem0tray.files import atomic
from tests.cli.agents import THERE, changes, put, texts
from tests.cli.scratch import Scratch, checks
from tests.support import needs

pytestmark = pytest.mark.usefixtures("program")


def _link(path: Path) -> None:
    path.rename(path.with_name("dotfile"))
    path.symlink_to(path.with_name("dotfile"))


COMMENTED = '{\n  // "mine"\n  "url": "http://x/*y", /* more\n */ "mcp": {}\n}\n'
REFUSED: Final[dict[str, tuple[str, str, str | Callable[[Path], None]]]] = {
    "cut off": ("claude-code", "settings.json", '{"model": "op'),
    "deep": ("claude-code", "settings.json", "[" * 100_000),
    "two of one name": ("gemini", "settings.json", '{"hooks": {}, "hooks": {}}'),
    "hooks is text": ("codex", "hooks.json", '{"hooks": "none"}'),
    "comment": ("opencode", "opencode.json", COMMENTED),
    "comma": ("gemini", "settings.json", '{"mcpServers": {},}'),
    "no object": ("cursor", "mcp.json", "[]"),
    "no list": ("cursor", "hooks.json", '{"hooks": {"sessionStart": {}}}'),
    "no servers": ("copilot", "mcp-config.json", '{"mcpServers": []}'),
    "permissions": ("claude-code", "settings.json", '{"permissions": {"allow": "all"}}'),
    "no toml": ("codex", "config.toml", "model = \n"),
    "inline": ("codex", "config.toml", 'mcp_servers = {other = {command = "x"}}\n'),
    "another": ("codex", "config.toml", '[mcp_servers.mem0tray]\nurl = "http://127.0.0.1:1"\n'),
    "another's": ("cursor", "mcp.json", '{"mcpServers": {"mem0tray": {"url": "http://x"}}}'),
    "read-only": ("copilot", "mcp-config.json", lambda path: path.chmod(0o444)),
    "link": ("codex", "config.toml", _link),
}


def spoilt(home: Scratch, agent: str, file: str, what: str | Callable[[Path], None]) -> Path:
    if what is _link and needs.WINDOWS:
        pytest.skip("it has no links")
    (path,) = (home.root / each for each in THERE[agent] if Path(each).name == file)
    if callable(what):
        what(path)
    else:
        path.write_text(what, encoding="utf-8")
    return path


@pytest.mark.row(57)
@pytest.mark.parametrize(("agent", "file", "what"), REFUSED.values(), ids=REFUSED)
def test_an_odd_file_is_refused_and_the_others_are_changed(
    home: Scratch, agent: str, file: str, what: str | Callable[[Path], None]
) -> None:
    for name in AGENTS:
        put(home, name)
    path = spoilt(home, agent, file, what)
    before = {each: data for name in AGENTS for each, data in texts(home, name).items()}
    done = home.run("install", "--all", "--allow")
    assert done.code == 1
    assert ("another server" if "mem0tray" in str(what) else str(path)) in done.err
    after = {each: data for name in AGENTS for each, data in texts(home, name).items()}
    odd = path.relative_to(home.root).as_posix()
    assert after.pop(odd) == before.pop(odd)
    assert all(data != before[each] for each, data in after.items())
    assert path.is_symlink() == (what is _link)
    path.chmod(0o644)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("link", "is a link to"),
        ("inline", "`[mcp_servers.NAME]`"),
        ("comment", "has comments"),
        ("read-only", "is read-only"),
        ("comma", "is no JSON"),
    ],
)
def test_a_dry_run_shows_what_to_add_by_hand_to_a_file_that_must_not_be_changed(
    home: Scratch, name: str, why: str
) -> None:
    agent, file, what = REFUSED[name]
    put(home, agent)
    path = spoilt(home, agent, file, what)
    before = path.read_text("utf-8")
    assert why in home.run("install", agent, "--mcp").line
    (change,) = changes(home, "install", agent, "--mcp", "--dry-run")
    assert why in str(change["remarks"])
    added = [line for line in change["difference"] if line.startswith("+")]
    assert '"mcp"' in str(added)
    assert "mine" not in str(added)
    assert path.read_text("utf-8") == before
    path.chmod(0o644)


def test_what_was_added_by_hand_beside_comments_is_as_it_should_be(
    home: Scratch, program: Path
) -> None:
    path = home.root / ".config/opencode/opencode.json"
    path.parent.mkdir(parents=True)
    server = json.dumps({"mem0tray": {"type": "local", "command": [str(program), "mcp"]}})
    path.write_text(COMMENTED.replace('"mcp": {}', f'"mcp": {server}'), encoding="utf-8")
    assert "as they should be" in home.ok("install", "opencode")
    assert [level for level, said in checks(home, "opencode") if "Connected" in said] == ["ok"]
    assert "has comments" in home.run("uninstall", "opencode").line


@pytest.mark.parametrize("text", ["", "\n", "\ufeff{}", '\ufeff{\n  "a": 1\n}'])
def test_an_empty_file_and_a_byte_order_mark_are_kept(home: Scratch, text: str) -> None:
    path = home.root / ".cursor/mcp.json"
    path.parent.mkdir()
    path.write_bytes(text.encode())
    changes(home, "install", "cursor")
    made = path.read_bytes().decode()
    assert "mem0tray" in json.loads(made.removeprefix("\ufeff"))["mcpServers"]
    assert made.startswith("\ufeff") == text.startswith("\ufeff")
    changes(home, "uninstall", "cursor")
    assert path.read_bytes() == text.encode()


@pytest.mark.parametrize("there", [True, False])
def test_a_file_that_changes_meanwhile_stops_no_other_agent(home: Scratch, *, there: bool) -> None:
    if there:
        put(home, "codex")
    home.ok("install", "codex", "gemini", "--yes")
    path, carry_out = home.root / ".codex/config.toml", connecting.carry_out

    def after_a_change(change: connecting.Change) -> Path | None:
        if change.found.path == path:
            path.write_text("theirs = true\n", encoding="utf-8")
        return carry_out(change)

    home.patch.setattr(connecting, "carry_out", after_a_change)
    done = home.run("uninstall")
    assert (done.code, "changed by another program meanwhile" in done.out) == (1, True)
    assert path.read_text("utf-8") == "theirs = true\n"
    assert texts(home, "gemini") == dict.fromkeys(THERE["gemini"])


def test_a_file_that_cannot_be_read_stops_no_other_agent(home: Scratch) -> None:
    for name in ("codex", "cursor"):
        put(home, name)
    before = texts(home, "cursor")
    broken = home.root / ".codex/config.toml"
    for arguments in (("uninstall", "--all"), ("uninstall", "codex", "cursor"), ("uninstall",)):
        changes(home, "install", "codex", "cursor")
        text = broken.read_text("utf-8")
        broken.write_text("model = # mem0tray\n", encoding="utf-8")
        done = home.run(*arguments)
        assert done.code == 1
        assert str(broken) in done.out + done.err
        assert len(arguments) > 1 or "what connects Codex" in done.out
        assert texts(home, "cursor") == before
        broken.write_text(text, encoding="utf-8")


def test_an_odd_file_without_anything_of_ours_does_not_stop_its_removal(home: Scratch) -> None:
    put(home, "gemini")
    path = home.root / ".gemini/settings.json"
    path.write_text('{"theme": "dark",}', encoding="utf-8")
    assert home.run("uninstall", "gemini").code == 0
    assert home.run("uninstall").code == 0
    assert path.read_text("utf-8") == '{"theme": "dark",}'


def test_a_file_that_is_too_large_is_left_alone(home: Scratch) -> None:
    put(home, "claude-code")
    before = texts(home, "claude-code")
    home.patch.setattr(connecting, "_LARGEST", 50)
    done = home.run("install", "claude-code")
    assert (done.code, "is larger than" in done.line) == (1, True)
    assert texts(home, "claude-code") == before


@pytest.mark.row(57)
def test_a_disk_that_takes_nothing_leaves_the_file_whole(home: Scratch) -> None:
    put(home, "gemini")
    before = texts(home, "gemini")
    written: list[int] = []

    def full(fd: int) -> None:
        written.append(fd)
        if len(written) > 1:  # after the copy
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    home.patch.setattr(atomic, "sync", full)
    done = home.run("install", "gemini")
    assert (done.code, ".gemini" in done.line) == (1, True)
    assert texts(home, "gemini") == before
    assert [path.name for path in (home.root / ".gemini").iterdir()] == ["settings.json"]
