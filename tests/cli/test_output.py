"""Tables, ages, times, colours, progress: foreign text is harmless."""

import io
import json
import sys
from functools import partial

import pytest

from mem0tray.cli import output
from mem0tray.cli.output import Style
from tests.cli.scratch import Scratch

HOSTILE = "[red]x[/red]\x1b[31m\n\u202eevil\ud800"


def plain_terminal(home: Scratch, columns: int) -> None:
    home.terminal(columns)
    home.env(NO_COLOR="1")


def shown(home: Scratch) -> list[str]:
    return home.capture.readouterr().out.splitlines()


@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_a_table_lines_up_and_shows_hostile_text_harmlessly(
    home: Scratch, *, terminal: bool
) -> None:
    home.patch.setattr(sys.stdout, "isatty", lambda: terminal)
    home.env(TERM="dumb", COLUMNS="100")
    output.print_table(("name", "count"), [(HOSTILE, "1"), ("b", "22")], right=("count",))
    out = home.capture.readouterr().out
    assert "[red]x[/red] [31m evil" in out
    assert not {"\x1b", "\u202e", "\ud800"} & set(out)
    assert len({len(line) for line in out.splitlines()} - {0}) == 1 or terminal


def test_a_table_fits_the_terminal_and_a_pipe_has_it_whole(home: Scratch) -> None:
    row = ("aaaa1111", "xxxx 日本" + "x" * 40, "7")
    table = partial(output.print_table, ("id", "text", "n"), [row], right={"n"}, cut={"text"})
    table()
    assert shown(home)[1] == "  ".join(row)
    plain_terminal(home, 30)
    table()
    assert shown(home) == ["id        text               n", "aaaa1111  xxxx 日本xxxxxxx…  7"]


@pytest.mark.parametrize(("columns", "indent"), [(60, 15), (24, 4)])
def test_what_wraps_stands_below_its_text(home: Scratch, columns: int, indent: int) -> None:
    plain_terminal(home, columns)
    path = "/a-path/that-is/longer-than-what/is-left"
    facts = [("a", "x\ny"), ("empty", ""), ("last delivery", f"{path} is full and is not written")]
    output.print_facts(facts)
    lines = shown(home)
    assert lines[0] == "a              x y"
    assert any(path in line for line in lines)
    assert all(len(line) <= max(columns, indent + len(path)) for line in lines)
    assert len(lines) > 2
    for line in lines[2:]:
        assert len(line) - len(line.lstrip()) == indent


def test_a_command_is_never_broken(home: Scratch) -> None:
    plain_terminal(home, 60)
    command = "`mem0tray config set server.url ADDRESS`"
    output.say_beside("  To do: ", f"Start the server, or set another with {command}.")
    first, second = shown(home)
    assert command in first + second


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8", "UTF8"])
def test_json_is_read_as_utf_8(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding, newline=""))
    output.print_json({"é": "€"})
    sys.stdout.flush()
    assert json.loads(raw.getvalue().decode("utf-8")) == {"é": "€"}


@pytest.mark.row(42)
def test_json_holds_nothing_that_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "\x1b[31m \x7f \x9b31m \u202e \u2066 \t\n"
    output.print_json({hostile: hostile})
    said = capsys.readouterr().out
    assert json.loads(said) == {hostile: hostile}
    assert said.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("terminal", "environment", "coloured"),
    [
        (False, {}, False),
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {"FORCE_COLOR": "1"}, True),
        (False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    home: Scratch, environment: dict[str, str], *, terminal: bool, coloured: bool
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        home.patch.delenv(name, raising=False)
    home.terminal(80)
    home.patch.setattr(sys.stdout, "isatty", lambda: terminal)
    home.env(**environment)
    output.say("It fails.", Style.BAD)
    output.say_beside("fail  ", "[red]the disk\x1b[31m", Style.BAD)
    bad, label = ("\x1b[31m\x1b[1mIt fails.\x1b[0m", "\x1b[31m\x1b[1mfail  \x1b[0m")
    if not coloured:
        bad, label = "It fails.", "fail  "
    assert shown(home) == [bad, f"{label}[red]the disk [31m"]
    output.print_table(("NAME",), [("a",)])
    assert ("\x1b[1m" in shown(home)[0]) == coloured


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_has_one_line_of_progress_which_goes(home: Scratch, *, terminal: bool) -> None:
    home.patch.setattr(sys.stderr, "isatty", lambda: terminal)
    home.patch.setattr(output, "_EVERY", 0.0)
    home.env(TERM="xterm", COLUMNS="40")
    with output.Progress("memories") as tell:
        for done in (20, 100):
            tell(done, 100)
    lines = ["", "20 of 100 memories", "100 of 100 memories", ""]
    assert home.capture.readouterr().err.split("\r\x1b[K") == (lines if terminal else [""])
