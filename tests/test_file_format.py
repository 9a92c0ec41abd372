"""The page of `mem0tray/docs/file-format.md`: its examples do what they say, word for word."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

import mem0tray
from tests.support import needs
from tests.support.fixtures import home, server
from tests.support.home import Home
from tests.support.shapes import waiting
from tests.support.standin import Standin

__all__ = ["home", "server"]

PAGE: Final = Path(mem0tray.__file__).parent / "docs" / "file-format.md"
TEXT: Final = 'Roses "want" sun,\n\tbe it at 6 °C \\ and 🌹'
Program = Callable[[Home, str], subprocess.CompletedProcess[str]]


def example(language: str, number: int = 0) -> str:
    """Take an example out of the page; it gives up sooner than people's do."""
    found = re.findall(
        rf"^```{language}\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    source = str(found[number])
    return source.replace("GIVE_UP = 30", "GIVE_UP = 0.2").replace("flock -w 30", "flock -w 0.2")


def in_python(home: Home, text: str) -> subprocess.CompletedProcess[str]:
    return home.foreign(sys.executable, "-c", example("python"), "garden", text)


def in_sh(home: Home, text: str) -> subprocess.CompletedProcess[str]:
    return home.foreign("/bin/sh", "-c", example("sh"), "sh", "garden", stdin=text)


def in_javascript(home: Home, text: str) -> subprocess.CompletedProcess[str]:
    script = home.root / "add.js"
    script.write_text(example("javascript"), encoding="utf-8")
    return home.foreign("node", str(script), "garden", text)


PROGRAMS: Final = [
    pytest.param(in_python, id="python", marks=needs.FLOCK),
    pytest.param(in_sh, id="sh", marks=[needs.program("flock"), needs.program("jq")]),
    pytest.param(in_javascript, id="javascript", marks=needs.program("node")),
]


@pytest.mark.parametrize("held", [False, True], ids=["free", "locked"])
@pytest.mark.parametrize("add", PROGRAMS)
def test_each_example_delivers_once(
    home: Home, server: Standin, add: Program, *, held: bool
) -> None:
    home.worker()
    holder = home.lock_holder() if held else None
    said = add(home, TEXT)
    server.wait_for(lambda: server.count(TEXT) == 1)
    if holder is not None:
        holder.kill()
    assert said.stderr == ""
    assert server.keys(TEXT) == [said.stdout.strip()]
    assert server.surplus() == {}


@pytest.mark.parametrize("add", PROGRAMS[:2])
def test_an_example_leaves_a_broken_queue_file_alone(
    home: Home, server: Standin, add: Program
) -> None:
    for number, broken in enumerate(("", '{"queue": [', '{"items": []}', "[1]")):
        home.queue.write_text(broken, encoding="utf-8")
        add(home, f"memory {number}")
        assert home.queue.read_text("utf-8") == broken
    home.drained()
    assert server.missing([f"memory {number}" for number in range(4)]) == []


@pytest.mark.parametrize("add", PROGRAMS[:2])
def test_an_example_keeps_what_else_is_in_the_queue_file(home: Home, add: Program) -> None:
    many = [{"id": str(number)} for number in range(100)]
    home.write_queue([], last_100=many, mine={"a": 1})
    add(home, TEXT)
    found = home.read(home.queue)
    assert [each["content"] for each in found["queue"]] == [TEXT]
    assert found["last_100"] == [*many[1:], *found["queue"]]
    assert found["mine"] == {"a": 1}
    assert found["stats"]["total_queued"] == 1
    assert not home.emergency.exists()


@needs.program("jq")
def test_the_example_reads_the_metrics(home: Home) -> None:
    home.worker()
    home.wait(lambda: home.state()[0] == "healthy", what="healthy")
    assert home.foreign("/bin/sh", "-c", example("sh", 1)).stdout == (
        "healthy: 0 waiting, 0 dead letters\n"
    )


def test_the_example_retries_dead_letters(home: Home, server: Standin) -> None:
    home.write_dlq([waiting("letter")])
    home.drain()
    assert server.saves == []
    home.script(example("python", 1))
    home.drained()
    assert server.count("letter") == 1


def test_the_entry_is_one(home: Home) -> None:
    home.ok("add", "-p", "garden", "x")
    assert json.loads(example("json")).keys() == home.queue_items()[0].keys()
