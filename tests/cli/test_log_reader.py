"""Reading a log that another process writes, turns over, cuts, or has not begun."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from mem0tray.cli.logs import LogReader
from mem0tray.system import regular_file


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "worker.log"


@pytest.fixture
def reader(log: Path) -> Iterator[LogReader]:
    made = LogReader(log)
    yield made
    made.close()


def turn_over(log: Path) -> None:
    """Rename the logs as the worker does; there is none afterwards."""
    for number in range(8, 0, -1):
        old = log.with_name(f"{log.name}.{number}")
        if old.exists():
            old.rename(log.with_name(f"{log.name}.{number + 1}"))
    log.rename(log.with_name(f"{log.name}.1"))


def append(log: Path, text: str) -> None:
    """Write as the worker does."""
    with log.open("a", encoding="utf-8") as file:
        file.write(text)


@pytest.mark.parametrize(("count", "first"), [(0, 10), (1, 9), (3, 7), (6, 4), (10, 0), (99, 0)])
def test_the_last_lines_reach_into_old_logs(
    log: Path, reader: LogReader, count: int, first: int
) -> None:
    for number in range(10):
        if number in {4, 8}:
            turn_over(log)
        append(log, f"{number}\n")
    assert reader.last(count) == [str(number) for number in range(first, 10)]


def test_new_lines_come_once_and_whole(log: Path, reader: LogReader) -> None:
    append(log, "a\nb")
    assert reader.last(9) == ["a"]
    append(log, "c\nd")
    assert list(reader.new()) == ["bc"]
    assert list(reader.new()) == []
    append(log, "\n")
    assert list(reader.new()) == ["d"]


def test_no_line_is_missed_when_it_is_turned_over(log: Path, reader: LogReader) -> None:
    append(log, "0\n")
    reader.last(9)
    append(log, "1\n")
    turn_over(log)
    assert list(reader.new()) == ["1"]
    append(log, "2\n3")
    assert list(reader.new()) == ["2"]
    append(log, "\nhalf")
    turn_over(log)
    append(log, "4\n5")
    assert list(reader.new()) == ["3", "half", "4"]
    append(log, "\n")
    assert list(reader.new()) == ["5"]


def test_what_comes_just_before_a_turn_is_not_missed(
    log: Path, reader: LogReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(log, "0\n")
    reader.last(9)
    real = regular_file.open_binary

    def late(path: Path) -> BinaryIO:
        monkeypatch.undo()
        append(log, "1\n")
        turn_over(log)
        append(log, "2\n")
        return real(path)

    monkeypatch.setattr(regular_file, "open_binary", late)
    assert list(reader.new()) == ["1", "2"]


def test_a_log_that_was_cut_is_read_from_its_beginning(log: Path, reader: LogReader) -> None:
    append(log, "a\nb\nhalf")
    reader.last(9)
    os.truncate(log, 0)
    append(log, "c\n")
    assert list(reader.new()) == ["c"]


def test_a_log_that_was_removed_and_begun_anew_is_found(log: Path, reader: LogReader) -> None:
    append(log, "a\n")
    reader.last(9)
    log.unlink()
    assert list(reader.new()) == []
    append(log, "b\n")
    assert list(reader.new()) == ["b"]


def test_bad_utf_8_becomes_a_sign(log: Path, reader: LogReader) -> None:
    log.write_bytes(b"\xffa\nb\n")
    assert reader.last(9) == ["\ufffda", "b"]
