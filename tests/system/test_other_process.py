"""Another worker's process: named only for sure, stopped only if it is still the same."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0tray.system import other_process, programs
from tests.desktop.programs import script
from tests.support import needs
from tests.support.machine import tool

HERE = socket.gethostname()


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Run a process that says that it is there, and then does nothing."""
    script = "import time; print('here', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # only a process that runs has a command line
        yield process
        process.kill()


@needs.PROCESSES
def test_a_process_is_named_and_ended(sleeper: subprocess.Popen[bytes]) -> None:
    """Its command line, and the command that stops it."""
    now = time.time()
    found = other_process.find(sleeper.pid, HERE, now)
    assert found is not None
    assert "time.sleep(60)" in found.command
    assert found.ours
    assert f"{sleeper.pid}" in found.stop or ".service" in found.stop
    if not found.unit:
        assert other_process.end(found)
        assert sleeper.wait(5) != 0


@needs.PROCESSES
def test_where_there_is_no_proc_it_is_ps_that_is_asked(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One option for each column: BSDs take what follows an equals sign for a heading."""
    ps = script(tmp_path / "ps", f'echo "$@" >> "{tmp_path}/asked"\nexec {tool("ps")} "$@"')
    monkeypatch.setenv("PATH", str(ps.parent), prepend=os.pathsep)
    monkeypatch.setattr(other_process, "_IS_LINUX", False)
    found = other_process.find(sleeper.pid, HERE, time.time())
    assert found is not None
    assert "time.sleep(60)" in found.command
    assert (found.ours, found.stop) == (True, f"kill {sleeper.pid}")
    assert other_process.end(found)
    assert sleeper.wait(5) != 0
    for asked in (tmp_path / "asked").read_text().splitlines():
        columns = [word for word in asked.split() if "=" in word]
        assert columns
        assert all(word.count("=") == 1 and word.endswith("=") for word in columns)


def test_what_is_no_certain_process_is_not_named(sleeper: subprocess.Popen[bytes]) -> None:
    """Without an id, on another computer, ourselves, gone, or begun after it gave its sign."""
    now = time.time()
    for pid, host, last in (
        (None, HERE, now),
        (sleeper.pid, "elsewhere", now),
        (os.getpid(), HERE, now),
        (2**22 + 1, HERE, now),
        (sleeper.pid, HERE, now - 3600),
    ):
        assert other_process.find(pid, host, last) is None


def test_an_id_that_is_another_process_by_now_is_left_alone(
    sleeper: subprocess.Popen[bytes],
) -> None:
    """What was named has ended: whoever has its id is not sent a signal."""
    former = other_process.OtherProcess(
        sleeper.pid, "mem0_worker.py", "1", "", f"kill {sleeper.pid}"
    )
    assert other_process.end(former)
    assert sleeper.poll() is None


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
    """A service that is only killed is started again: its unit is stopped, where it is one."""
    real = Path("/proc", str(sleeper.pid))
    seen = tmp_path / str(sleeper.pid)
    seen.mkdir()
    for name in ("cmdline", "stat", "comm"):
        (seen / name).write_bytes((real / name).read_bytes())
    (seen / "cgroup").write_text(f"{cgroup}\n", encoding="utf-8")
    monkeypatch.setattr(other_process, "_PROC", tmp_path)
    monkeypatch.setattr(programs, "answer", lambda *_: f"{sleeper.pid}\n")
    stop = command.format(pid=sleeper.pid)
    assert str(other_process.sentence(sleeper.pid, HERE, time.time())) == (
        f"another worker runs as process {sleeper.pid}: stop it with `{stop}`"
    )
