"""Try every state that a power cut may leave of each protocol, or of those that are named."""

import argparse
import sys
import time

from tests.proofs.crash_states.proof import prove
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
    parser.add_argument("--planted", choices=UNSYNCED, default="", help="plant a bug first")
    parser.add_argument("--at-most", type=int, default=0, help="so many states of each, spread out")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.name) - PROTOCOLS.keys())
    if unknown:
        parser.error(f"no such protocol: {', '.join(unknown)}; there are {names}")
    print("protocol       operations  states   bad  seconds")
    bad = 0
    for name in arguments.name or PROTOCOLS:
        began = time.monotonic()
        result = prove(name, bug=arguments.planted, at_most=arguments.at_most)
        counts = f"{result.operations:10} {result.states:7} {len(result.bad):5}"
        print(f"{name:14} {counts} {time.monotonic() - began:8.1f}", flush=True)
        for each in result.bad[:_SHOWN]:
            print(f"    after {each.after}, {each.left}: {'; '.join(each.faults)}")
        bad += len(result.bad)
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
