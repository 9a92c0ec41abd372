"""Run the proofs of all rows and write down what became of them."""

import argparse
import sys
import time

from tests.proofs.rows import table


def main() -> int:
    """Run, or list; 1 when a row has no test or one of its tests failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.rows", description=__doc__)
    parser.add_argument("--list", action="store_true", help="show each row's tests, run nothing")
    options, arguments = parser.parse_known_args()
    proofs = table.proofs()
    if options.list:
        for number in sorted({row for rows in proofs.values() for row in rows}):
            for test in (test for test, rows in proofs.items() if number in rows):
                print(f"{number}\t{test}")
        return 0
    started = time.monotonic()
    outcomes = table.run(arguments)
    if not arguments:
        page = table.page(proofs, outcomes, time.monotonic() - started)
        table.README.write_text(page, encoding="utf-8")
    proven = {row for test, rows in proofs.items() for row in rows if test in outcomes}
    return int("failed" in outcomes.values() or proven != table.rows().keys())


if __name__ == "__main__":
    sys.exit(main())
