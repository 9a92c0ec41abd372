"""Older workers (launchd, systemd, cron, processes), and the command that stops each."""

import os
import re
import shlex
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import platformdirs

from mem0tray.desktop.autostart import macos
from mem0tray.system import programs, regular_file
from mem0tray.system.other_process import is_worker

_ASSIGNMENT: Final = re.compile(r"\s*\w+\s*=")  # cron's own way to set a variable
_PROC: Final = Path("/proc")
_FIRST_WORDS: Final = 3  # of a process: interpreter, an option, script
_SHARED_AGENTS: Final = Path("/Library/LaunchAgents")
_SHARED_UNITS: Final = Path("/etc/systemd/user")
_SYSTEM_UNITS: Final = Path("/etc/systemd/system")


class OlderWorker(NamedTuple):
    """A find, such as `the cron line …`, and the command line that stops it."""

    what: str
    stop: str


def find(ours: Collection[int | None] = (), *, system: str = sys.platform) -> list[OlderWorker]:
    """Find every older worker but the processes `ours`; it may take some five seconds."""
    if system == "win32":
        return []
    if system == "darwin":
        return [*_launchd(), *_cron()]
    own = [platformdirs.user_config_path(), platformdirs.user_data_path()]
    folders = [*(folder / "systemd" / "user" for folder in own), _SHARED_UNITS]
    user = _units("user", folders, ("systemctl", "--user"), "systemctl --user")
    shared = _units("system", [_SYSTEM_UNITS], ("systemctl",), "sudo systemctl")
    return [*user, *shared, *_cron(), *_processes(ours)]


def _launchd() -> Iterator[OlderWorker]:
    uid = os.getuid()
    off = macos.turned_off(uid)
    for folder in (macos.agents(Path.home()), _SHARED_AGENTS):
        for path in sorted(folder.glob("*.plist")):
            agent = None
            with suppress(OSError):
                agent = macos.parsed(regular_file.read_bytes(path))
            label = (agent or {}).get("Label")
            if agent is None or not isinstance(label, str):
                continue
            starts = label not in off and agent.get("Disabled") is not True
            if is_worker(label, macos.words(agent)) and (starts or macos.is_loaded(uid, label)):
                service = shlex.quote(f"gui/{uid}/{label}")
                stop = f"launchctl bootout {service}; launchctl disable {service}"
                yield OlderWorker(f"the LaunchAgent {path}", stop)


def _units(
    scope: str, folders: Sequence[Path], ask: Sequence[str], command: str
) -> Iterator[OlderWorker]:
    files = {path.name: path for folder in reversed(folders) for path in folder.glob("*.service")}
    options = ("--plain", "--no-legend", "--state=active,activating,reloading")
    said = programs.answer(*ask, "list-units", *options) or ""
    active = {words[0] for line in said.splitlines() if (words := line.split())}
    for name in sorted({*files, *active}):
        stem, _, kind = name.rpartition(".")
        words = _started_by(files[name]) if name in files else []
        if kind != "service" or not is_worker(stem, words):
            continue
        # `systemctl enable` makes a link to what starts by itself.
        kinds = ("*.wants", "*.requires")
        links = [link for folder in folders for each in kinds for link in folder.glob(each)]
        units = [
            unit
            for unit in (f"{stem}.timer", name)
            if unit in active or any(os.path.lexists(link / unit) for link in links)
        ]
        if units:
            # A unit without a file was started by systemd-run: there is nothing to disable.
            verb = "disable --now" if name in files else "stop"
            stop = f"{command} {verb} {shlex.join(units)}"
            yield OlderWorker(f"the {scope} unit {name} of systemd", stop)


def _started_by(file: Path) -> list[str]:
    try:
        text = regular_file.read_bytes(file).decode("utf-8", "replace")
    except OSError:  # a link to nothing is a masked unit, or one that is gone
        return []
    lines = text.replace("\\\n", " ").splitlines()
    words = [word for line in lines if line.startswith("Exec") for word in line.split()]
    return [word.lstrip("-@:+!") for word in words]


def _cron() -> Iterator[OlderWorker]:
    for line in (programs.answer("crontab", "-l") or "").splitlines():
        if line.lstrip().startswith("#") or _ASSIGNMENT.match(line):
            continue
        if is_worker("", line.split()):
            stop = f"crontab -l | grep -vxF -- {shlex.quote(line)} | crontab -"
            yield OlderWorker(f"the cron line `{line}`", stop)


def _processes(ours: Collection[int | None]) -> Iterator[OlderWorker]:
    for entry in sorted(_PROC.glob("[0-9]*/cmdline")):
        with suppress(OSError, ValueError):
            pid = int(entry.parent.name)
            words = entry.read_bytes().decode("utf-8", "replace").split("\0")[:_FIRST_WORDS]
            name = next((Path(word).name for word in words if is_worker("", [word])), "")
            if name and pid not in ours:
                yield OlderWorker(f"process {pid} ({name})", f"kill {pid}")
