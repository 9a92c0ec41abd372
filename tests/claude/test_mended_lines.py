"""Halves of characters in lines of JSON."""

import io
import json
from typing import Any

import pytest

from mem0tray.claude.mcp_server import MendedLines, mended


@pytest.mark.parametrize(
    ("line", "after"),
    [
        (rb'"a\ud83db"', rb'"a\ufffdb"'),
        (rb'"\uDE00"', rb'"\ufffd"'),
        (rb'"\ud83d\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
        (rb'"\ud83d\u0041"', rb'"\ufffd\u0041"'),
        (rb'"\ud83d\ude00"', rb'"\ud83d\ude00"'),
        (rb'"\\ud83d"', rb'"\\ud83d"'),
        (rb'"\\\ud83d"', rb'"\\\ufffd"'),
        (rb'"\"\ud83d"', rb'"\"\ufffd"'),
        (rb'"\u00e9\n"', rb'"\u00e9\n"'),
        ('"\N{GRINNING FACE}"'.encode(), '"\N{GRINNING FACE}"'.encode()),
    ],
)
def test_a_half_becomes_the_sign_for_a_lost_character(line: bytes, after: bytes) -> None:
    assert mended(line) == after
    json.loads(after).encode()


def test_lines_come_whole_and_one_by_one() -> None:
    long = b'"' + b"\\ud800x" * 10_000 + b'"\n'
    raw: Any = io.BytesIO(b"one\n" + long + b"last")
    text = io.TextIOWrapper(MendedLines(raw), encoding="utf-8")
    assert text.readline() == "one\n"
    assert text.readline() == '"' + "\\ufffdx" * 10_000 + '"\n'
    assert text.read() == "last"
