"""Older workers: found where they start, named, and stopped by the command that is shown."""

import os
import plistlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mem0tray.desktop import older_workers
from mem0tray.desktop.older_workers import OlderWorker
from mem0tray.system import other_process
from tests.desktop.programs import Programs
from tests.support.processes import wait_until

TABLE = """\
# was */5 * * * * cd "$HOME" && python3 'x y/mem0_worker.py' --fast >> x.log 2>&1
MEM0_WORKER=yes
*/5 * * * * cd "$HOME" && python3 'x y/mem0_worker.py' --fast >> x.log 2>&1
@daily tail -100 ~/.claude/logs/mem0_worker.log | mail me
  @reboot /usr/bin/backup 100%
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: Programs) -> Path:
    """Make a home and a system in which nothing is set up, where systemd and cron do not answer."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("_SHARED_AGENTS", "_SHARED_UNITS", "_SYSTEM_UNITS", "_PROC"):
        monkeypatch.setattr(older_workers, name, tmp_path / name)
    for name in ("systemctl", "crontab", "launchctl"):
        programs.add(name, "exit 1")
    return tmp_path


def _linux() -> list[OlderWorker]:
    return older_workers.find(system="linux")


def _run(command: str) -> None:
    subprocess.run(["/bin/sh", "-c", command], check=True)


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


def _unit(folder: Path, name: str, wanted_by: str = "", command: str = "/opt/x") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"[Service]\nExecStart=-{command}\n", encoding="utf-8")
    if wanted_by:
        links = folder / f"{wanted_by}.wants"
        links.mkdir(exist_ok=True)
        (links / name).symlink_to(folder / name)


def test_units_that_start_by_themselves_are_found(home: Path) -> None:
    units = home / ".config" / "systemd" / "user"
    _unit(units, "mem0-worker.service", "default.target")
    _unit(units, "sync.service", "default.target", "/usr/bin/python3 \\\n /o/mem0_worker.py")
    _unit(units, "other.service", "default.target")
    _unit(units, "mem0-worker-stopped.service")
    (units / "mem0-worker-masked.service").symlink_to(home / "nowhere")
    _unit(units, "mem0-worker-timed.service")
    _unit(units, "mem0-worker-timed.timer", "timers.target")
    _unit(home / "_SYSTEM_UNITS", "mem0-worker.service", "multi-user.target")
    user, system = "systemctl --user disable --now", "sudo systemctl disable --now"
    assert _linux() == [
        OlderWorker(
            "the user unit mem0-worker-timed.service of systemd", f"{user} mem0-worker-timed.timer"
        ),
        OlderWorker("the user unit mem0-worker.service of systemd", f"{user} mem0-worker.service"),
        OlderWorker("the user unit sync.service of systemd", f"{user} sync.service"),
        OlderWorker(
            "the system unit mem0-worker.service of systemd", f"{system} mem0-worker.service"
        ),
    ]


def test_units_that_run_are_found(home: Path, programs: Programs) -> None:
    _unit(home / ".local" / "share" / "systemd" / "user", "mem0-worker.service")
    programs.add(
        "systemctl",
        "[ $1 = --user ] || exit 0\n"
        "echo mem0-worker.service loaded active running Sync\n"
        "echo run-mem0-worker.service loaded active running x\n"
        "echo mem0-worker.slice loaded active running x",
    )
    assert [found.stop for found in _linux()] == [
        "systemctl --user disable --now mem0-worker.service",
        "systemctl --user stop run-mem0-worker.service",
    ]


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_the_command_takes_out_one_cron_line(home: Path, programs: Programs, system: str) -> None:
    table = home / "table"
    table.write_text(TABLE, encoding="utf-8")
    programs.add(
        "crontab",
        f'[ $1 != -l ] || exec cat "{table}"; cat > "{table}.new"; mv "{table}.new" "{table}"',
    )
    ((what, stop),) = older_workers.find(system=system)
    assert "x y/mem0_worker.py" in what
    _run(stop)
    lines = TABLE.splitlines(keepends=True)
    assert table.read_text(encoding="utf-8") == "".join(lines[:2] + lines[3:])
    assert older_workers.find(system=system) == []


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["subprocess.Popen[bytes]"]:
    monkeypatch.setattr(older_workers, "_PROC", Path("/proc"))
    program = tmp_path / "mem0_worker.py"
    program.write_text("import sys; sys.stdin.read()", encoding="utf-8")
    with subprocess.Popen([sys.executable, "-u", program], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def _of(pid: int, ours: set[int]) -> list[OlderWorker]:
    return [found for found in older_workers.find(ours, system="linux") if f" {pid} " in found.what]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="processes are seen in /proc")
def test_a_process_is_named_unless_it_is_ours(worker: "subprocess.Popen[bytes]") -> None:
    wait_until(lambda: _of(worker.pid, set()), what="the worker is seen")
    assert _of(worker.pid, {worker.pid}) == []
    ((what, stop),) = _of(worker.pid, {os.getpid()})
    assert what == f"process {worker.pid} (mem0_worker.py)"
    _run(stop)
    worker.wait(timeout=20)
    assert _of(worker.pid, set()) == []


def _agent(folder: Path, label: str, **values: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{label}.plist"
    path.write_bytes(plistlib.dumps({"Label": label, **values}))
    return path


def test_agents_are_named_and_ended_by_their_command(home: Path, programs: Programs) -> None:
    (home / "loaded").mkdir()
    (home / "off").mkdir()
    programs.add(  # what is loaded and what is turned off are files
        "launchctl",
        f"""
        label=${{2##*/}}
        case $1 in
        print) test -e "{home}/loaded/$label";;
        bootout) rm "{home}/loaded/$label";;
        disable) touch "{home}/off/$label";;
        print-disabled) for x in "{home}"/off/*; do echo "\\"${{x##*/}}\\" => disabled"; done;;
        esac
        """,
    )
    folder = home / "Library" / "LaunchAgents"
    named = _agent(folder, "com.mem0.worker", Program="/opt/x")
    running = _agent(folder, "org.sync", ProgramArguments=["python3", "/opt/mem0_worker.py"])
    _agent(folder, "mem0tray", ProgramArguments=["/opt/worker/mem0tray"])
    _agent(folder, "com.mem0.worker.off", Program="/opt/x", Disabled=True)
    _agent(folder, "com.mem0.worker.odd", ProgramArguments=[1])
    (folder / "com.mem0.worker.broken.plist").write_bytes(b"bplist00")
    (folder / "com.mem0.worker.folder.plist").mkdir()
    shared = _agent(home / "_SHARED_AGENTS", "com.mem0.worker.kept", Program="/opt/x")
    for label in ("com.mem0.worker", "com.mem0.worker.kept"):
        (home / "loaded" / label).touch()
    for label in ("com.mem0.worker.odd", "com.mem0.worker.kept"):  # off, and still loaded
        (home / "off" / label).touch()
    found = older_workers.find(system="darwin")
    assert [each.what for each in found] == [
        f"the LaunchAgent {path}" for path in (named, running, shared)
    ]
    for each in found:
        _run(each.stop)
    assert older_workers.find(system="darwin") == []
    service = f"gui/{os.getuid()}/com.mem0.worker"
    assert {f"bootout {service}", f"disable {service}"} <= set(programs.calls("launchctl"))
