"""Try every state that a power cut may leave of each protocol, or of those that are named."""

import argparse
import json
import sys
import time
from dataclasses import asdict
from typing import Any

from tests.proofs.crash_states.proof import Result, prove
from tests.proofs.crash_states.protocols import PROTOCOLS
from tests.proofs.planted.bugs import UNSYNCED

_SHOWN = 5  # bad states of a protocol


def main() -> int:
    """Print a line for each protocol; 1 when a state was bad."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.proofs.crash_states", description=__doc__
    )
    names = ", ".join(PROTOCOLS)
    parser.add_argument("name", nargs="*", help=f"which of: {names} (default: all)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")
    parser.add_argument("--planted", choices=UNSYNCED, default="", help="plant a bug first")
    parser.add_argument("--at-most", type=int, default=0, help="so many states of each, spread out")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.name) - PROTOCOLS.keys())
    if unknown:
        parser.error(f"no such protocol: {', '.join(unknown)}; there are {names}")
    if not arguments.json:
        print("protocol       operations  states   bad  seconds")
    results = []
    for name in arguments.name or PROTOCOLS:
        began = time.monotonic()
        result = prove(name, bug=arguments.planted, at_most=arguments.at_most, progress=_progress)
        results.append(result)
        if not arguments.json:
            _print(result, time.monotonic() - began)
    if arguments.json:
        print(json.dumps([_as_json(result) for result in results], indent=2))
    return 1 if any(result.bad for result in results) else 0


def _as_json(result: Result) -> dict[str, Any]:
    # `asdict` would count the pairs of a Counter.
    return asdict(result) | {"rebuilt": dict(result.rebuilt)}


def _progress(result: Result) -> None:
    if sys.stderr.isatty() and result.states % 20 == 0:
        print(f"{result.protocol}: {result.states}", end="\r", file=sys.stderr)


def _print(result: Result, seconds: float) -> None:
    print(
        f"{result.protocol:14} {result.operations:10} {result.states:7} {len(result.bad):5}"
        f" {seconds:8.1f}",
        flush=True,
    )
    for bad in result.bad[:_SHOWN]:
        print(f"    after {bad.after}, {bad.left}: {'; '.join(bad.faults)}")


if __name__ == "__main__":
    sys.exit(main())
