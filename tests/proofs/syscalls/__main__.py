"""Kill or spoil the program at every system call of a scripted run, and see that it recovers."""

import argparse
import sys

from tests.proofs.syscalls import strace, sweep, trial
from tests.proofs.syscalls.acts import ACTS

COUNTING_RUNS = 3


def main() -> int:
    """Print the table; 1 when something went wrong, 2 where nothing can be traced."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.syscalls", description=__doc__)
    parser.add_argument("--sample", type=int, metavar="N", help="N evenly spaced trials a fault")
    parser.add_argument("--fault", action="append", choices=list(sweep.AT), help="only this one")
    arguments = parser.parse_args()
    if reason := strace.missing():
        print(f"not run: {reason}", file=sys.stderr)
        return 2
    points = [point for act in ACTS for point in trial.count(act, COUNTING_RUNS)]
    trials = [
        each
        for fault in arguments.fault or sweep.AT
        for each in strace.evenly(sweep.trials(points, fault), arguments.sample)
    ]
    results = []
    for result in sweep.run(trials):
        results.append(result)
        print(f"\r{len(results)} of {len(trials)} trials", end="", file=sys.stderr, flush=True)
    print(f"\n{sweep.summary(results)}\nat {len(points)} points")
    bad = [result for result in results if result.faults]
    for result in bad:
        print(f"\n{result.trial}\n  {result.met}\n  " + "\n  ".join(result.faults))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
