"""`logs`: the log's last lines, harmless, in colour where that is wanted, and those that come."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cli.scratch import Scratch
from tests.support import needs

AT = "2026-01-01T00:00:00"


def write(home: Scratch, *lines: str) -> None:
    log = home.paths.log
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        file.writelines(f"{AT} {line}\n" for line in lines)


@contextmanager
def following(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Follow the log in a process of its own."""
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
    done = home.run("logs")
    assert (done.code, done.out) == (1, "")
    assert str(home.paths.log) in done.line
    assert "`mem0tray run`" in done.line


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
def test_it_follows_across_a_turn_and_ends_on_ctrl_c(home: Scratch) -> None:
    write(home, "first")
    with following() as process:
        assert read_line(process) == f"{AT} first\n"
        log = home.paths.log
        log.rename(log.with_name(f"{log.name}.1"))
        write(home, "second")
        assert read_line(process) == f"{AT} second\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
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


@needs.SHELL
def test_a_reader_that_leaves_ends_it_quietly(home: Scratch) -> None:
    write(home, "first")
    with following() as process:
        assert read_line(process)
        assert process.stdout is not None
        process.stdout.close()
        write(home, "second")
        assert process.wait(10) == 141
        assert process.stderr is not None
        assert process.stderr.read() == b""
