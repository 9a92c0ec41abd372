"""Change the product in many small ways, one at a time, and see whether the tests notice."""

import argparse
import json
import random
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from tests.proofs.mutants import mutations
from tests.proofs.mutants.mutations import ROOMS, Mutant, source_of
from tests.proofs.mutants.trial import Outcome, Result, Seen, Tree
from tests.support.home import REPOSITORY

EDGE: Final = "\r" if sys.stderr.isatty() else "\n"
NO_EFFECT: Final = "no effect"
DEAD: Final = (Outcome.KILLED, Outcome.TIMED_OUT, Outcome.REFUSED)
ORDER: Final = (*DEAD, NO_EFFECT, Outcome.SURVIVED, Outcome.NOT_COVERED)
Key = tuple[str, str, str, str]  # path, function, before, after


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the results."""

    name: str
    room: str
    path: str
    function: str
    before: str
    after: str
    outcome: str
    by: str = ""  # the test that failed
    why: str = ""  # it has no effect
    tests: int = 0
    seconds: float = 0.0

    @property
    def key(self) -> Key:
        """What it is recognised by in `no_effect.toml`."""
        return self.path, self.function, self.before, self.after

    def __str__(self) -> str:
        before, after = (text.replace("\n", "\n      ") for text in (self.before, self.after))
        where = f"{self.path}  {self.function or '(module)'}"
        return f"{self.outcome:<12}{where}\n    - {before}\n    + {after}"


def main() -> int:
    """Print what became of them; 1 when any is left that a test should have noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=300, help="how many (default: 300)")
    parser.add_argument("--seed", type=int, default=7, help="which ones (default: 7)")
    parser.add_argument("--room", action="append", choices=ROOMS, help="these only (repeatable)")
    parser.add_argument(
        "--file", action="append", metavar="PATTERN", default=[],
        help="these files of the rooms only, as mem0tray/worker/reporting/*.py (repeatable)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")
    parser.add_argument(
        "--results", type=Path, metavar="FILE",
        help="note each outcome there; those killed there already are not run again",
    )  # fmt: skip
    options = parser.parse_args()
    chosen = sample(options.room or list(ROOMS), options.sample, options.seed, options.file)
    told: list[Told] = []
    try:
        for one in run(chosen, earlier(options.results)):
            told.append(one)
            note(options.results, one)
            tell(told, len(chosen))
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
    print(document(told, options) if options.json else summary(told, len(chosen)))
    return int(len(told) < len(chosen) or any(alive(one) for one in told))


def sample(
    names: Iterable[str], count: int, seed: int, files: Sequence[str] = ()
) -> list[tuple[str, Mutant]]:
    """Draw mutants with their rooms, each place in the text as likely as any other.

    `files` has patterns of modules, relative to the project; none leaves out nothing.
    """
    sources = {
        path: (name, source_of(path, (REPOSITORY / path).read_text(encoding="utf-8")))
        for name in names
        for path in mutations.modules_of(ROOMS[name], REPOSITORY)
        if not files or mutations.matches(path, files)
    }
    places = [(path, n) for path, (_, source) in sources.items() for n in range(len(source))]
    random.Random(seed).shuffle(places)  # noqa: S311 - a sample, no secret
    found: dict[str, tuple[str, Mutant]] = {}
    for path, number in places:
        if len(found) == count:
            break
        room, source = sources[path]
        if mutant := source.mutant(number):
            found.setdefault(mutant.name, (room, mutant))
    return sorted(found.values(), key=lambda one: (list(ROOMS).index(one[0]), one[1].path))


def run(chosen: list[tuple[str, Mutant]], before: dict[str, Told]) -> Iterator[Told]:
    """Try each that was not killed before, room by room."""
    reasons = no_effect()
    temporary = tempfile.TemporaryDirectory(prefix="mutants-")
    with temporary as folder, Tree(REPOSITORY, Path(folder)) as tree:
        seen: dict[str, Seen] = {}
        for room, mutant in chosen:
            if mutant.name in before:
                yield before[mutant.name]
                continue
            if room not in seen:
                seen[room] = look(tree, room)
            told = as_told(room, mutant, tree.run(mutant, seen[room]))
            yield with_reason(told, reasons)


def look(tree: Tree, room: str) -> Seen:
    """Run a room's tests unchanged, and say how they went."""
    started = time.monotonic()
    seen = tree.look(ROOMS[room])
    seconds = time.monotonic() - started
    line = f"{room}: {len(seen.seconds)} test functions, unchanged, in {seconds:.0f} s"
    print(line, f"FAILED: {', '.join(seen.failed)}" if seen.failed else "", file=sys.stderr)
    return seen


def as_told(room: str, mutant: Mutant, result: Result) -> Told:
    return Told(
        mutant.name, room, mutant.path, mutant.function, mutant.before, mutant.after,
        result.outcome.value, result.by, "", result.tests, round(result.seconds, 2),
    )  # fmt: skip


def no_effect() -> dict[Key, str]:
    """Those that change nothing, and why."""
    text = Path(__file__).with_name("no_effect.toml").read_text(encoding="utf-8")
    entries = tomllib.loads(text).get("mutant", [])
    return {(e["path"], e["function"], e["before"], e["after"]): e["why"] for e in entries}


def with_reason(told: Told, reasons: dict[Key, str]) -> Told:
    """Take a survivor that has a sentence as one without effect."""
    why = reasons.get(told.key)
    if why is None or told.outcome in DEAD:
        return told
    return replace(told, outcome=NO_EFFECT, why=why)


def alive(one: Told) -> bool:
    """Whether a test should have noticed it."""
    return one.outcome in {Outcome.SURVIVED, Outcome.NOT_COVERED}


def earlier(path: Path | None) -> dict[str, Told]:
    if path is None or not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    told = [Told(**json.loads(line)) for line in lines]
    return {one.name: one for one in told if one.outcome in DEAD}


def note(path: Path | None, one: Told) -> None:
    """Append an outcome to the file of results."""
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(fields(one), ensure_ascii=False) + "\n")


def fields(one: Told) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Told.__slots__}


def tell(told: list[Told], total: int) -> None:
    """Show how far it is, in one line that is written over."""
    counts = Counter(one.outcome for one in told)
    parts = ", ".join(f"{name} {counts[name]}" for name in ORDER if counts[name])
    print(f"{len(told)} of {total}: {parts:<90}", end=EDGE, file=sys.stderr, flush=True)


def document(told: list[Told], options: argparse.Namespace) -> str:
    counts = Counter(one.outcome for one in told)
    found = {
        "sample": len(told),
        "seed": options.seed,
        "counts": {str(name): counts[name] for name in ORDER},
        "mutants": [fields(one) for one in told],
    }
    return json.dumps(found, indent=2, ensure_ascii=False)


def summary(told: list[Told], total: int) -> str:
    """Say it for people: those alive, and a table that adds up."""
    lines = [str(one) for one in told if alive(one)]
    lines += ["", "room        " + "".join(f"{name:>13}" for name in ("mutants", *ORDER, "score"))]
    for room in (*ROOMS, ""):
        own = [one for one in told if room in {one.room, ""}]
        if own:
            lines.append(_row(room or "all", own))
    if len(told) < total:
        lines.append(f"{total - len(told)} of {total} not tried")
    return "\n".join(lines)


def _row(title: str, told: list[Told]) -> str:
    counts = Counter(one.outcome for one in told)
    dead = sum(counts[name] for name in DEAD)
    cells = [len(told), *(counts[name] for name in ORDER)]
    return f"{title:<12}" + "".join(f"{n:>13}" for n in cells) + f"{dead / len(told):>13.1%}"


if __name__ == "__main__":
    sys.exit(main())
