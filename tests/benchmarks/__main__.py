"""Run the benchmarks that are named, or all of them."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import idle, latency, throughput, tools, tray, window
from tests.benchmarks.figure import Figure
from tests.support.home import Home
from tests.support.standin import Standin

BENCHMARKS: dict[str, Callable[[Home, Standin], list[Figure]]] = {
    "drain": throughput.drain,
    "scale": throughput.scale,
    "slow-server": throughput.slow_server,
    "add": latency.add_to_sent,
    "stop": latency.stop,
    "hooks": latency.hooks,
    "growth": latency.growth,
    "mcp": tools.mcp,
    "lock": latency.lock,
    "idle": idle.idle,
    "tray": tray.tray,
    "window": window.window,
}


def main() -> int:
    """Print a line for each figure; 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"of: {', '.join(BENCHMARKS)} (default: all)")
    arguments = parser.parse_args()
    figures: list[Figure] = []
    for name in arguments.name or BENCHMARKS:
        print(f"{name}: {(BENCHMARKS[name].__doc__ or '').strip()}", file=sys.stderr)
        with (
            tempfile.TemporaryDirectory() as scratch,
            Standin() as server,
            Home(Path(scratch, "home"), server.url) as home,
        ):
            measured = BENCHMARKS[name](home, server)
        figures += measured
        print(*measured, sep="\n", flush=True)
    return 0 if all(figure.met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
