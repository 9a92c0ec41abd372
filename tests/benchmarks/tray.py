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
from tests.benchmarks.idle import Use, at_rest
from tests.support.desktop import Desktop
from tests.support.home import COMMAND, Home
from tests.support.http1 import Answer
from tests.support.processes import Process
from tests.support.sni import TrayItem
from tests.support.standin import Standin
from tests.support.tray import Tray

STARTS: Final = 9
CHANGES: Final = 15
OTHER: Final = "caffeine-indicator"  # an indicator in Python, of the package caffeine
BARE: Final = "a bare icon of ours"
BARE_PROGRAM: Final = Path(__file__).parents[1] / "support" / "tray_program.py"
OK: Final = Answer(body={"status": "ok"})


class Program(NamedTuple):
    """Something with an icon in the tray."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]


def tray(home: Home, server: Standin) -> list[Figure]:
    """Start to icon, change of state to change of icon, memory and wake-ups at rest."""
    with Desktop(home.root / "desktop") as desktop:
        desktop.notifications()
        scene = Tray(desktop, home, server)
        # As people have it: what was measured elsewhere probes and retries all the time.
        env = {**home.env, **scene.env, "MEM0TRAY_SYNC_PROBE_INTERVAL": "30"}
        ours = Program("mem0tray", COMMAND, env)
        programs = [ours, *_others(desktop)]
        return [_start(scene, programs), _change(scene), *_rest(scene, programs)]


def _others(desktop: Desktop) -> list[Program]:
    """A program that shows an icon and does nothing, and one that people use, if it is there."""
    others = [Program(BARE, [sys.executable, str(BARE_PROGRAM)], desktop.env)]
    found = shutil.which(OTHER)
    if found is not None:
        others.append(Program(OTHER, [found], {**desktop.env, "PYTHONPATH": ""}))
    return others


def _start(scene: Tray, programs: Sequence[Program]) -> Figure:
    times: dict[str, list[float]] = {program.name: [] for program in programs}
    for _ in range(STARTS):  # in turns, so that a busy moment hits all
        for program in programs:
            started = time.monotonic()
            process, item = _shown(scene, program)
            times[program.name].append(time.monotonic() - started)
            process.kill()
            item.wait_gone()
    medians = {name: statistics.median(measured) for name, measured in times.items()}
    own = medians[programs[0].name]
    detail = f"worst {max(times[programs[0].name]):.2f} s; {_beside(medians, 's')}"
    return Figure("start to icon", own, "s", 0.3, detail=detail)


def _beside(values: Mapping[str, float], unit: str) -> str:
    return ", ".join(f"{name} {value:.2g} {unit}" for name, value in [*values.items()][1:])


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


def _rest(scene: Tray, programs: Sequence[Program]) -> list[Figure]:
    uses = {program.name: _use(scene, program) for program in programs}
    memory = {name: use.memory for name, use in uses.items()}
    own = uses[programs[0].name]
    shares = _beside({name: use.share for name, use in uses.items()}, "%")
    wakeups = _beside({name: use.wakeups for name, use in uses.items()}, "/s")
    return [
        Figure("tray at rest, memory (PSS)", own.memory, "MB", 45, detail=_beside(memory, "MB")),
        Figure("tray at rest, share of a core", own.share, "%", 0.1, detail=shares),
        Figure("tray at rest, wake-ups", own.wakeups, "/s", 0.3, detail=wakeups),
    ]


def _use(scene: Tray, program: Program) -> Use:
    process, item = _shown(scene, program)
    use = at_rest(process)
    process.kill()
    item.wait_gone()
    return use
