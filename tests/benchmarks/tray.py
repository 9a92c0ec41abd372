"""What the tray application costs beside another: until its icon is there, and at rest."""

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
BARE_PROGRAM: Final = Path(__file__).parents[1] / "support" / "tray_program.py"
OK: Final = Answer(body={"status": "ok"})


class Program(NamedTuple):
    """Something with an icon in the tray."""

    command: Sequence[str]
    env: Mapping[str, str]


def tray(home: Home, server: Standin) -> list[Figure]:
    """Start to icon, change of state to change of icon, memory and wake-ups at rest."""
    with Desktop(home.root / "desktop") as desktop:
        desktop.notifications()
        scene = Tray(desktop, home, server)
        # As people have it: what was measured elsewhere probes and retries all the time.
        env = {**home.env, **scene.env, "MEM0TRAY_SYNC_PROBE_INTERVAL": "30"}
        ours = Program(COMMAND, env)
        bare = Program([sys.executable, str(BARE_PROGRAM)], desktop.env)
        return [_start(scene, ours, bare), _change(scene), *_rest(scene, ours, bare)]


def _start(scene: Tray, ours: Program, bare: Program) -> Figure:
    times: dict[str, list[float]] = {"ours": [], "bare": []}
    for _ in range(STARTS):  # in turns, so that a busy moment hits both
        for name, program in (("ours", ours), ("bare", bare)):
            started = time.monotonic()
            process, item = _shown(scene, program)
            times[name].append(time.monotonic() - started)
            process.kill()
            item.wait_gone()
    own, other = (statistics.median(measured) for measured in times.values())
    detail = f"worst {max(times['ours']):.2f} s; {_beside(other, 's')}"
    return Figure("start to icon", own, "s", 0.3, detail=detail)


def _beside(value: float, unit: str) -> str:
    return f"a bare icon of ours {value:.2g} {unit}"


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


def _rest(scene: Tray, ours: Program, bare: Program) -> list[Figure]:
    own, other = _use(scene, ours), _use(scene, bare)
    return [
        Figure(f"tray at rest, {what}", value, unit, target, detail=_beside(beside, unit))
        for what, value, unit, target, beside in (
            ("memory (PSS)", own.memory, "MB", 45, other.memory),
            ("share of a core", own.share, "%", 0.1, other.share),
            ("wake-ups", own.wakeups, "/s", 0.3, other.wakeups),
        )
    ]


def _use(scene: Tray, program: Program) -> Use:
    process, item = _shown(scene, program)
    use = at_rest(process)
    process.kill()
    item.wait_gone()
    return use
