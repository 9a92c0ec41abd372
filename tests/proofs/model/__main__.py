"""Run many random histories, and say how many; 1 when one goes wrong."""

import argparse
import time

from tests.proofs.model.machine import Histories, run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.model", description=__doc__)
    parser.add_argument("--histories", type=int, default=1000)
    options, started = parser.parse_args(), time.monotonic()
    try:
        run(options.histories, 40)
    finally:
        seconds = time.monotonic() - started
        print(f"{Histories.ended} histories, {Histories.steps} steps in {seconds:.0f} s")
