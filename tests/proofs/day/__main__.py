"""Plays a day of events to the real tray, and says what it needed."""

import argparse
import tempfile
from pathlib import Path

from tests.proofs.day.proof import MEGABYTE, Result, faults, play
from tests.support.desktop import Desktop


def main() -> int:
    """Print a table and the verdict; 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.day", description=__doc__)
    parser.add_argument("--hours", type=int, default=24, help="how many (default: 24)")
    parser.add_argument("--seed", type=int, default=7, help="of what happens (default: 7)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, Desktop(Path(scratch, "desktop")) as desktop:
        result = play(desktop, Path(scratch, "player"), options.hours, options.seed)
    print(table(result))
    found = list(faults(result))
    print("\n".join(found) or "One notification for each episode, at most six an hour; all flat.")
    return int(bool(found))


def table(result: Result) -> str:
    """Warm, at the end, and the most after warming up."""
    warm, end, rest = result.needs[result.warm], result.needs[-1], result.needs[result.warm :]
    lines = [f"| | after hour {result.warm + 1} | at the end | at most |", "|---|---|---|---|"]
    for name in warm:
        values = [warm[name], end[name], max(each[name] for each in rest)]
        shown = [f"{v / MEGABYTE:.1f} MB" if v >= MEGABYTE else str(v) for v in values]
        lines.append(f"| {name} | {' | '.join(shown)} |")
    stormy = sum(each.stormy for each in result.shown)
    lines.append(
        f"\n{len(result.needs)} hours, {len(result.expected)} notifications expected and"
        f" {len(result.shown) - stormy} shown, {stormy} more in storms"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
