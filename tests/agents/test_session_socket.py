"""A session that begins is told by the worker's process what it should know."""

import errno
import signal
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mem0tray.agents import session_socket
from mem0tray.config.settings import PathSettings, ServerSettings, Settings
from tests.agents.test_hook import context, hook, told
from tests.support import needs
from tests.support.forked import ForkedHome, preset
from tests.support.home import Env
from tests.support.processes import LONGEST, PATIENCE, Process
from tests.support.standin import Standin

pytestmark = needs.PIPES

LONG = {"mem0tray.agents.hook._WITHIN": 20.0}
# A hook that finds out by itself tells no memories.
HOOK = preset({**LONG, "mem0tray.agents.for_models._RECALLED": 0})


@pytest.fixture
def home(server: Standin) -> Iterator[ForkedHome]:
    """A home below a short path, as the name of a socket has about 100 characters at most."""
    server.begin_with([("garden", "roses want sun"), ("orchard", "not this")])
    with (
        tempfile.TemporaryDirectory() as folder,
        ForkedHome(Path(folder), server.url, instead=HOOK) as home,
    ):
        yield home


def sockets(home: ForkedHome) -> list[Path]:
    return list(home.data.rglob("sessions.socket"))


def worker(home: ForkedHome) -> Process:
    process = home.start("run", before=preset(LONG))
    home.wait(lambda: home.published_by(process), LONGEST, "metrics published")
    return process


def is_told(home: ForkedHome, env: Env = None) -> bool:
    """Whether a session is told by another process than the hook's."""
    done = home.run("hook", "SessionStart", stdin=told(home, source="startup"), env=env)
    assert "Save what a later session should know" in done.stdout
    return "- roses want sun" in done.stdout


def asked(home: ForkedHome, question: bytes) -> bytes:
    """Ask at the socket, and read the answer to its end."""
    (path,) = sockets(home)
    with socket.socket(socket.AF_UNIX) as there:
        there.connect(str(path))
        with suppress(BrokenPipeError, ConnectionResetError):  # it has read enough
            there.sendall(question)
            there.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: there.recv(65536), b""))
    return b""


def test_a_running_worker_tells_what_a_hook_would_find_out(home: ForkedHome) -> None:
    assert not is_told(home)
    worker(home)
    assert is_told(home)
    (path,) = sockets(home)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600, "only its owner may ask"


def test_what_was_saved_a_moment_ago_is_told(home: ForkedHome, server: Standin) -> None:
    worker(home)
    home.ok("pause")
    hook(home, "Stop", last_assistant_message="mem0: so do beans")
    assert "- [waiting here] so do beans" in context(home)
    assert server.saves == []


def test_a_hook_with_another_server_or_folder_finds_out(home: ForkedHome) -> None:
    worker(home)
    assert not is_told(home, {"MEM0TRAY_SERVER_URL": "http://127.0.0.1:9"})
    assert not is_told(home, {"MEM0TRAY_PATHS_CLAUDE_DIR": str(home.root / "another")})
    assert is_told(home)


@needs.SIGNALS
def test_a_worker_that_stands_still_holds_up_no_session(server: Standin) -> None:
    with tempfile.TemporaryDirectory() as folder, ForkedHome(Path(folder), server.url) as home:
        process = home.worker()
        process.signal(signal.SIGSTOP)
        assert context(home).startswith("Save what a later session should know")
        process.signal(signal.SIGCONT)


def test_a_new_worker_answers_in_the_place_of_one_that_was_killed(home: ForkedHome) -> None:
    worker(home).kill()
    assert sockets(home)
    assert not is_told(home)
    worker(home)
    assert is_told(home)


def test_nonsense_gets_no_answer_and_does_no_harm(home: ForkedHome) -> None:
    process = worker(home)
    for question in (b"", b"nonsense", b"1 2 \xff", b"1 x y", b"[" * 1_000_000):
        assert asked(home, question) == b""
    assert is_told(home)
    process.stop()
    assert process.err == ""


def test_a_connection_that_cannot_be_taken_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    accept, failures = socket.socket.accept, [OSError(errno.EMFILE, "too many open files")]

    def tired(listener: socket.socket) -> tuple[socket.socket, Any]:
        if failures:
            raise failures.pop()
        return accept(listener)

    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("XDG_DATA_HOME", folder)
        monkeypatch.setattr(session_socket, "_REST", 0.0)
        monkeypatch.setattr(socket.socket, "accept", tired)
        settings = Settings(PathSettings(folder), ServerSettings("http://127.0.0.1:9"))
        settings.locations().data_dir.mkdir(parents=True)
        with session_socket.answering(lambda: settings):
            told = session_socket.ask(settings, "garden", time.monotonic() + PATIENCE)
        assert told.startswith("Save what a later session should know")
        assert failures == []


def test_where_the_name_is_too_long_for_a_socket_the_hook_finds_out(
    tmp_path: Path, server: Standin
) -> None:
    with ForkedHome(tmp_path / ("a long name " * 10), server.url, instead=preset(LONG)) as home:
        server.begin_with([("garden", "roses want sun")])
        home.worker()
        assert sockets(home) == []
        assert is_told(home)
