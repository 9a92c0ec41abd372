"""Reading a screen: where words stand, what has changed, where an icon is."""

import contextlib
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from tests.desktops import eyes
from tests.desktops.eyes import Box
from tests.desktops.scratch_root import ScratchRoot
from tests.support import processes

HEAD = "level\tpage\tblock\tpar\tline\tword\tleft\ttop\twidth\theight\tconf\ttext"
GREEN = (8, 96, 47)


def rows(*lines: tuple[str, ...]) -> str:
    """Tesseract's table of these lines, letters 30 pixels wide and high, lines 60 apart."""
    table = [HEAD]
    for number, words in enumerate(lines):
        left = 0
        for place, word in enumerate(words, 1):
            width = 30 * len(word)
            cells = (5, 1, 1, 1, number, place, left, 60 * number, width, 30, 90.5, word)
            table.append("\t".join(map(str, cells)))
            left += width + 30
    return "\n".join(table)


@pytest.mark.parametrize(
    ("lines", "phrase", "place"),
    [
        ([("Retryall", "n0w")], "Retry all now", Box(0, 0, 360, 30)),  # parted otherwise
        ([("5aa21850", "a", "500")], "5aa21850 500", Box(0, 0, 420, 30)),  # a sign is a letter
        # The line that says least else.
        ([("2", "dead", "letters", "wait"), ("Dead", "letters")], "Dead letters",
         Box(0, 60, 360, 90)),
        ([("Dead",), ("letters",)], "Dead letters", None),
    ],
)  # fmt: skip
def test_a_phrase_is_found_where_it_stands(
    lines: list[tuple[str, ...]], phrase: str, place: Box | None
) -> None:
    assert eyes.find(eyes.words(rows(*lines), (0, 0), 1), phrase) == place


def test_an_icon_is_what_has_come_in_its_colour_and_is_small() -> None:
    before = Image.new("RGB", (400, 300), "white")
    before.paste(GREEN, (200, 200, 216, 216))
    after = before.copy()
    after.paste(GREEN, (10, 10, 26, 26))
    assert eyes.icon(before, after, GREEN) == Box(10, 10, 26, 26)
    after.paste(GREEN, (380, 280, 382, 282))
    assert eyes.icon(before, after, GREEN) == Box(10, 10, 26, 26)
    after.paste(GREEN, (10, 10, 300, 26))
    assert eyes.icon(before, after, GREEN) is None


def test_what_changed_is_found_in_parts() -> None:
    before = Image.new("RGB", (400, 300), "white")
    after = before.copy()
    assert eyes.changes(before, after) == []
    after.paste((0, 0, 0), (30, 40, 50, 60))
    after.paste((0, 0, 0), (52, 40, 54, 70))
    after.paste((0, 0, 250), (300, 200, 310, 210))
    assert eyes.changes(before, after) == [Box(30, 40, 54, 70), Box(300, 200, 310, 210)]


def test_the_last_look_begins_after_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[float] = []  # each look takes 40 seconds
    clock = SimpleNamespace(monotonic=lambda: 40.0 * len(began), sleep=lambda _: None)
    monkeypatch.setattr(processes, "time", clock)

    def seen() -> bool:
        began.append(clock.monotonic())
        return began == [0.0, 40.0, 80.0]

    processes.wait_until(seen, 60.0)
    with pytest.raises(AssertionError, match="not within"):
        processes.wait_until(seen, 60.0)
    assert began[3:] == [120.0, 160.0, 200.0]


def test_a_folder_of_somebody_else_stays(tmp_path: Path) -> None:
    (tmp_path / "letter").touch()
    root = ScratchRoot(tmp_path, tmp_path / "output")
    with pytest.raises(OSError, match="not empty"):
        root.make()
    assert (tmp_path / "letter").exists()
    assert not root.is_made


@pytest.mark.parametrize(("place", "stays"), [("root/dev", True), ("", False), ("rooted", False)])
def test_what_is_mounted_in_it_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, *, stays: bool
) -> None:
    root = ScratchRoot(tmp_path / "root", tmp_path / "output")
    root.folder.mkdir()
    (root.folder / ".made-by-tests-desktops").write_text("whole")
    mounts = f"x {tmp_path / place} y z 0 0\n".encode()
    monkeypatch.setattr(Path, "read_bytes", lambda _: mounts)
    with pytest.raises(OSError, match="is mounted") if stays else contextlib.nullcontext():
        root.remove()
    assert root.is_made is stays
