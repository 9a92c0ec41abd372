"""Run many random histories, and say how many; 1 when one goes wrong."""

import argparse
import sys
import time

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.proofs.model.machine import Histories


def main() -> int:
    """Run as `python -m tests.proofs.model --histories N --steps N`."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.model", description=__doc__)
    parser.add_argument("--histories", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=40, help="at most, in each")
    parser.add_argument("--as-found", action="store_true", help="do not look for a shorter one")
    arguments = parser.parse_args()
    chosen = settings(
        max_examples=arguments.histories,
        stateful_step_count=arguments.steps,
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate] if arguments.as_found else [Phase.generate, Phase.shrink],
    )
    started = time.monotonic()
    try:
        run_state_machine_as_test(Histories, settings=chosen)
    finally:
        seconds = time.monotonic() - started
        print(f"{Histories.ended} histories, {Histories.steps} steps in {seconds:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
