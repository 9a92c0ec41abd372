"""The embedded server as the worker's child."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mem0tray.core.errors import Mem0TrayError
from mem0tray.files.lock import FileLock
from mem0tray.localserver import endpoint
from mem0tray.localserver.child import SOUND_SECONDS, LocalServer, restart_delay
from mem0tray.localserver.endpoint import DATABASE, LOG, Endpoint, find
from tests.localserver.support import client_of, save, texts
from tests.server.wire import Wire, render, routing
from tests.support import needs
from tests.support.processes import KILL, LONGEST, wait_until


def test_it_is_started_once_and_found_again(own: LocalServer, lock: Path) -> None:
    first = own.ensure()
    started = child_pid(own)
    assert first.pid == started
    assert own.ensure() == first
    own.stop()
    assert child_pid(own) is None
    assert find(lock.parent) is None
    assert endpoint.read(lock.parent) is None
    log = lock.with_name(LOG)
    assert log.read_bytes() == b""
    assert needs.has_mode(log, 0o600)


def test_one_that_runs_is_used_and_left_alone(own: LocalServer, lock: Path) -> None:
    theirs = own.ensure()
    ours = LocalServer(lock.parent, 0)
    assert ours.ensure() == theirs
    assert child_pid(ours) is None
    ours.stop()
    assert find(lock.parent) == theirs


@pytest.mark.parametrize("stale", [False, True])
def test_two_workers_at_once_share_one(own: LocalServer, lock: Path, *, stale: bool) -> None:
    if stale:
        lock.parent.mkdir()
        endpoint.write(lock.parent, Endpoint(1, 1, "stale", 0.0))
    other = LocalServer(lock.parent, 0)
    try:
        with ThreadPoolExecutor(2) as threads:
            first, second = threads.map(LocalServer.ensure, (own, other))
        assert first == second
    finally:
        other.stop()


def test_after_kill_9_a_new_one_has_all_memories(own: LocalServer) -> None:
    before = own.ensure()
    with client_of(before) as client:
        for number in range(10):
            assert save(client, "p", str(number), f"key-{number}").status_code == 200
        os.kill(before.pid, KILL)
    after = own.ensure()
    assert after.pid != before.pid
    with client_of(after) as client:
        assert save(client, "p", "9", "key-9").status_code == 200
        assert texts(client, "p") == [str(number) for number in range(10)]


def test_kill_9_of_the_parent_ends_the_child(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from mem0tray.localserver.child import LocalServer\n"
        "server = LocalServer(Path(sys.argv[1]), 0)\n"
        "print(server.ensure().pid, flush=True); sys.stdin.read()"
    )
    folder = tmp_path / "local-server"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        found = find(folder)
        assert found is not None
        assert found.pid == pid
        parent.kill()
    with FileLock(folder / endpoint.LOCK).held(LONGEST):  # free once the child has gone
        assert endpoint.read(folder) is None


def test_the_child_is_apart_from_our_terminal_and_folder(
    own: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    monkeypatch.chdir(tmp_path)
    assert own.ensure().pid == child_pid(own)
    if hasattr(os, "getpgid"):
        assert os.getpgid(child_pid(own) or 0) != os.getpgrp()


def test_an_impostor_gets_neither_token_nor_trust(own: LocalServer, lock: Path) -> None:
    lock.parent.mkdir()
    claims = render(200, {"status": "ok", "pid": 4242, "proof": "0" * 64})
    with Wire(routing({"GET /health": claims})) as impostor:
        endpoint.write(lock.parent, Endpoint(impostor.port, 4242, "precious-token", 0.0))
        assert endpoint.find(lock.parent) is None
        assert impostor.requests == []  # who serves holds the lock
        with FileLock(lock).held(LONGEST):
            assert endpoint.find(lock.parent) is None
        found = own.ensure()
    assert found.pid == child_pid(own)
    assert found.port != impostor.port
    assert len(impostor.requests) >= 1
    assert "precious-token" not in str(impostor.requests)


@needs.SIGNALS
def test_one_that_hangs_is_replaced(tmp_path: Path) -> None:
    server = LocalServer(tmp_path / "local-server", 0, patience=0.3)
    try:
        before = server.ensure()
        with client_of(before) as client:
            save(client, "p", "kept")
        os.kill(before.pid, signal.SIGSTOP)
        after = server.ensure()
        assert after.pid != before.pid
        with client_of(after) as client:
            assert texts(client, "p") == ["kept"]
    finally:
        server.stop()


def test_one_that_cannot_start_says_why_and_waits(own: LocalServer, lock: Path) -> None:
    lock.parent.mkdir()
    (lock.parent / DATABASE).write_bytes(b"no database " * 100)
    for _ in range(3):
        with pytest.raises(Mem0TrayError, match="cannot be opened"):
            own.ensure()
        assert child_pid(own) is None
    (lock.parent / DATABASE).unlink()
    with pytest.raises(Mem0TrayError, match="cannot be opened"):
        own.ensure()  # not yet again
    wait_until(lambda: attempt(own), what="started after the wait")
    assert own.ensure().pid == child_pid(own)


def child_pid(server: LocalServer) -> int | None:
    return server._child.pid if server._child is not None else None


def attempt(server: LocalServer) -> Endpoint | None:
    try:
        return server.ensure()
    except Mem0TrayError:
        return None


def test_a_folder_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    server = LocalServer(tmp_path / "file" / "local-server", 0)
    with pytest.raises(Mem0TrayError, match="local-server"):
        server.ensure()
    server.stop()


def test_stop_ends_a_wait(own: LocalServer, lock: Path) -> None:
    lock.parent.mkdir()
    with FileLock(lock).held(LONGEST), ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(own.ensure)
        wait_until(lambda: child_pid(own), what="the child is started")
        own.stop()
        with pytest.raises(Mem0TrayError, match="being stopped"):
            waiting.result(LONGEST)
    assert child_pid(own) is None


@needs.linux("reads /proc")
def test_the_token_is_not_on_the_command_line(own: LocalServer, lock: Path) -> None:
    running = own.ensure()
    assert running.token.encode() not in Path(f"/proc/{running.pid}/cmdline").read_bytes()
    assert (lock.parent / LOG).stat().st_mode & 0o777 == 0o600
    own.stop()
    assert (lock.parent / LOG).read_bytes() == b""


def test_after_the_first_death_each_wait_is_longer_up_to_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = LocalServer(tmp_path, 0)
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    delays = []
    for lived in (*[0.0] * 9, SOUND_SECONDS):
        server._started = now - lived
        server._note_death()
        delays.append(server._not_before - now)
    assert delays == [0, 1, 2, 4, 8, 16, 32, 60, 60, 0]
    assert restart_delay(2000) == 60
