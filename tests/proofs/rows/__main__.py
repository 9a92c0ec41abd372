"""Run the proofs of all rows and write down what became of them."""

import argparse
import sys
import time

from tests.proofs.rows import table


def main() -> int:
    """Run with pytest's arguments, if any; 1 when a row has no test or a test failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.rows", description=__doc__)
    _, arguments = parser.parse_known_args()
    proofs, started = table.proofs(), time.monotonic()
    outcomes = table.run(arguments)
    if not arguments:
        page = table.page(proofs, outcomes, time.monotonic() - started)
        table.README.write_text(page, encoding="utf-8")
    proven = {row for test, rows in proofs.items() for row in rows if test in outcomes}
    return int("failed" in outcomes.values() or proven != table.rows().keys())


if __name__ == "__main__":
    sys.exit(main())
