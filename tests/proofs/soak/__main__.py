"""Soak the worker in every trouble for a while, and say whether anything was lost or grew."""

import argparse
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from tests.proofs.soak.samples import trends
from tests.proofs.soak.soak import soak
from tests.support.home import Home
from tests.support.standin import Standin

EDGE = "\r" if sys.stderr.isatty() else "\n"


def main() -> int:
    """Print what it came to; 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="for how long (default: 30)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="as that run's")
    options = parser.parse_args()
    tell(f"seed {options.seed}")
    with (
        tempfile.TemporaryDirectory() as scratch,
        Standin() as server,
        Home(Path(scratch, "home"), server.url) as home,
    ):
        done = soak(home, server, options.minutes * 60, options.seed, tell)
        if done.faults:
            kept = tempfile.mkdtemp(prefix="soak-")
            shutil.copytree(scratch, kept, symlinks=True, dirs_exist_ok=True)
            print(f"\nthe home is kept in {kept}", file=sys.stderr)
    print(f"\nseed {options.seed}: {server.total_stored():,} stored")
    for counts in (done.life.ends, done.trouble.seen, done.editor.done):
        print(", ".join(f"{what} {number}" for what, number in sorted(counts.items())))
    judged = trends(done.samples)
    print(*judged, *(f"FAULT    {fault}" for fault in done.faults), sep="\n")
    return int(bool(done.faults) or not all(trend.met for trend in judged))


def tell(line: str) -> None:
    print(f"{line:<120}", end=EDGE, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
