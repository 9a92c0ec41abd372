"""A session that begins is told by the worker's process what it should know."""

import json
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.agents.test_hook import context, hook, told
from tests.support import needs
from tests.support.forked import ForkedHome
from tests.support.home import Home
from tests.support.standin import Standin

pytestmark = needs.PIPES

_SCRIPT = """
import sys
from mem0tray.cli import main
main(["hook", "SessionStart"])
sys.stderr.write(" ".join({"httpx", "sqlite3", "mem0tray.ledger"} & set(sys.modules)))
"""


@pytest.fixture
def home(server: Standin) -> Iterator[Home]:
    """A home below a short path: the name of a socket has about 100 characters at most."""
    with tempfile.TemporaryDirectory() as folder, ForkedHome(Path(folder), server.url) as home:
        yield home


def sockets(home: Home) -> list[Path]:
    return list(home.data.rglob("sessions.socket"))


def begun(home: Home) -> tuple[str, bool]:
    """Begin a session in an interpreter of its own: the context, and whether another found it."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        input=told(home, source="startup"),
        env=home.env,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)["hookSpecificOutput"]["additionalContext"], done.stderr == ""


def in_time(home: Home, *, by_another: bool = True) -> str:
    """Wait for a context that came in time, found by another process or by the hook itself."""
    found: list[str] = []

    def came() -> bool:
        text, told_by_another = begun(home)
        found[:] = [text]
        return told_by_another is by_another and "did not answer" not in text

    home.wait(came, what="a context in time")
    return found[0]


def asked(home: Home, question: bytes) -> bytes:
    """Ask at the socket, and read the answer to its end."""
    (path,) = sockets(home)
    with socket.socket(socket.AF_UNIX) as there:
        there.connect(str(path))
        with suppress(BrokenPipeError, ConnectionResetError):  # it has read enough
            there.sendall(question)
            there.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: there.recv(65536), b""))
    return b""


def test_a_running_worker_tells_what_a_hook_would_find_out(home: Home, server: Standin) -> None:
    server.begin_with([("garden", "roses want sun"), ("orchard", "not this")])
    alone = in_time(home, by_another=False)
    assert "roses want sun" in alone
    home.worker()
    assert in_time(home) == alone


def test_what_was_saved_a_moment_ago_is_told(home: Home, server: Standin) -> None:
    home.worker()
    home.ok("pause")
    hook(home, "Stop", last_assistant_message="mem0: so do beans")
    assert context(home).endswith("- [waiting here] so do beans")
    assert server.saves == []


@needs.SIGNALS
def test_a_worker_that_stands_still_holds_up_no_session(home: Home, server: Standin) -> None:
    server.begin_with([("garden", "roses want sun")])
    worker = home.worker()
    worker.signal(signal.SIGSTOP)
    text, by_another = begun(home)
    worker.signal(signal.SIGCONT)
    assert text.startswith("Save what a later session should know")
    assert not by_another


def test_a_new_worker_answers_in_the_place_of_one_that_was_killed(home: Home) -> None:
    home.worker().kill()
    assert sockets(home)
    home.worker()
    assert in_time(home)


def test_the_socket_goes_with_its_worker(home: Home) -> None:
    home.worker().stop()
    assert sockets(home) == []


@pytest.mark.parametrize("question", [b"", b"nonsense", b"1 \xff", b"[" * 1_000_000])
def test_nonsense_gets_no_answer_and_does_no_harm(home: Home, question: bytes) -> None:
    worker = home.worker()
    assert asked(home, question) == b""
    assert in_time(home)
    worker.stop()
    assert worker.err == ""


def test_where_the_name_is_too_long_for_a_socket_the_hook_finds_out(
    tmp_path: Path, server: Standin
) -> None:
    with Home(tmp_path / ("a long name " * 10), server.url) as home:
        home.worker()
        assert sockets(home) == []
        assert not begun(home)[1]
