"""Soak the worker in every trouble for a while, and say whether anything was lost or grew."""

import argparse
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from tests.proofs.soak.soak import Result, soak
from tests.support.home import Home
from tests.support.standin import Standin

EDGE = "\r" if sys.stderr.isatty() else "\n"


def main() -> int:
    """Print what it came to; 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="for how long (default: 30)")
    parser.add_argument("--seed", type=int, default=None, help="repeat the choices of a former run")
    options = parser.parse_args()
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    print(f"seed {seed}", file=sys.stderr)
    with (
        tempfile.TemporaryDirectory() as scratch,
        Standin() as server,
        Home(Path(scratch, "home"), server.url) as home,
    ):
        result = soak(home, server, options.minutes * 60, seed, tell)
        if result.faults:
            kept = tempfile.mkdtemp(prefix="soak-")
            shutil.copytree(scratch, kept, symlinks=True, dirs_exist_ok=True)
            print(f"\nthe home is kept in {kept}", file=sys.stderr)
    print(file=sys.stderr)
    print(summary(result))
    return int(bool(result.faults) or not all(trend.met for trend in result.trends))


def tell(line: str) -> None:
    print(f"{line:<120}", end=EDGE, file=sys.stderr, flush=True)


def summary(result: Result) -> str:
    counts = {"ends of the worker": result.ends, "troubles": result.troubles, "edits": result.edits}
    lines = [
        f"seed {result.seed}, {result.seconds:.0f} s",
        f"queued {result.queued:,}, stored {result.stored:,}",
        *(
            f"{name}: " + ", ".join(f"{what} {n}" for what, n in sorted(found.items()))
            for name, found in counts.items()
        ),
        *map(str, result.trends),
        *(f"FAULT    {fault}" for fault in result.faults),
        "nothing lost, nothing stored twice" if not result.faults else "",
    ]
    return "\n".join(filter(None, lines))


if __name__ == "__main__":
    sys.exit(main())
