"""The last answer in a transcript."""

from pathlib import Path

import pytest

from mem0tray.claude.hook import last_answer
from tests.claude.transcripts import answer, prompt, write


def test_an_answer_has_its_parts_in_their_order(tmp_path: Path) -> None:
    call = answer("m2", "")
    call["message"]["content"] = [{"type": "tool_use", "name": "x", "input": {"text": "no"}}]
    lines = [answer("m1", "old"), answer("m2", "one"), call, prompt("result"), answer("m2", "two")]
    assert last_answer(write(tmp_path / "t", [*lines, prompt("next")])) == "one\ntwo"


def test_what_makes_no_sense_is_passed_by(tmp_path: Path) -> None:
    path = write(tmp_path / "t", [answer("m1", "kept"), 5, [], {"type": "assistant"}])
    odd = answer("m1", "")
    odd["message"]["content"] = [5, {"text": 5}]
    text = path.read_text("utf-8") + f"{odd}\n" + "[" * 100_000 + '\n{"type": "assist'
    path.write_text(text, "utf-8")
    assert last_answer(path) == "kept"


def test_only_the_end_of_a_long_transcript_is_looked_at(tmp_path: Path) -> None:
    last = prompt("x" * 1_000_000)
    assert last_answer(write(tmp_path / "t", [answer("m1", "far"), last])) == ""
    assert last_answer(write(tmp_path / "t", [last, answer("m1", "near")])) == "near"


def test_a_text_that_is_no_list_of_parts_is_read(tmp_path: Path) -> None:
    plain = answer("m1", "")
    plain["message"]["content"] = "as it is"
    assert last_answer(write(tmp_path / "t", [plain])) == "as it is"


def test_a_transcript_that_is_not_there_has_no_answer(tmp_path: Path) -> None:
    assert last_answer(tmp_path / "none") == ""
    with pytest.raises(OSError, match="folder"):
        last_answer(tmp_path)
