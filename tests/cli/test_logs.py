"""`logs`: the log's last lines, harmless, in colour where that is wanted, and those that come."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from mem0tray.cli import logs
from tests.cli.scratch import Scratch
from tests.support import needs
from tests.support.processes import PATIENCE

AT = "2026-01-01T00:00:00"


def write(home: Scratch, *lines: str) -> None:
    log = home.paths.log
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        file.writelines(f"{AT} {line}\n" for line in lines)


@contextmanager
def following(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "mem0tray", "logs", "-f", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode()


def test_the_last_lines(home: Scratch) -> None:
    write(home, *(f"▶️ line {number}" for number in range(30)))
    assert home.ok("logs").splitlines() == [f"{AT} ▶️ line {number}" for number in range(10, 30)]
    assert home.ok("logs", "-n", "1").splitlines() == [f"{AT} ▶️ line 29"]
    assert home.run("logs", "-n", "-1").code == 2


def test_without_a_log_it_says_where_one_will_be(home: Scratch) -> None:
    line = home.fails("logs")
    assert str(home.paths.log) in line
    assert "`mem0tray run`" in line


@pytest.mark.row(42)
def test_a_hostile_line_is_harmless(home: Scratch) -> None:
    write(home, "✅ \x1b[31mred\x1b]0;title\x07\u202e[bold]x[/bold]\r")
    home.terminal(80)
    home.env(NO_COLOR="1")
    assert home.ok("logs") == f"{AT} ✅ [31mred ]0;title [bold]x[/bold]\n"


def test_markers_have_their_colour_at_a_terminal(home: Scratch) -> None:
    lines = ("✅ Delivered 1 memory", "⚠️ Attempt 1 failed", "📋 Moved to DLQ: p", "🔔 State: down")
    write(home, *lines)
    assert "\x1b" not in home.ok("logs")
    home.patch.delenv("NO_COLOR", raising=False)
    home.terminal(80)
    shown = home.ok("logs").splitlines()
    codes = [line.partition(" ")[2].partition("m")[0] for line in shown]
    assert codes == ["\x1b[32", "\x1b[33", "\x1b[31", "\x1b[31"]


@needs.SIGNALS
@pytest.mark.parametrize("turned", ["before", "meanwhile"])
def test_it_follows_across_a_turn_and_ends_on_ctrl_c(home: Scratch, turned: str) -> None:
    write(home, "first")
    if turned == "before":  # what is shown then is not called no log
        turn_over(home.paths.log)
    with following() as process:
        assert read_line(process) == f"{AT} first\n"
        if turned == "meanwhile":
            turn_over(home.paths.log)
        write(home, "second")
        assert read_line(process) == f"{AT} second\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b"\n"  # after the ^C of the terminal


@needs.SIGNALS
def test_it_waits_for_a_log(home: Scratch) -> None:
    with following("-n", "0") as process:
        assert process.stderr is not None
        said = process.stderr.readline().decode()
        assert said == f"There is no log yet; waiting for {home.paths.log}.\n"
        write(home, "first")
        assert read_line(process) == f"{AT} first\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "worker.log"


@pytest.fixture
def reader(log: Path) -> Iterator[Iterator[list[str]]]:
    with closing(logs.read(log, 9)) as made:
        yield made


def turn_over(log: Path) -> None:
    for number in range(8, 0, -1):
        old = log.with_name(f"{log.name}.{number}")
        if old.exists():
            old.rename(log.with_name(f"{log.name}.{number + 1}"))
    log.rename(log.with_name(f"{log.name}.1"))


def append(log: Path, text: str) -> None:
    with log.open("a", encoding="utf-8", newline="\n") as file:
        file.write(text)


@pytest.mark.parametrize(("count", "first"), [(0, 10), (1, 9), (3, 7), (6, 4), (10, 0), (99, 0)])
def test_the_last_lines_reach_into_old_logs(log: Path, count: int, first: int) -> None:
    for number in range(10):
        if number in {4, 8}:
            turn_over(log)
        append(log, f"{number}\n")
    with closing(logs.read(log, count)) as reader:
        assert next(reader) == [str(number) for number in range(first, 10)]


def test_new_lines_come_once_and_whole(log: Path, reader: Iterator[list[str]]) -> None:
    append(log, "a\nb")
    assert next(reader) == ["a"]
    append(log, "c\nd")
    assert next(reader) == ["bc"]
    assert next(reader) == []
    append(log, "\n")
    assert next(reader) == ["d"]


def test_no_line_is_missed_when_it_is_turned_over(log: Path, reader: Iterator[list[str]]) -> None:
    append(log, "0\n")
    next(reader)
    append(log, "1\n")
    turn_over(log)
    assert next(reader) == ["1"]
    append(log, "2\n3")
    assert next(reader) == ["2"]
    append(log, "\n")
    turn_over(log)
    append(log, "4\n5")
    assert next(reader) == ["3", "4"]
    append(log, "\n")
    assert next(reader) == ["5"]


def test_a_log_that_was_cut_is_read_from_its_beginning(
    log: Path, reader: Iterator[list[str]]
) -> None:
    append(log, "a\nb\nhalf")
    next(reader)
    os.truncate(log, 0)
    append(log, "c\n")
    assert next(reader) == ["c"]
