"""A session that begins is told by the worker's process what it should know."""

import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.agents.test_hook import context, hook, told
from tests.support import needs
from tests.support.forked import ForkedHome, preset
from tests.support.home import Home
from tests.support.standin import Standin

pytestmark = needs.PIPES

PATIENT = preset({"mem0tray.agents.hook._WITHIN": 20.0})
NOWHERE = {"MEM0TRAY_SERVER_URL": "http://127.0.0.1:9"}


@pytest.fixture
def home(server: Standin) -> Iterator[Home]:
    """A home below a short path, as the name of a socket has about 100 characters at most."""
    server.begin_with([("garden", "roses want sun"), ("orchard", "not this")])
    with (
        tempfile.TemporaryDirectory() as folder,
        ForkedHome(Path(folder), server.url, instead=PATIENT) as home,
    ):
        yield home


def sockets(home: Home) -> list[Path]:
    return list(home.data.rglob("sessions.socket"))


def is_told(home: Home) -> bool:
    """Whether a hook that cannot reach the server itself knows what is there."""
    done = home.run("hook", "SessionStart", stdin=told(home, source="startup"), env=NOWHERE)
    return "- roses want sun" in done.stdout


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


def test_a_running_worker_tells_what_a_hook_would_find_out(home: Home) -> None:
    assert not is_told(home)
    alone = context(home)
    assert "- roses want sun" in alone
    home.worker()
    assert is_told(home)
    assert context(home) == alone


def test_what_was_saved_a_moment_ago_is_told(home: Home, server: Standin) -> None:
    home.worker()
    home.ok("pause")
    hook(home, "Stop", last_assistant_message="mem0: so do beans")
    assert "- [waiting here] so do beans" in context(home)
    assert server.saves == []


@needs.SIGNALS
def test_a_worker_that_stands_still_holds_up_no_session(server: Standin) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        ForkedHome(Path(folder), server.url) as home,
    ):
        worker = home.worker()
        worker.signal(signal.SIGSTOP)
        assert context(home).startswith("Save what a later session should know")
        worker.signal(signal.SIGCONT)


def test_a_new_worker_answers_in_the_place_of_one_that_was_killed(home: Home) -> None:
    home.worker().kill()
    assert sockets(home)
    assert not is_told(home)
    home.worker()
    assert is_told(home)


def test_the_socket_goes_with_its_worker(home: Home) -> None:
    home.worker().stop()
    assert sockets(home) == []


def test_nonsense_gets_no_answer_and_does_no_harm(home: Home) -> None:
    worker = home.worker()
    for question in (b"", b"nonsense", b"1 \xff", b"[" * 1_000_000):
        assert asked(home, question) == b""
    assert is_told(home)
    worker.stop()
    assert worker.err == ""


def test_where_the_name_is_too_long_for_a_socket_the_hook_finds_out(
    tmp_path: Path, server: Standin
) -> None:
    with ForkedHome(tmp_path / ("a long name " * 10), server.url, instead=PATIENT) as home:
        server.begin_with([("garden", "roses want sun")])
        home.worker()
        assert sockets(home) == []
        assert "- roses want sun" in context(home)
