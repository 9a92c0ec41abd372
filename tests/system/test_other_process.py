"""Another worker's process: named only for sure, stopped only if it is still the same."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from mem0tray.core.state import WorkerSeen
from mem0tray.system import other_process, processes, programs
from tests.support import needs

HERE = socket.gethostname()


@pytest.fixture(params=["mem0_worker.py"])
def sleeper(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    script = tmp_path / request.param
    script.write_text("import time; print('here', flush=True); time.sleep(60)", encoding="utf-8")
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # only a process that runs has a command line
        yield process
        process.kill()


def seen(pid: int | None, host: str | None = HERE, ago: float = 0.0) -> WorkerSeen:
    """Have seen a worker that named this process so many seconds ago."""
    at = time.time() - ago
    return WorkerSeen(pid, host, at, at)


@pytest.mark.parametrize(
    ("name", "words", "expected"),
    [
        ("", "python3 /opt/mem0_worker.py", True),
        ("", "python3 -m mem0.sync.worker", True),
        ("com.example.Mem0-Worker", "/opt/x", True),
        ("mem0-sync", "python3 /opt/x/queue_worker.py", True),
        ("sync", "python3 /opt/x/queue_worker.py", False),
        ("mem0", "uvicorn mem0.server:app --workers 4", False),
        ("mem0", "/home/worker/mem0/bin/server", False),
        ("", "/opt/mem0/node_modules/.bin/x /srv/jest-worker/run.js", False),
        ("", "python3 /src/mem0tray/worker.py", False),
        ("", "/venvs/mem0tray/bin/python /opt/mem0_worker.py", True),
        ("", "tail -f /home/u/.claude/logs/mem0_worker.log", False),
    ],
)
def test_names_and_words_tell_a_worker(name: str, words: str, *, expected: bool) -> None:
    assert other_process.is_worker(name, words.split()) is expected


def test_what_is_no_certain_process_is_not_named(sleeper: subprocess.Popen[bytes]) -> None:
    for worker in (
        seen(None),
        seen(sleeper.pid, "elsewhere"),
        seen(os.getpid()),
        seen(2**22 + 1),
        seen(sleeper.pid, ago=3600),
        replace(seen(sleeper.pid), space=f"{processes.space()}x"),
    ):
        assert other_process.find(worker) is None


@needs.PROCESSES
@pytest.mark.parametrize(
    ("sleeper", "is_worker"),
    [("mem0_worker.py", True), ("mem0tray", True), ("innocent.py", False)],
    indirect=["sleeper"],
)
def test_no_process_but_a_worker_is_named_or_advised_to_be_killed(
    sleeper: subprocess.Popen[bytes], *, is_worker: bool
) -> None:
    assert (other_process.find(seen(sleeper.pid)) is not None) == is_worker
    assert ("stop it with" in str(other_process.sentence(seen(sleeper.pid)))) == is_worker


@needs.PROCESSES
def test_a_process_that_looks_like_a_worker_is_found(sleeper: subprocess.Popen[bytes]) -> None:
    found = (f"process {sleeper.pid} (mem0_worker.py)", f"kill {sleeper.pid}")
    assert found in other_process.alike({os.getpid()})
    assert found not in other_process.alike({sleeper.pid})


@needs.linux("only it has containers")
def test_processes_of_another_container_that_proc_shows_are_not_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sleeper: subprocess.Popen[bytes]
) -> None:
    (tmp_path / "self").symlink_to(str(os.getpid() + 1))
    (tmp_path / str(sleeper.pid)).symlink_to(f"/proc/{sleeper.pid}")
    monkeypatch.setattr(other_process, "_PROC", tmp_path)
    assert other_process.find(seen(sleeper.pid)) is None


def test_where_one_runs_that_is_not_here_is_said() -> None:
    remedy = "stop it there, or give each its own folder"
    told = str(other_process.sentence(seen(7, "x" * 61)))
    assert told == f"another worker runs on {'x' * 60}: {remedy}"
    told = str(other_process.sentence(replace(seen(7), space="another")))
    assert told == f"another worker runs on {HERE}, in another container: {remedy}"


def test_an_id_that_is_another_process_by_now_is_left_alone(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    monkeypatch.setattr(os, "kill", lambda _, number: sent.append(number))
    former = other_process.OtherProcess(sleeper.pid, "mem0_worker.py", "1", f"kill {sleeper.pid}")
    assert other_process.end(former)
    assert signal.SIGTERM not in sent


@needs.linux("systemd is Linux's")
@pytest.mark.parametrize(
    ("cgroup", "command"),
    [
        (
            "0::/user.slice/user@1000.service/app.slice/old.service",
            "systemctl --user disable --now old.service",
        ),
        ("0::/system.slice/old.service", "sudo systemctl disable --now old.service"),
        ("0::/user.slice/user-1000.slice/session-1.scope", "kill {pid}"),
    ],
    ids=["user unit", "system unit", "no unit"],
)
def test_the_sentence_names_what_stops_it_for_good(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sleeper: subprocess.Popen[bytes],
    cgroup: str,
    command: str,
) -> None:
    real = Path("/proc", str(sleeper.pid))
    shown = tmp_path / str(sleeper.pid)
    shown.mkdir()
    (tmp_path / "self").symlink_to(str(os.getpid()))
    for name in ("cmdline", "stat", "comm"):
        (shown / name).write_bytes((real / name).read_bytes())
    (shown / "cgroup").write_text(f"{cgroup}\n", encoding="utf-8")
    monkeypatch.setattr(other_process, "_PROC", tmp_path)
    monkeypatch.setattr(programs, "answer", lambda *_: f"{sleeper.pid}\n")
    stop = command.format(pid=sleeper.pid)
    assert str(other_process.sentence(seen(sleeper.pid))) == (
        f"another worker runs as process {sleeper.pid}: stop it with `{stop}`"
    )
