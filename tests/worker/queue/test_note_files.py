"""The text of a note, and the project of the notes in a folder of Claude Code's."""

import json
import os
from pathlib import Path

import pytest

from mem0tray.worker.queue.note_files import (
    project_of,
    without_front_matter,
    working_directory,
)

NAME = "-home-ann-my-garden"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / NAME
    made.mkdir()
    return made


def transcript(folder: Path, name: str, *lines: object, age: float = 0) -> Path:
    path = folder / f"{name}.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    os.utime(path, (1_800_000_000 - age,) * 2)
    return path


def test_the_newest_transcript_that_fits_the_name_tells_the_directory(folder: Path) -> None:
    """One that was resumed in another directory does not; odd lines and values are passed over."""
    transcript(folder, "old", {"cwd": "/home/ann.my/garden"}, age=20)
    transcript(folder, "mine", {"type": "summary"}, [], {"cwd": 3}, {"cwd": "/home/ann/my_garden"})
    transcript(folder, "moved", {"cwd": "/home/ann/other"}, age=-10)
    (folder / "torn.jsonl").write_bytes(b'{"cwd": "/home/ann/my-g\n\xff')
    (folder / "far.jsonl").symlink_to(
        transcript(folder.parent, "far", {"cwd": "/home/ann/my/garden"})
    )
    (folder / "folder.jsonl").mkdir()
    assert working_directory(folder) == Path("/home/ann/my_garden")
    assert project_of(folder, {}) == "my_garden"


def test_without_a_transcript_the_folder_names_the_project(folder: Path) -> None:
    assert working_directory(folder) is None
    assert project_of(folder, {}) == NAME
    assert project_of(folder, {"MEM0_PROJECT_ID": "named"}) == "named"


def test_what_stands_far_down_in_a_transcript_is_not_looked_for(folder: Path) -> None:
    transcript(folder, "long", *[{}] * 60, {"cwd": "/home/ann/my/garden"})
    transcript(folder, "wide", {"a": "b" * 200_000, "cwd": "/home/ann/my/garden"})
    assert working_directory(folder) is None


@pytest.mark.parametrize("directory", ["/home/ann/é", "/home/ann/🌱x", "/" + "a" * 250])
def test_a_name_is_compared_as_claude_code_makes_it(tmp_path: Path, directory: str) -> None:
    units = directory.encode("utf-16-le")
    letters = [units[at : at + 2].decode("utf-16-le", "replace") for at in range(0, len(units), 2)]
    name = "".join(each if each.isascii() and each.isalnum() else "-" for each in letters)
    folder = tmp_path / (name if len(name) <= 200 else f"{name[:200]}-1x2y3z")
    folder.mkdir()
    transcript(folder, "a", {"cwd": directory})
    assert working_directory(folder) == Path(directory)


@pytest.mark.parametrize(
    ("note", "text"),
    [
        ("---\nname: a\n---\nOnions first.\n", "Onions first."),
        ("\ufeff---\r\nname: a\r\n---\r\n\r\nOnions first.\r\n", "Onions first."),
        ("---  \nname: a\n--- \nOnions\n---\nleeks", "Onions\n---\nleeks"),
        ("---\nname: a\n", "---\nname: a"),
        ("---\n---\n", ""),
        ("---", "---"),
        ("Onions\n---\nleeks\n---\n", "Onions\n---\nleeks\n---"),
        ("\n---\nname: a\n---\n", "---\nname: a\n---"),
        ("----\nname\n---\nx", "----\nname\n---\nx"),
        ("  \n\t\n", ""),
        ("", ""),
    ],
)
def test_front_matter_is_left_out(note: str, text: str) -> None:
    assert without_front_matter(note) == text
