"""What is committed is what its command makes of the program today: icons, manual page, plug-in."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import homebrew
import pytest

from mem0tray import __main__, __version__
from mem0tray.agents import callers
from mem0tray.agents.table import AGENTS, CLAUDE_CODE
from mem0tray.cli import app
from mem0tray.config import settings
from mem0tray.desktop.session import BUNDLE
from mem0tray.system import programs
from tests.support import needs
from tests.support.home import REPOSITORY

PACKAGING = REPOSITORY / "packaging"
PAGE = PACKAGING / "mem0tray.1"
PLUG_IN = PACKAGING / "claude-plugin"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


def check(root: Path, name: str) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, str(root / "packaging" / f"update_{name}.py"), "--check")


@pytest.mark.parametrize("name", ["icons", "man"])
def test_its_command_would_change_nothing(name: str) -> None:
    done = check(REPOSITORY, name)
    assert done.returncode == 0, done.stderr


def test_a_changed_missing_or_foreign_icon_is_noticed(tmp_path: Path) -> None:
    for folder in ("icons", "packaging"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    drawn = tmp_path / "icons" / "png"
    (drawn / "down-16.png").unlink()
    shutil.copy(drawn / "healthy-22.png", drawn / "down-22.png")
    shutil.copy(drawn / "healthy-22.png", drawn / "new-22.png")
    done = check(tmp_path, "icons")
    assert done.returncode == 1
    for name in ("png/down-16.png", "png/down-22.png", "png/new-22.png"):
        assert name in done.stderr


@needs.program("mandoc")
def test_the_manual_page_is_sound() -> None:
    done = run("mandoc", "-T", "lint", "-W", "warning", str(PAGE))
    assert (done.returncode, done.stdout) == (0, "")
    shown = run("mandoc", "-T", "utf8", "-O", "width=200", str(PAGE)).stdout
    text = re.sub(".\b", "", shown)  # bold is a letter, a backspace, the letter again
    for name in app.COMMANDS:
        assert f"\n   mem0tray {name}\n" in text
    for key in settings.keys():  # noqa: SIM118  (a function)
        assert re.search(rf"(?m)^ +{re.escape(key)}$", text), key


SHELLS = {  # reads the file as the shell does at the first Tab, and completes `mem0tray retr`
    "bash": "source ./mem0tray; COMP_WORDS=(mem0tray retr) COMP_CWORD=1; "
    "_mem0tray_completion mem0tray; echo $COMPREPLY",
    "zsh": "compdef() { :; }; _describe() { echo $completions_with_descriptions; }; "
    "words=(mem0tray retr) CURRENT=2; fpath=($PWD); autoload _mem0tray; _mem0tray",
    "fish": "source mem0tray.fish; complete -C 'mem0tray retr'",
}


@pytest.mark.parametrize(
    "shell", [pytest.param(shell, marks=needs.program(shell)) for shell in SHELLS]
)
def test_each_shell_completes_with_what_the_wheel_takes_along(shell: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [shell, "-c", SHELLS[shell]],
        cwd=PACKAGING / "completions",
        env={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout.startswith("retry")


def part(name: str) -> Any:
    return json.loads((PLUG_IN / name).read_text(encoding="utf-8"))


def test_the_plug_in_has_the_hooks_and_the_tools_of_install() -> None:
    hooks = callers.with_hooks(CLAUDE_CODE, "{}", ["mem0tray"])
    ours = callers.with_server(CLAUDE_CODE, hooks, ["mem0tray"])
    expected = json.loads(ours)
    assert part("hooks/hooks.json")["hooks"] == expected["hooks"]
    assert list(expected["hooks"]) == list(AGENTS[CLAUDE_CODE].events)
    server = expected["mcpServers"]["mem0tray"]
    assert part(".mcp.json")["mcpServers"]["mem0tray"] == {
        name: server[name] for name in ("command", "args")
    }


def test_the_plug_in_is_offered_by_its_marketplace() -> None:
    plug_in = part(".claude-plugin/plugin.json")
    (offered,) = part(".claude-plugin/marketplace.json")["plugins"]
    assert offered["name"] == plug_in["name"] == callers.NAME
    assert (PLUG_IN / offered["source"]).resolve() == PLUG_IN
    assert plug_in["version"] == __version__


@pytest.mark.parametrize(
    ("template", "values"),
    [("mem0tray.rb", {"# @RESOURCES@": ""}), ("mem0tray-app.rb", {"@BUNDLE@": "org.example"})],
)
def test_homebrew_gets_ruby_without_gaps(
    template: str, values: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = "https://example.org/mem0tray/releases/download/v9"
    monkeypatch.setattr(sys, "argv", ["packaging/build", release])
    artefact = tmp_path / "mem0tray.zip"
    artefact.write_bytes(b"")
    homebrew.fill(template, artefact, values)
    made = (tmp_path / template).read_text(encoding="utf-8")
    assert f'url "{release}/mem0tray.zip"' in made
    assert 'homepage "https://example.org/mem0tray"' in made
    assert f'sha256 "{hashlib.sha256(b"").hexdigest()}"' in made
    assert not re.search(r"@[A-Z]+[@\d]", made)
    if shutil.which("ruby"):
        assert run("ruby", "-wc", str(tmp_path / template)).stdout == "Syntax OK\n"


def test_the_app_for_macos_is_the_one_that_the_program_looks_for() -> None:
    briefcase = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["tool"][
        "briefcase"
    ]
    (name,) = briefcase["app"]
    assert f"{briefcase['bundle']}.{name}" == BUNDLE
    app = briefcase["app"][name]
    assert (REPOSITORY / f"{app['icon']}.icns").exists()
    assert all((REPOSITORY / each).is_dir() for each in app["sources"])


def test_a_program_that_is_its_own_python_starts_itself() -> None:
    """The app's, and those for Windows: `ourselves` has these words for each."""
    program = [sys.executable, "-m", "mem0tray"]
    done = run(*program, *programs.ourselves()[1:], "--version")
    assert (done.returncode, done.stdout.split()) == (0, ["mem0tray", __version__])
    assert run(*program, "-P", "-m", "json.tool", "--help").stdout.startswith("usage: ")


@needs.LINKS
def test_a_link_to_the_app_leads_into_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its command and its icon would each have a start at login of their own."""
    program = tmp_path / "mem0tray.app" / "Contents" / "MacOS" / "mem0tray"
    program.parent.mkdir(parents=True)
    program.touch()
    link = tmp_path / "link"
    link.symlink_to(program)
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, words: started.append(words))
    for executable in (link, program):
        monkeypatch.setattr(sys, "executable", str(executable))
        monkeypatch.setattr(sys, "argv", [str(link), "-P", "-m", "this"])
        __main__.main()
    assert started == [[str(program), "-P", "-m", "this"]]
