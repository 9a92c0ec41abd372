"""What the tools of `mem0tray mcp` cost in each session of an agent, and how long a save takes."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import chain
from typing import Final

from tests.agents.tool_client import Wire, call
from tests.benchmarks.figure import Figure
from tests.benchmarks.idle import pss
from tests.benchmarks.latency import bare_python
from tests.support.home import Home
from tests.support.processes import cpu_seconds, seconds
from tests.support.standin import Standin

SESSIONS: Final = 10
CLIENTS: Final = 4
SAVES: Final = 200


def mcp(home: Home, server: Standin) -> list[Figure]:
    """Ten sessions at once: start and memory; then 200 saves by four clients, beside a worker."""
    with ExitStack() as stack:
        wires, starts, used = [], [], []
        for _ in range(SESSIONS):
            began = time.monotonic()
            wires.append(stack.enter_context(Wire(home)))
            wires[-1].initialize()
            starts.append(time.monotonic() - began)
            used.append(cpu_seconds(wires[-1].process.pid))
        fresh = _memory(wires)
        for number, wire in enumerate(wires):
            _call(wire, "mem0_save", content=f"session {number}")
        saved = _memory(wires)
        for wire in wires:
            _call(wire, "mem0_recall")
        recalled = _memory(wires)
    start = f"worst {max(starts) * 1000:.0f} ms; of the processor"
    start += f" {statistics.median(used) * 1000:.0f} ms; a bare Python {bare_python(home):.0f} ms"
    return [
        Figure(
            "mcp, start to initialized, median",
            statistics.median(starts) * 1000,
            "ms",
            100,
            detail=start,
        ),
        Figure(f"mcp, memory (PSS), {SESSIONS} at once", fresh, "MB", 25),
        Figure("mcp, the same after a save", saved, "MB", 25),
        Figure("mcp, the same after a recall", recalled, "MB", 25),
        *_saves(home, server),
    ]


def _saves(home: Home, server: Standin) -> list[Figure]:
    home.worker()
    with ThreadPoolExecutor(CLIENTS) as pool:
        done = [pool.submit(_save, home, f"client {number}") for number in range(CLIENTS)]
        shares = [each.result() for each in done]
    server.wait_for(lambda: server.total_stored() >= SESSIONS + SAVES + CLIENTS, 60, "delivered")
    assert server.surplus() == {}
    first, times = [times.pop(0) for times in shares], sorted(chain.from_iterable(shares))
    late = times[len(times) * 99 // 100]
    detail = f"median {statistics.median(times) * 1000:.0f} ms, worst {times[-1] * 1000:.0f} ms"
    name = f"mcp, {SAVES} saves by {CLIENTS} clients, 99 of 100 within"
    return [
        Figure("mcp, the first save, right after the start, worst", max(first) * 1000, "ms", 200),
        Figure(name, late * 1000, "ms", 50, detail=detail),
    ]


def _save(home: Home, name: str) -> list[float]:
    """Save a first memory and then a share, one after the other; the seconds that each took."""
    with Wire(home) as wire:
        wire.initialize()
        return [
            seconds(partial(_call, wire, "mem0_save", content=f"{name}, {number}"))
            for number in range(1 + SAVES // CLIENTS)
        ]


def _call(wire: Wire, tool: str, **arguments: object) -> None:
    wire.say(call(1, tool, project_id="garden", **arguments))
    said = wire.hear()
    assert not said["result"]["isError"], said


def _memory(wires: list[Wire]) -> float:
    """The largest share of memory among these processes, in MB."""
    return max(pss(wire.process.pid) for wire in wires)
