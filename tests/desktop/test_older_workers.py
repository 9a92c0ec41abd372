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
    """Do what a person does with the command that is shown."""
    subprocess.run(["/bin/sh", "-c", command], check=True)


def test_nothing_is_set_up() -> None:
    for system in ("linux", "darwin", "win32"):
        assert older_workers.find(system=system) == []


@pytest.mark.parametrize(
    ("name", "words", "expected"),
    [
        ("", "python3 /opt/mem0_worker.py", True),
        ("", "python3 -u /opt/mem0/worker.py", True),
        ("", "python3 -m mem0.sync.worker", True),
        ("com.example.Mem0-Worker", "/opt/x", True),
        ("mem0-sync", "python3 /opt/x/queue_worker.py", True),
        ("sync", "python3 /opt/x/queue_worker.py", False),
        ("mem0", "uvicorn mem0.server:app --workers 4", False),
        ("mem0", "/home/worker/mem0/bin/server", False),
        ("", "/opt/mem0/node_modules/.bin/x /srv/jest-worker/run.js", False),
        ("mem0tray", "/usr/bin/mem0tray run", False),
        ("", "python3 /src/mem0tray/worker.py", False),
        ("", "/venvs/mem0tray/bin/python /opt/mem0_worker.py", True),
        ("", "tail -f /home/u/.claude/logs/mem0_worker.log", False),
    ],
)
def test_what_looks_like_a_worker(name: str, words: str, expected: bool) -> None:  # noqa: FBT001
    assert other_process.is_worker(name, words.split()) is expected


# systemd --------------------------------------------------------------------------------


def _unit(folder: Path, name: str, wanted_by: str = "", command: str = "/opt/x") -> None:
    """Write a unit, and enable it as systemctl does."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"[Service]\nExecStart=-{command}\n", encoding="utf-8")
    if wanted_by:
        links = folder / f"{wanted_by}.wants"
        links.mkdir(exist_ok=True)
        (links / name).symlink_to(folder / name)


def _units(home: Path) -> Path:
    return home / ".config" / "systemd" / "user"


def test_a_unit_that_starts_by_itself(home: Path) -> None:
    _unit(_units(home), "mem0-worker.service", "default.target")
    _unit(_units(home), "sync.service", "default.target", "/usr/bin/python3 \\\n /o/mem0_worker.py")
    _unit(_units(home), "other.service", "default.target")
    assert _linux() == [
        OlderWorker(f"the user unit {name} of systemd", f"systemctl --user disable --now {name}")
        for name in ("mem0-worker.service", "sync.service")
    ]


def test_a_unit_that_was_stopped(home: Path) -> None:
    _unit(_units(home), "mem0-worker.service")
    (home / "wants").mkdir()
    assert _linux() == []


def test_a_unit_that_runs(home: Path, programs: Programs) -> None:
    _unit(_units(home), "mem0-worker.service")
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


def test_a_timer(home: Path) -> None:
    """What starts a unit again is stopped too."""
    _unit(_units(home), "mem0-worker.service")
    _unit(_units(home), "mem0-worker.timer", "timers.target")
    ((_, stop),) = _linux()
    assert stop == "systemctl --user disable --now mem0-worker.timer"


def test_a_unit_in_the_data_folder(home: Path) -> None:
    folder = home / ".local" / "share" / "systemd" / "user"
    _unit(folder, "mem0-worker.service")
    links = _units(home) / "default.target.wants"
    links.mkdir(parents=True)
    (links / "mem0-worker.service").symlink_to(folder / "mem0-worker.service")
    assert [found.what for found in _linux()] == ["the user unit mem0-worker.service of systemd"]


def test_a_unit_of_the_system(home: Path) -> None:
    _unit(home / "_SYSTEM_UNITS", "mem0-worker.service", "multi-user.target")
    assert _linux() == [
        OlderWorker(
            "the system unit mem0-worker.service of systemd",
            "sudo systemctl disable --now mem0-worker.service",
        )
    ]


def test_a_masked_unit(home: Path) -> None:
    """A link to nothing is no trouble, and starts nothing."""
    _units(home).mkdir(parents=True)
    (_units(home) / "mem0-worker.service").symlink_to(home / "nowhere")
    assert _linux() == []


# cron -----------------------------------------------------------------------------------


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_a_cron_line(home: Path, programs: Programs, system: str) -> None:
    """The line is named; its command takes out that line and no other."""
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


# Processes ------------------------------------------------------------------------------


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["subprocess.Popen[bytes]"]:
    """Run an older worker."""
    monkeypatch.setattr(older_workers, "_PROC", Path("/proc"))
    program = tmp_path / "mem0_worker.py"
    program.write_text("import sys; sys.stdin.read()", encoding="utf-8")
    with subprocess.Popen([sys.executable, "-u", program], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def _of(pid: int, ours: set[int]) -> list[OlderWorker]:
    return [found for found in older_workers.find(ours, system="linux") if f" {pid} " in found.what]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="processes are seen in /proc")
def test_a_process(worker: "subprocess.Popen[bytes]") -> None:
    """A running one is named, unless it is ours, and gone after its command."""
    wait_until(lambda: _of(worker.pid, set()), what="the worker is seen")
    assert _of(worker.pid, {worker.pid}) == []
    ((what, stop),) = _of(worker.pid, {os.getpid()})
    assert what == f"process {worker.pid} (mem0_worker.py)"
    _run(stop)
    worker.wait(timeout=20)
    assert _of(worker.pid, set()) == []


# launchd --------------------------------------------------------------------------------


def _agent(folder: Path, label: str, **values: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{label}.plist"
    path.write_bytes(plistlib.dumps({"Label": label, **values}))
    return path


def _launchctl(programs: Programs, home: Path) -> None:
    """Stand in for launchctl: what is loaded and what is turned off are files."""
    (home / "loaded").mkdir()
    (home / "off").mkdir()
    programs.add(
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


def test_an_agent(home: Path, programs: Programs) -> None:
    """It is named by its file; its command ends it now and keeps it from the next login."""
    _launchctl(programs, home)
    folder = home / "Library" / "LaunchAgents"
    named = _agent(folder, "com.mem0.worker", Program="/opt/x")
    running = _agent(folder, "org.sync", ProgramArguments=["python3", "/opt/mem0_worker.py"])
    _agent(folder, "mem0tray", ProgramArguments=["/opt/worker/mem0tray"])
    _agent(folder, "com.mem0.worker.off", Program="/opt/x", Disabled=True)
    _agent(folder, "com.mem0.worker.odd", ProgramArguments=[1])
    (folder / "com.mem0.worker.broken.plist").write_bytes(b"bplist00")
    (folder / "com.mem0.worker.folder.plist").mkdir()
    (home / "loaded" / "com.mem0.worker").touch()
    (home / "off" / "com.mem0.worker.odd").touch()
    found = older_workers.find(system="darwin")
    assert [each.what for each in found] == [
        f"the LaunchAgent {named}",
        f"the LaunchAgent {running}",
    ]
    for each in found:
        _run(each.stop)
    assert older_workers.find(system="darwin") == []
    service = f"gui/{os.getuid()}/com.mem0.worker"
    assert {f"bootout {service}", f"disable {service}"} <= set(programs.calls("launchctl"))


def test_an_agent_that_is_turned_off_and_still_loaded(home: Path, programs: Programs) -> None:
    _launchctl(programs, home)
    path = _agent(home / "_SHARED_AGENTS", "com.mem0.worker", Program="/opt/x")
    (home / "off" / "com.mem0.worker").touch()
    assert older_workers.find(system="darwin") == []
    (home / "loaded" / "com.mem0.worker").touch()
    assert [found.what for found in older_workers.find(system="darwin")] == [
        f"the LaunchAgent {path}"
    ]
