"""Tables, ages, times: foreign text is harmless."""

import sys

import pytest

from mem0tray.cli import output

HOSTILE = "[red]x[/red]\x1b[31m\n\u202eevil\ud800"


@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_a_table_shows_hostile_text_harmlessly(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, terminal: bool
) -> None:
    """Markup stays text; escapes, line breaks and marks of direction are gone."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "100")
    output.print_table(("name", "count"), [(HOSTILE, "1"), ("b", "22")], right=("count",))
    out = capsys.readouterr().out
    assert "[red]x[/red] [31m evil" in out
    assert not {"\x1b", "\u202e", "\ud800"} & set(out)


def test_plain_columns_line_up(capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers stand to the right, no line has blanks at its end."""
    output.print_table(("name", "count"), [("long one", "1"), ("b", "22")], right=("count",))
    assert capsys.readouterr().out == "name      count\nlong one      1\nb            22\n"


def test_facts_without_value_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """Names line up, values are one line."""
    output.print_facts([("a", "1\n2"), ("empty", ""), ("long", "x")])
    assert capsys.readouterr().out == "a     1 2\nlong  x\n"


@pytest.mark.parametrize(("columns", "indent"), [(60, 15), (24, 4)])
def test_what_wraps_stands_below_its_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int, indent: int
) -> None:
    """At a terminal a long value hangs beside its name, or little indented where room is short."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    path = "/a-path/that-is/longer-than-what/is-left"
    output.print_facts([("a", "x"), ("last delivery", f"{path} is full and cannot be written")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "a              x"
    assert any(path in line for line in lines)
    assert all(len(line) <= max(columns, indent + len(path)) for line in lines)
    assert len(lines) > 2
    for line in lines[2:]:
        assert len(line) - len(line.lstrip()) == indent


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (None, "–"),
        (0, "–"),
        (-5, "–"),
        (10_000.5, "just now"),
        (9_970, "30 s ago"),
        (9_800, "3 min ago"),
        (10_000 - 7200, "2 h ago"),
        (10_020, "in 20 s"),
        (10_479.9, "in 8 min"),
        (10_059.7, "in 1 min"),
        (13_599.5, "in 1 h"),
        (10_000 + 1800, "in 30 min"),
        (10_000 + 86_399, "in 1 d"),
        (10_000 + 86_400 * 40, "in 40 d"),
    ],
)
def test_ages_in_words(at: float | None, shown: str) -> None:
    """An age is given in its largest unit, to the nearest of it."""
    assert output.ago(at, 10_000) == shown


@pytest.mark.parametrize("at", [None, 0, -1, 1e300, float("inf"), float("nan")])
def test_impossible_times_are_a_dash(at: float | None) -> None:
    """What no calendar has is shown as never."""
    assert output.moment(at, 0) == output.NEVER


def test_json_stays_readable(capsys: pytest.CaptureFixture[str]) -> None:
    """Letters beyond ASCII stay, where they can be written."""
    output.print_json({"é": 1})
    assert '"é": 1' in capsys.readouterr().out
