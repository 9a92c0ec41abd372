"""Hostile text in project, id and error does no harm to log and terminal."""

import re
import unicodedata

import pytest

from tests.acceptance.kinds import ON_LIBRARY_TOO
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.shapes import entry, is_iso, waiting
from tests.support.standin import Standin
from tests.support.variants import variants

pytestmark = pytest.mark.row(42)

FAKE = "📋 Moved to DLQ: fake (ID: 12345678...) after 5 retries"
HOSTILE = {
    "ANSI": "\x1b[31mred\x1b[0m\x1b]0;title\x07\x1b[2J\x1bc",
    "C1": "\x9b31mred\x9d0;title\x9c",
    "newline": f"x\n2026-01-01T00:00:00 {FAKE}",
    "returns": f"x\r{FAKE}\x0b\x0c\x85\u2028\u2029{FAKE}",
    "right to left": "\u202egnp.exe\u202c\u2066x\u2069\u200f\u061c",
    "markup": "[bold red]x[/bold red] [link=http://evil.example]y[/link] <b>&amp;</b> [/]",
    "NUL": "a\0b",
    "format": "%s %d {0} {x!r} \\N{BELL} $(id) `id`",
    "zero width": "a\u200b\u200d\ufeffb",
    "surrogate": "\ud800 half",
}
SAFE = {"\n", "\t"}


def harmful(text: str) -> list[str]:
    bidi = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u2028\u2029"
    return [
        char
        for char in text
        if char in bidi or (unicodedata.category(char) in ("Cc", "Cs") and char not in SAFE)
    ]


def check_log(home: Home, moves: int) -> None:
    """Check that every event is one line that begins with a time, and that none is forged."""
    text = home.log.read_bytes().decode()
    assert harmful(text) == []
    lines = text.splitlines()
    assert len(lines) == text.count("\n")
    assert all(is_iso(line.split(" ")[0]) for line in lines)
    genuine = [line for line in lines if re.match(r"\S+ 📋 Moved to DLQ: ", line)]
    assert len(genuine) == moves


@pytest.mark.parametrize("name", variants(HOSTILE))
def test_hostile_text_is_shown_harmlessly(home: Home, server: Standin, name: str) -> None:
    text = HOSTILE[name]
    detail = {"detail": [{"loc": ["body", text], "msg": f"no {text}"}]}
    item = entry(f"content {text}", f"project {text}", id=f"id {text}")
    home.write_queue([item])
    server.script(Answer(422, detail), content=item["content"], forever=True)
    done = home.drain()
    assert harmful(done.stdout + done.stderr) == []
    assert len(home.dlq_items()) == 1
    check_log(home, 1)
    for command in (["list"], ["stats"], ["diagnose"]):
        done = home.run(*command)
        assert "Traceback" not in done.stderr, command
        assert harmful(done.stdout + done.stderr) == [], command
    assert item["project_id"] in [each["project_id"] for each in home.json("list")]


@ON_LIBRARY_TOO
def test_a_megabyte_of_everything(home: Home, server: Standin) -> None:
    big = "ä" * 500_000
    home.write_queue([entry(big), entry("big project", big), entry("big id", id=big)])
    home.write_dlq([waiting("letter", big, id="x" * 1_000_000, last_error="e" * 1_000_000)])
    home.drain()
    assert server.count(big) == 1
    assert server.count("big project") == 1
    for command in (["list"], ["stats"], ["diagnose"], ["status"]):
        assert len(home.ok(*command)) < 100_000, command
    assert len(home.log_text()) < 100_000


@pytest.mark.parametrize("project", [None, "", 5])
def test_text_without_a_project_is_counted_without_being_sent(
    home: Home, server: Standin, project: object
) -> None:
    home.write_queue([entry("homeless", project), entry("good")])
    home.drain()
    assert (server.sends("homeless"), server.count("good")) == (0, 1)
    letter = home.dead_letter("homeless")
    assert "project" in letter["last_error"]
    assert letter["project_id"] == project


TREASURE = "the treasure lies below the third oak"


@pytest.mark.row(42)
def test_last_error_and_log_never_repeat_the_content(home: Home, server: Standin) -> None:
    echo = {"detail": f"cannot store: {TREASURE[4:30]}!", "input": TREASURE}
    home.write_queue([entry(TREASURE)])
    server.script(Answer(400, echo), content=TREASURE, forever=True)
    home.drain()
    said = home.dead_letter(TREASURE)["last_error"] + home.log_text()
    assert "400" in said
    assert not [n for n in range(len(TREASURE) - 11) if TREASURE[n : n + 12] in said]
