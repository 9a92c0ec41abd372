"""Run the benchmarks that are named, or all of them."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import idle, latency, throughput, tools, tray, window
from tests.benchmarks.figure import Figure, write
from tests.support.home import Home
from tests.support.standin import Standin

BENCHMARKS: dict[str, Callable[[Home, Standin], list[Figure]]] = {
    "drain": throughput.drain,
    "scale": throughput.scale,
    "slow-server": throughput.slow_server,
    "add": latency.add_to_sent,
    "commands": latency.commands,
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
    names = ", ".join(BENCHMARKS)
    parser.add_argument("name", nargs="*", help=f"which of: {names} (default: all)")
    parser.add_argument(
        "--write", action="store_true", help="put the figures into the README beside this"
    )
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.name) - BENCHMARKS.keys())
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are {names}")
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
    if arguments.write:
        write(figures)
    return 0 if all(figure.met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
