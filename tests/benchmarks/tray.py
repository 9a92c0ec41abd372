"""What the tray application costs beside another: until its icon is there, and at rest."""

import shutil
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from tests.benchmarks.figure import Figure
from tests.support.desktop import Desktop
from tests.support.home import COMMAND, Home
from tests.support.http1 import Answer
from tests.support.processes import Process
from tests.support.sni import TrayItem
from tests.support.standin import Standin
from tests.support.tray import Tray

STARTS: Final = 9
CHANGES: Final = 15
SETTLED: Final = 10.0  # seconds after which a start is over
WATCHED: Final = 60.0  # seconds
MEGABYTE: Final = 1 << 20
OTHER: Final = "caffeine-indicator"  # an indicator in Python, of the package caffeine
BARE: Final = Path(__file__).parents[1] / "support" / "tray_program.py"
OK: Final = Answer(body={"status": "ok"})


class Program(NamedTuple):
    """Something with an icon in the tray."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]


class Use(NamedTuple):
    """What a program uses: bytes, share of a core, times a second that it is woken."""

    memory: float
    share: float
    wakeups: float


def tray(home: Home, server: Standin) -> list[Figure]:
    """Start to icon, change of state to change of icon, memory and wake-ups at rest."""
    with Desktop(home.root / "desktop") as desktop:
        desktop.notifications()
        scene = Tray(desktop, home, server)
        # As people have it: what was measured elsewhere probes and retries all the time.
        env = {**home.env, **scene.env, "MEM0TRAY_SYNC_PROBE_INTERVAL": "30"}
        ours = Program("mem0tray", COMMAND, env)
        other = _other(desktop)
        return [_start(scene, ours, other), _change(scene), *_rest(scene, ours, other)]


def _other(desktop: Desktop) -> Program:
    found = shutil.which(OTHER)
    env = {**desktop.env, "PYSTRAY_BACKEND": "appindicator"}
    if found is not None:
        return Program(OTHER, [found], {**env, "PYTHONPATH": ""})
    return Program("a bare pystray program", [sys.executable, str(BARE)], env)


def _start(scene: Tray, ours: Program, other: Program) -> Figure:
    times: dict[str, list[float]] = {ours.name: [], other.name: []}
    for _ in range(STARTS):  # in turns, so that a busy moment hits both
        for program in (ours, other):
            started = time.monotonic()
            process, item = _shown(scene, program)
            times[program.name].append(time.monotonic() - started)
            process.kill()
            item.wait_gone()
    median = statistics.median(times[ours.name])
    detail = f"worst {max(times[ours.name]):.2f} s; {_beside(other, times)}"
    return Figure("start to icon", median, "s", 0.4, detail=detail)


def _beside(other: Program, times: Mapping[str, Sequence[float]]) -> str:
    return f"{other.name} {statistics.median(times[other.name]):.2f} s"


def _shown(scene: Tray, program: Program) -> tuple[Process, TrayItem]:
    process = scene.desktop.start(program.command, env=program.env, name="started")
    item = scene.host.wait_item(30)
    item.wait_for(lambda: item.status == "Active", 30, "the icon shown")
    return process, item


def _change(scene: Tray) -> Figure:
    """From the log's line on the state until the panel is told of another icon."""
    process, item = scene.shown()
    times = []
    for number in range(CHANGES):
        before = _icons(item)
        scene.server.health = OK if number % 2 else Answer(503)
        item.wait_for(partial(_has_more, item, before), what="another icon")
        times.append(time.time() - scene.home.log.stat().st_mtime)
    scene.server.health = OK
    process.stop()
    item.wait_gone()
    name = "change of state to change of icon"
    detail = f"worst {max(times) * 1000:.0f} ms"
    return Figure(name, statistics.median(times) * 1000, "ms", 50, detail=detail)


def _has_more(item: TrayItem, before: int) -> bool:
    return _icons(item) > before


def _icons(item: TrayItem) -> int:
    return sum(name == "NewIcon" for name, _ in item.signals)


def _rest(scene: Tray, ours: Program, other: Program) -> list[Figure]:
    used = {program.name: _use(scene, program) for program in (ours, other)}
    own, its = used[ours.name], used[other.name]
    beside = other.name
    memory, others = own.memory / MEGABYTE, its.memory / MEGABYTE
    return [
        Figure("tray at rest, memory (PSS)", memory, "MB", 80, detail=f"{beside} {others:.0f} MB"),
        Figure(
            "tray at rest, share of a core", own.share * 100, "%", 0.3,
            detail=f"{beside} {its.share * 100:.2f} %",
        ),
        Figure(
            "tray at rest, wake-ups", own.wakeups, "/s", 5, detail=f"{beside} {its.wakeups:.1f} /s"
        ),
    ]  # fmt: skip


def _use(scene: Tray, program: Program) -> Use:
    process, item = _shown(scene, program)
    time.sleep(SETTLED)
    before, woken, started = process.cpu_seconds(), _wakeups(process), time.monotonic()
    time.sleep(WATCHED)
    taken = time.monotonic() - started
    share = (process.cpu_seconds() - before) / taken
    use = Use(_pss(process), share, (_wakeups(process) - woken) / taken)
    process.kill()
    item.wait_gone()
    return use


def _pss(process: Process) -> int:
    """The memory that it would give back: what it shares counts by its part. In bytes."""
    lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _wakeups(process: Process) -> int:
    """How often its threads have begun to run after a wait."""
    mark = "voluntary_ctxt_switches:"
    files = Path(f"/proc/{process.pid}/task").glob("*/status")
    lines = [line for file in files for line in file.read_text(encoding="ascii").splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith(mark))
