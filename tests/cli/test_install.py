"""`install` and `uninstall` of every coding agent, by files alone."""

import json
import re
import shlex
import sys
import threading
from pathlib import Path
from typing import Any, Final

import pytest

from mem0tray.agents import session_socket
from mem0tray.agents.table import AGENTS
from mem0tray.config.settings import load
from mem0tray.files import atomic
from mem0tray.files.atomic import Signature
from tests.cli.agents import GROUPED, THERE, TOML, changes, parsed, put, texts
from tests.cli.scratch import Scratch, checks
from tests.support import needs

pytestmark = pytest.mark.usefixtures("program")

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
        ending("timeout", 3, "SessionStart", "Stop", "PostCompact", "SessionEnd"),
    ),
    "codex": (
        {"command": "P", "args": ["mcp"], "env_vars": list(PASSED)},
        ending("timeout", 3, "SessionStart", "Stop", "SessionEnd"),
    ),
    "gemini": (
        {"command": "P", "args": ["mcp"], "timeout": 10_000},
        ending("timeout", 3_000, "SessionStart", "AfterAgent", "SessionEnd"),
    ),
    "copilot": (
        {"tools": ["*"], "type": "local", "command": "P", "args": ["mcp"]},
        ending("timeoutSec", 3, "sessionStart", "agentStop"),
    ),
    "cursor": (
        {"command": "P", "args": ["mcp"]},
        ending("timeout", 3, "sessionStart", "afterAgentResponse", "sessionEnd"),
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
        assert called + said in hook.pop("command")
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


def test_doctor_names_each_agent_whose_settings_start_a_program_that_is_gone(
    home: Scratch, program: Path
) -> None:
    for agent in AGENTS:
        put(home, agent)
    changes(home, "install", "--all")
    program.parent.rename(home.root / "elsewhere")
    for title in (each.title for each in AGENTS.values()):
        said = str(checks(home, title.lower()))
        assert f"{title} starts mem0tray, but {program} is not there any more" in said


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


def as_formerly(home: Scratch, agent: str) -> dict[str, str | None]:
    """Give our hooks the form that a former version wrote; the files with today's form."""
    now = texts(home, agent)
    for name, text in now.items():
        if text and '"hooks"' in text:
            lines = re.sub(r'exec 2>/dev/null; printf %s \\"\$\((.*?)\)\\"', r"\1", text)
            lines = re.sub(r"(; exit 0| \|\| exit 0)", "", lines)
            path = home.root / name
            path.write_text(re.sub(r'("timeout\w*": )3', r"\g<1>10", lines), encoding="utf-8")
    assert agent == "opencode" or texts(home, agent) != now
    return now


@every_agent
def test_hooks_of_a_former_form_are_renewed(home: Scratch, agent: str) -> None:
    """Codex's by `install` alone, as Codex skips a hook that has changed until it is trusted."""
    put(home, agent)
    before = texts(home, agent)
    changes(home, "install", agent)
    now = as_formerly(home, agent)
    formerly = texts(home, agent)
    said = str([*checks(home, "agents"), *checks(home, AGENTS[agent].title.lower())])
    if agent == "codex":
        assert "of a former form" in said
        assert texts(home, agent) == formerly
        changes(home, "install", agent)
    assert ("are renewed" in said) == (agent not in {"codex", "opencode"})
    assert texts(home, agent) == now
    changes(home, "uninstall", agent)
    assert texts(home, agent) == before


def test_the_start_of_a_worker_renews_hooks_and_keeps_a_copy(home: Scratch) -> None:
    changes(home, "install", "gemini")
    now = as_formerly(home, "gemini")
    (formerly,) = (each for each in texts(home, "gemini").values() if each)
    with session_socket.answering(lambda: load().settings):
        while texts(home, "gemini") != now:
            threading.Event().wait(0.01)
    assert formerly in [path.read_text("utf-8") for path in home.root.rglob("settings.json.*")]


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
