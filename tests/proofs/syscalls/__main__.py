"""Kill or spoil the program at every system call of a scripted run, and see that it recovers."""

import argparse
import math
import sys
from pathlib import Path

from tests.proofs.syscalls import strace, sweep
from tests.proofs.syscalls.strace import CALLS
from tests.proofs.syscalls.sweep import Record


def main() -> int:
    """Print the table; 1 when something went wrong, 2 where nothing can be traced."""
    arguments = _arguments()
    if reason := strace.missing():
        print(f"not run: {reason}", file=sys.stderr)
        return 2
    record = Record(arguments.results)
    points = [p for p in record.count() if p.call in (arguments.call or CALLS)]
    trials = sweep.all_trials(points, arguments.fault or sweep.AT, arguments.sample)
    for progress in sweep.run(trials, record, arguments.jobs, arguments.seconds):
        print(f"\r{progress}   ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    names = {trial.name for trial in trials}
    results = [result for name, result in record.results.items() if name in names]
    bad = [result for result in results if result.faults]
    print(sweep.summary(results))
    print(f"\n{len(results)} of {len(trials)} trials at {len(points)} points")
    for result in bad:
        print(f"\n{result.name}\n  {result.met}\n  " + "\n  ".join(result.faults))
    return 1 if bad else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.syscalls", description=__doc__)
    parser.add_argument("--sample", type=int, metavar="N", help="N evenly spaced trials a fault")
    parser.add_argument("--fault", action="append", choices=list(sweep.AT), help="only this one")
    parser.add_argument("--call", action="append", choices=CALLS, help="only this system call")
    parser.add_argument("--jobs", type=int, default=2, help="trials at a time (default: 2)")
    parser.add_argument(
        "--results", type=Path, metavar="FILE",
        help="keep the results there, and do not do again what stands there already",
    )  # fmt: skip
    parser.add_argument(
        "--seconds", type=float, default=math.inf, metavar="S", help="begin no trial after that"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
