"""`install` and `uninstall` of every coding agent, by files alone."""

import errno
import json
import os
import shlex
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from mem0tray.agents import connecting
from mem0tray.agents.table import AGENTS
from mem0tray.files import atomic
from mem0tray.files.atomic import Signature
from tests.cli.scratch import Scratch, checks
from tests.support import needs

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
PASSED = (
    "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS",
    "MEM0_PROJECT_ID", "MEM0TRAY_SERVER_URL",
)  # fmt: skip


def ending(name: str, after: int, *events: str) -> dict[str, dict[str, int]]:
    return {event: {name: after} for event in events}


# The server that each is given (P: the program), and the events with what ends a hook.
MADE: Final[dict[str, tuple[dict[str, Any], dict[str, dict[str, int]]]]] = {
    "claude-code": (
        {"type": "stdio", "command": "P", "args": ["mcp"], "env": {}},
        ending("timeout", 10, "SessionStart", "Stop", "PostCompact", "SessionEnd"),
    ),
    "codex": (
        {"command": "P", "args": ["mcp"], "env_vars": list(PASSED)},
        ending("timeout", 10, "SessionStart", "Stop") | ending("timeout", 3, "SessionEnd"),
    ),
    "gemini": (
        {"command": "P", "args": ["mcp"]},
        ending("timeout", 10_000, "SessionStart", "AfterAgent", "SessionEnd"),
    ),
    "copilot": (
        {"tools": ["*"], "type": "local", "command": "P", "args": ["mcp"]},
        ending("timeoutSec", 10, "sessionStart", "agentStop"),
    ),
    "cursor": (
        {"command": "P", "args": ["mcp"]},
        ending("timeout", 10, "sessionStart", "afterAgentResponse", "sessionEnd"),
    ),
    "opencode": ({"type": "local", "command": ["P", "mcp"], "enabled": True}, {}),
}
ALLOWED: Final[dict[str, tuple[str, list[Any], Any]]] = {
    "claude-code": (".claude/settings.json", ["permissions", "allow", 0], "mcp__mem0tray"),
    "codex": (
        ".codex/config.toml",
        ["mcp_servers", "mem0tray", "default_tools_approval_mode"],
        "approve",
    ),
    "gemini": (".gemini/settings.json", ["mcpServers", "mem0tray", "trust"], True),
}
every_agent = pytest.mark.parametrize("agent", AGENTS)


@pytest.fixture(autouse=True)
def program(home: Scratch) -> Path:
    nothing = dict.fromkeys(each.settings.folder[0] for each in AGENTS.values())
    for variable in nothing:
        home.patch.delenv(variable or "NO_SUCH", raising=False)
    home.env(HOME=str(home.root), USERPROFILE=str(home.root), PATH=str(home.root / "none"))
    home.env(MEM0TRAY_SERVER_URL="http://127.0.0.1:1")
    made = home.root / "a folder" / ("mem0tray.exe" if needs.WINDOWS else "mem0tray")
    made.parent.mkdir()
    made.write_text("#!/bin/sh\n", encoding="utf-8")
    made.chmod(0o755)
    home.patch.setattr(sys, "argv", [str(made)])
    return made


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


def parsed(home: Scratch, name: str) -> dict[str, Any]:
    text = (home.root / name).read_text("utf-8")
    return tomllib.loads(text) if name.endswith(".toml") else json.loads(text)


def entries(home: Scratch, agent: str) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """Return our server, and of each event the hooks that are ours."""
    form = AGENTS[agent].settings
    server: dict[str, Any] = {}
    hooks: dict[str, list[Any]] = {}
    for name in THERE[agent]:
        document = parsed(home, name)
        server |= document.get(form.servers, {}).get("mem0tray", {})
        for event, its in document.get("hooks", {}).items():
            inner = [hook for group in its for hook in group["hooks"]] if form.grouped else its
            hooks[event] = [each for each in inner if "mem0tray" in each["command"]]
    return server, {event: found for event, found in hooks.items() if found}


def changes(home: Scratch, *arguments: str) -> list[dict[str, Any]]:
    done = home.run(*arguments, "--json")
    assert done.code == 0, done.err
    return list(done.json()["changes"])


@every_agent
@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("allow", [True, False])
def test_it_is_connected_once_and_taken_back_byte_for_byte(
    home: Scratch, program: Path, agent: str, *, there: bool, allow: bool
) -> None:
    if there:
        put(home, agent)
    before = texts(home, agent)
    made = changes(home, "install", agent, *["--allow"] * allow)
    assert {each["agent"] for each in made} == {agent}
    for each in made if there else ():
        copy = Path(each["backup"])
        name = Path(each["path"]).relative_to(home.root).as_posix()
        assert (copy.read_text("utf-8"), needs.has_mode(copy, 0o600)) == (before[name], True)
        assert copy.name.startswith(Path(name).name.removeprefix("."))  # no hidden file
    server, hooks = entries(home, agent)
    expected, events = MADE[agent]
    expected = json.loads(json.dumps(expected).replace('"P"', json.dumps(str(program))))
    if allow and agent in ALLOWED:
        file, place, value = ALLOWED[agent]
        found: Any = parsed(home, file)
        for name in place:
            found = found[name]
        assert found == value
        server.pop(str(place[-1]), None)
    assert server == expected
    assert {name: len(found) for name, found in hooks.items()} == dict.fromkeys(events, 1)
    called = f'"{program.as_posix()}"' if needs.WINDOWS else shlex.quote(str(program))
    for name, (hook,) in hooks.items():
        said = f" hook {name}" if agent == "claude-code" else f" hook --agent {agent} {name}"
        assert hook.pop("command") == called + said
        assert {key: value for key, value in hook.items() if key != "type"} == events[name]
    assert not any(each["needed"] for each in changes(home, "install", agent, *["--allow"] * allow))
    assert all(each["done"] for each in changes(home, "uninstall", agent))
    assert texts(home, agent) == before


@every_agent
def test_what_others_changed_since_stays(home: Scratch, agent: str) -> None:
    put(home, agent)
    before = {name: parsed(home, name) for name in THERE[agent]}
    changes(home, "install", agent, "--allow")
    for name in THERE[agent]:
        path, text = home.root / name, (home.root / name).read_text("utf-8")
        if path.suffix == ".toml":
            path.write_text(f"{text}\n[since]\na = 1\n", encoding="utf-8")
        else:
            path.write_text(json.dumps(json.loads(text) | {"since": {"a": 1}}), encoding="utf-8")
    changes(home, "uninstall", agent)
    for name, document in before.items():
        found = parsed(home, name)
        found = {key: value for key, value in found.items() if value or key in document}
        assert found == document | {"since": {"a": 1}}
    if agent == "codex":
        expected = f"{TOML}\n[since]\na = 1\n"
        assert (home.root / ".codex/config.toml").read_text("utf-8") == expected


@every_agent
def test_a_moved_program_is_named_anew(home: Scratch, program: Path, agent: str) -> None:
    put(home, agent)
    before = texts(home, agent)
    changes(home, "install", agent)
    moved = home.root / "elsewhere" / program.name
    program.parent.rename(moved.parent)
    home.patch.setattr(sys, "argv", [str(moved)])
    name = AGENTS[agent].title.lower()
    assert "is not there any more" in str(checks(home, name))
    changes(home, "install", agent)
    assert "a folder" not in str(texts(home, agent))
    assert {len(found) for found in entries(home, agent)[1].values()} <= {1}
    assert [level for level, said in checks(home, name) if "trust" not in said] == ["ok"]
    changes(home, "uninstall", agent)
    assert texts(home, agent) == before


@every_agent
def test_what_was_made_by_hand_is_neither_doubled_nor_taken(
    home: Scratch, program: Path, agent: str
) -> None:
    put(home, agent)
    form = AGENTS[agent].settings
    for name in THERE[agent]:
        text = (home.root / name).read_text("utf-8")
        if name.endswith(".toml"):
            text += (
                f'\n[mcp_servers.memory]\ncommand = {json.dumps(str(program))}\nargs = ["mcp"]\n'
            )
        else:
            document = json.loads(text)
            server: dict[str, Any] = {"command": str(program), "args": ["mcp"]}
            server = {"command": [str(program), "mcp"]} if agent == "opencode" else server
            document.setdefault(form.servers, {})["memory"] = server
            for event in AGENTS[agent].events:
                hook = {"command": f"cd /tmp && mem0tray hook {event}"}
                document.setdefault("hooks", {})[event] = [
                    {"hooks": [hook]} if form.grouped else hook
                ]
            text = json.dumps(document)
        (home.root / name).write_text(text, encoding="utf-8")
    before = texts(home, agent)
    allow = ["--allow"] if agent != "claude-code" else []  # a permission is no server's
    said = home.ok("install", agent, "--hooks") + home.ok("install", agent, "--mcp", *allow)
    assert said.count("added yourself") == len(AGENTS[agent].events) + 1
    if allow and agent in ALLOWED:
        assert f"set {ALLOWED[agent][1][-1]} to " in " ".join(said.split())
    home.ok("uninstall", agent)
    assert texts(home, agent) == before


@pytest.mark.parametrize(
    ("agent", "variable", "within"),
    [
        ("claude-code", "CLAUDE_CONFIG_DIR", ""),
        ("codex", "CODEX_HOME", ""),
        ("gemini", "GEMINI_CLI_HOME", ".gemini"),
        ("copilot", "COPILOT_HOME", ""),
        ("opencode", "XDG_CONFIG_HOME", "opencode"),
    ],
)
def test_its_folder_may_be_elsewhere(home: Scratch, agent: str, variable: str, within: str) -> None:
    home.env(**{variable: str(home.root / "moved")})
    files = {Path(each["path"]) for each in changes(home, "install", agent)}
    folder = home.root / "moved" / within
    assert {path.parent for path in files} <= {folder, folder / "hooks"}
    assert all(needs.has_mode(path, 0o600) for path in files)
    changes(home, "uninstall", agent)
    assert not any(path.exists() for path in files)


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
def test_an_odd_file_is_refused_and_then_no_agent_is_changed(
    home: Scratch, agent: str, file: str, what: str | Callable[[Path], None]
) -> None:
    for name in AGENTS:
        put(home, name)
    path = spoilt(home, agent, file, what)
    before = {name: texts(home, name) for name in AGENTS}
    assert ("another server" if "mem0tray" in str(what) else str(path)) in home.fails(
        "install", "--all", "--allow"
    )
    assert {name: texts(home, name) for name in AGENTS} == before
    assert path.is_symlink() == (what is _link)
    path.chmod(0o644)


def test_all_are_those_that_this_computer_has(home: Scratch) -> None:
    assert "No coding agent was found" in home.run("install", "--all").line
    put(home, "gemini")
    put(home, "cursor")
    (home.root / ".copilot/hooks").mkdir(parents=True)  # as `uninstall` leaves it
    home.claude.mkdir(exist_ok=True)  # our own files are there too
    found = changes(home, "install", "--all")
    assert list(dict.fromkeys(each["agent"] for each in found)) == ["gemini", "cursor"]
    assert all(each["done"] for each in changes(home, "uninstall", "--all"))


def test_a_whole_uninstall_takes_every_agent(home: Scratch) -> None:
    for name in AGENTS:
        put(home, name)
    before = {name: texts(home, name) for name in AGENTS}
    changes(home, "install", "--all", "--allow")
    removed = home.run("uninstall", "--json").json()["removed"]
    assert f"the hooks and tools and permission in {home.root / '.gemini/settings.json'}" in removed
    assert {name: texts(home, name) for name in AGENTS} == before


@pytest.mark.parametrize(("answer", "given"), [("y", True), ("n", False), ("", False)])
def test_a_person_is_asked_whether_to_allow_the_tools(
    home: Scratch, answer: str, *, given: bool
) -> None:
    home.patch.setattr("mem0tray.cli.output.can_ask", lambda: True)
    home.terminal(200)
    done = home.run("install", "gemini", "cursor", stdin=f"{answer}\ny\n".encode())
    assert done.code == 0, done.err
    assert "Shall Gemini CLI use the tools without asking" in done.out
    assert entries(home, "gemini")[0].get("trust", False) == given
    assert ("install gemini --allow" in done.out) == (not given)


@pytest.mark.parametrize(("agent", "former"), [("codex", '"prompt"'), ("gemini", "false")])
def test_what_was_not_allowed_may_be_allowed_later(home: Scratch, agent: str, former: str) -> None:
    file, place, value = ALLOWED[agent]
    changes(home, "install", agent, "--allow")
    path = home.root / file
    text = path.read_text("utf-8")
    path.write_text(text.replace(json.dumps(value), former), encoding="utf-8")
    changes(home, "install", agent)
    assert former in path.read_text("utf-8")
    changes(home, "install", agent, "--allow")
    assert path.read_text("utf-8") == text
    assert text.count(str(place[-1])) == 1


def test_a_permission_of_yours_stays(home: Scratch) -> None:
    put(home, "claude-code")
    settings = home.root / ".claude/settings.json"
    settings.write_text('{"permissions": {"allow": ["mcp__mem0tray"]}}', encoding="utf-8")
    before = settings.read_text("utf-8")
    for _ in range(2):
        changes(home, "install", "claude-code", "--allow")
        changes(home, "uninstall", "claude-code")
        assert settings.read_text("utf-8") == before
        settings.write_text("{}", encoding="utf-8")
        changes(home, "install", "claude-code", "--allow")
        changes(home, "uninstall", "claude-code")
        assert settings.read_text("utf-8") == "{}"
        settings.write_text(before, encoding="utf-8")


def test_permissions_in_two_folders_are_taken_back(home: Scratch) -> None:
    folders = [str(home.root / each) for each in ("work", "own")]
    for command in (("install", "claude-code", "--allow"), ("uninstall", "claude-code")):
        for folder in folders:
            home.env(CLAUDE_CONFIG_DIR=folder)
            changes(home, *command)
    assert [*home.root.glob("*/settings.json")] == []


def test_a_kill_leaves_no_permission_that_uninstall_does_not_take(home: Scratch) -> None:
    put(home, "claude-code")
    before, replace = texts(home, "claude-code"), atomic.replace

    def killed(path: Path, *given: Any, **options: Any) -> Signature | None:
        done = replace(path, *given, **options)
        if path.name == "settings.json":
            raise SystemExit
        return done

    with home.patch.context() as patch:
        patch.setattr(atomic, "replace", killed)
        home.run("install", "claude-code", "--allow", "--yes")
    assert "mcp__mem0tray" in str(texts(home, "claude-code"))
    changes(home, "uninstall", "claude-code")
    assert texts(home, "claude-code") == before


def test_a_part_alone_has_nothing_to_do_with_another_file(home: Scratch) -> None:
    put(home, "claude-code")
    settings = home.root / ".claude/settings.json"
    assert home.run("install", "claude-code", "--hooks", "--allow").code == 2
    changes(home, "install", "claude-code", "--hooks")
    changes(home, "install", "claude-code", "--mcp", "--allow")
    assert "mcp__mem0tray" in settings.read_text("utf-8")
    assert len(changes(home, "install", "claude-code", "--mcp", "--allow")) == 1
    changes(home, "uninstall", "claude-code", "--mcp")
    assert "mcp__mem0tray" not in settings.read_text("utf-8")
    settings.write_text("{", encoding="utf-8")
    assert len(changes(home, "uninstall", "claude-code", "--mcp")) == 1


def test_codex_is_said_to_skip_hooks_that_are_not_trusted(home: Scratch) -> None:
    put(home, "codex")
    said = home.run("install", "codex", "--json").json()["remarks"]
    assert "skips them silently" in str(said)
    hooks, settings = home.root / ".codex/hooks.json", home.root / ".codex/config.toml"
    before = settings.read_bytes()
    key = json.dumps(f"{hooks}:session_start:0:0")
    for odd in ("", "[hooks]\nstate = 5\n", "[[hooks.state]]\n", f"[hooks.state]\n{key} = 5\n"):
        settings.write_bytes(before + odd.encode())
        assert "skips them silently" in str(checks(home, "codex"))
    settings.write_bytes(before)
    with settings.open("a", encoding="utf-8") as file:
        for event, group in (("session_start", 0), ("stop", 1), ("session_end", 0)):
            key = json.dumps(f"{hooks}:{event}:{group}:0")
            file.write(f'\n[hooks.state.{key}]\ntrusted_hash = "sha256:0"\n')
    assert [level for level, _ in checks(home, "codex")] == ["ok"]


def test_an_agent_without_hooks_has_the_tools_alone(home: Scratch) -> None:
    assert "it has the tools alone" in home.ok("install", "opencode")
    assert changes(home, "uninstall", "opencode", "--hooks") == []
    for command in ("install", "uninstall"):
        assert "opencode has the tools alone" in home.ok(command, "opencode", "--hooks")


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
        broken.write_text("model = \n", encoding="utf-8")
        assert "name the other agents" in home.run("install", "--all").line
        done = home.run(*arguments)
        assert done.code == 1
        assert str(broken) in done.out + done.err
        assert len(arguments) > 1 or "what connects Codex" in done.out
        assert texts(home, "cursor") == before
        broken.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("answer", ["y", "n"])
def test_a_person_is_asked_before_everything_is_removed(home: Scratch, answer: str) -> None:
    changes(home, "install", "cursor")
    home.patch.setattr("mem0tray.cli.output.can_ask", lambda: True)
    done = home.run("uninstall", stdin=f"{answer}\nn\n".encode())
    assert done.code == (0 if answer == "y" else 1)
    assert (home.root / ".cursor/mcp.json").exists() == (answer == "n")


def test_install_always_shows_the_difference(home: Scratch) -> None:
    put(home, "cursor")
    before = texts(home, "cursor")
    assert "+++" in home.ok("install", "cursor", "--dry-run", "--yes")
    home.patch.setattr("mem0tray.cli.output.can_ask", lambda: True)
    done = home.run("install", "cursor", stdin=b"n\n")
    assert "+++" in done.out
    assert "Change these 2 files?" in done.out
    assert (done.code, texts(home, "cursor")) == (1, before)
    assert "+++" in home.ok("install", "cursor", "--yes")
    assert "is not there: nothing to remove" in home.ok("uninstall", "codex", "--yes")


def test_a_command_of_theirs_in_our_group_stays(home: Scratch) -> None:
    put(home, "claude-code")
    settings = home.root / ".claude/settings.json"
    changes(home, "install", "claude-code", "--hooks")
    document = json.loads(settings.read_bytes())
    theirs = {"type": "command", "command": "buzz"}
    document["hooks"]["Stop"][1]["hooks"].append(theirs)
    settings.write_text(json.dumps(document))
    changes(home, "uninstall", "claude-code")
    expected = json.loads(GROUPED)
    expected["hooks"]["Stop"].append({"hooks": [theirs]})
    assert json.loads(settings.read_bytes()) == expected


def test_a_plug_in_and_hooks_that_are_turned_off_are_named(home: Scratch) -> None:
    put(home, "claude-code")
    assert "begin with `mem0:`" in home.ok("install", "claude-code")
    settings = home.root / ".claude/settings.json"
    odd = {"disableAllHooks": True, "enabledPlugins": {"mem0tray@somewhere": True}}
    settings.write_text(json.dumps(json.loads(settings.read_bytes()) | odd))
    found = checks(home, "claude code")
    assert [level for level, said in found if "the tools as mem0tray, 4 hooks" in said] == ["ok"]
    said = " ".join(said for level, said in found if level == "warn")
    assert "disableAllHooks" in said
    assert "mem0tray@somewhere" in said
    said = " ".join(home.ok("uninstall").split())
    assert "the plug-in mem0tray@somewhere: `claude plugin uninstall mem0tray@somewhere`" in said


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
