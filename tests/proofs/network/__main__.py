"""Run the faults that are named, or all of them, and print the table."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.proofs.network import __doc__ as about
from tests.proofs.network.matrix import CASES, Case, Trial, check
from tests.support.fault_proxy import FaultProxy
from tests.support.home import Home
from tests.support.standin import Standin

HEAD = """\
| fault | an attempt counts | all struck: `down`, reason | sent, all struck | sent, saves struck \
| the same, keys | peak | wrong |
|---|---|---|---|---|---|---|---|"""


def run(name: str, case: Case) -> tuple[str, bool]:
    """Run one fault against both kinds of server; its row, and whether all held."""
    wrong: list[str] = []
    cells: list[str] = []
    peak = 0
    for keys in (False, True):
        with (
            tempfile.TemporaryDirectory() as scratch,
            Standin(honours_keys=keys, can_be_asked=not keys) as server,
            FaultProxy(server.url) as proxy,
            Home(Path(scratch, "home")) as home,
        ):
            trial = Trial(home, server, proxy)
            trial.start(case.env)
            everything = trial.everything(name, case)
            saves = trial.saves_alone(name, case)
        wrong += check(case, everything, alone=False) + check(case, saves, alone=True)
        peak = max(peak, saves.peak)
        cells += [] if keys else [everything.said.replace("|", "/"), str(everything.sent)]
        cells.append(str(saves.sent))
    counts = "yes" if case.counts else "no"
    row = [name, counts, *cells, f"{peak >> 20} MB", "; ".join(wrong) or "nothing"]
    return f"| {' | '.join(row)} |", not wrong


def main() -> int:
    """Print the table; 1 when something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.network", description=about)
    parser.add_argument("name", nargs="*", help="beginnings of names of faults (default: all)")
    names = tuple(parser.parse_args().name) or ("",)
    print(HEAD, flush=True)
    held = True
    for name, case in CASES.items():
        if name.startswith(names):
            row, good = run(name, case)
            held &= good
            print(row, flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
