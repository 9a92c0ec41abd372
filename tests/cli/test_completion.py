"""Completion: what the program answers the scripts, which are click's."""

import click
import pytest

from mem0tray.cli import COMPLETE
from mem0tray.config import config_file
from tests.cli import commands
from tests.cli.scratch import Scratch
from tests.support.shapes import dead, entry

SHELLS = ("bash", "zsh", "fish")
DEAD = "04f96029-0000-4000-8000-000000000000"
WAITING = "5b1c7d20-0000-4000-8000-000000000000"


@pytest.fixture
def filled(home: Scratch) -> Scratch:
    home.write("mem0_queue_dlq.json", {"items": [dead("x", "my-project", id=DEAD)]})
    home.write(
        "mem0_queue.json", {"queue": [entry("x", "a:b", id=WAITING)], "last_100": [], "failed": []}
    )
    return home


def _answers(home: Scratch, line: str, shell: str = "bash") -> list[str]:
    at = len(line.split()) - (not line.endswith(" "))
    home.env(**{COMPLETE: f"{shell}_complete"}, COMP_WORDS=line, COMP_CWORD=str(at))
    if shell == "fish":
        home.env(COMP_CWORD="" if line.endswith(" ") else line.rsplit(maxsplit=1)[-1])
    done = home.run()
    home.patch.delenv(COMPLETE)
    assert (done.code, done.err) == (0, "")
    return [line for line in done.out.splitlines() if line]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_of_each_shell_calls_us(home: Scratch, shell: str) -> None:
    script = home.ok("completion", shell)
    assert f"{COMPLETE}={shell}_complete" in script
    home.configure("broken = = ")
    assert _answers(home, "mem0tray retry ", shell) == []
    assert _answers(home, "mem0tray dia", shell)[:2] != []


def test_ids_come_with_their_project(filled: Scratch) -> None:
    assert _answers(filled, "mem0tray delete ", "fish") == [
        f"plain,{DEAD[:8]}\tdead letter of my-project",
        f"plain,{WAITING[:8]}\twaiting of a:b",
    ]
    zsh = ["plain", DEAD[:8], "dead letter of my-project"]
    assert _answers(filled, "mem0tray retry ", "zsh") == zsh


def test_whatever_takes_an_id_or_a_project_completes_it(filled: Scratch) -> None:
    for context in commands.EVERY:
        path = context.command_path
        for parameter in context.command.get_params(context):
            if isinstance(parameter, click.Argument) and "ID" in str(parameter.metavar):
                assert f"plain,{DEAD[:8]}" in _answers(filled, f"{path} "), path
            if "--project" in parameter.opts:
                assert "plain,my-project" in _answers(filled, f"{path} --project "), path


def test_hostile_names_are_not_offered(home: Scratch) -> None:
    home.write(
        "mem0_queue_dlq.json",
        {
            "items": [
                dead("x", "p", id="a\nplain,b"),
                dead("x", "x\ny\x1b[31m", id="ok345678"),
                dead("x", "$(id)`id`", id="ok2"),
            ]
        },
    )
    assert _answers(home, "mem0tray retry ", "fish") == [
        "plain,ok345678\tdead letter of x y [31m",
        "plain,ok2\tdead letter of $(id)`id`",
    ]
    assert _answers(home, "mem0tray retry -p ") == ["plain,p"]


def test_every_setting_is_offered(home: Scratch) -> None:
    offered = _answers(home, "mem0tray config set ")
    assert offered == [f"plain,{key}" for key in config_file.meanings()]
