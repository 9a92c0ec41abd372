"""Change the product in many small ways, one at a time, and see whether the tests notice."""

import argparse
import json
import random
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from tests.proofs.mutants.mutations import Mutant, changes, mutant
from tests.proofs.mutants.tree import DEAD, ORDER, Outcome, Result, Tree
from tests.support.home import REPOSITORY

_TEXTS: Final = "tests/core/test_language.py"  # looks for the texts of all rooms
# The modules of a room, and its tests: the files of a module's own name are tried first.
ROOMS: Final[dict[str, tuple[Sequence[str], Sequence[str]]]] = {
    "core": (["mem0tray/core/**/*.py"], ["tests/core", "tests/files", "tests/worker/dlq"]),
    "files": (["mem0tray/files/**/*.py"], ["tests/files", _TEXTS]),
    "config": (
        ["mem0tray/config/**/*.py", "mem0tray/system/paths.py"],
        ["tests/config", "tests/system", "tests/cli/test_config.py", _TEXTS],
    ),
    "ledger": (
        ["mem0tray/ledger/**/*.py", "mem0tray/ledger/queries.sql"],
        ["tests/ledger", "tests/actions", _TEXTS],
    ),
    "server": (["mem0tray/server/**/*.py"], ["tests/server", "tests/worker/sending", _TEXTS]),
    "worker": (
        ["mem0tray/worker/**/*.py"],
        [
            "tests/worker", "tests/actions/test_one_writer.py",
            "tests/proofs/model/test_model.py", "tests/proofs/planted", _TEXTS,
        ],
    ),
}  # fmt: skip


def main() -> int:
    """Print what became of them; 1 when any is left that a test should have noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=300, help="how many (default: 300)")
    parser.add_argument("--seed", type=int, default=7, help="which ones (default: 7)")
    parser.add_argument("--room", action="append", choices=ROOMS, help="these only (repeatable)")
    parser.add_argument(
        "--file", action="append", metavar="PATTERN", default=[],
        help="these files of the rooms only, as mem0tray/worker/log.py (repeatable)",
    )  # fmt: skip
    parser.add_argument(
        "--results", type=Path, metavar="FILE", help="note each there, and try no dead one again"
    )
    options = parser.parse_args()
    chosen = sample(options.room or ROOMS, options.sample, options.seed, options.file)
    found = [Result(**json.loads(line)) for line in lines(options.results)]
    results = {each.name: each for each in found if each.outcome in DEAD}
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Tree(REPOSITORY, Path(folder))
        for number, (room, each) in enumerate(chosen, 1):
            if each.name not in results:
                result = with_reason(tree.tried(each, room, ROOMS[room][1]))
                results[each.name] = result
                if options.results:
                    with options.results.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(asdict(result)) + "\n")
            print(f"{number} of {len(chosen)}", results[each.name], sep="\n", file=sys.stderr)
    own = [results[each.name] for _, each in chosen]
    print(summary(own))
    return int(any(each.outcome == Outcome.SURVIVED for each in own))


def lines(path: Path | None) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path and path.exists() else []


def sample(
    rooms: Iterable[str], count: int, seed: int, files: Sequence[str] = ()
) -> list[tuple[str, Mutant]]:
    """Draw mutants with their rooms, each place in the text as likely as any other."""
    texts = {
        path: (room, (REPOSITORY / path).read_text(encoding="utf-8"))
        for room in rooms
        for path in modules(room)
        if not files or any(fnmatch(path, pattern) for pattern in files)
    }
    places = [(path, each) for path, (_, text) in texts.items() for each in changes(path, text)]
    random.Random(seed).shuffle(places)  # noqa: S311 - a sample, no secret
    found: dict[str, tuple[str, Mutant]] = {}
    for path, change in places:
        room, text = texts[path]
        if len(found) < count and (made := mutant(path, text, change)):
            found.setdefault(made.name, (room, made))
    return sorted(found.values(), key=lambda one: (list(ROOMS).index(one[0]), one[1].path))


def modules(room: str) -> list[str]:
    found = {path for pattern in ROOMS[room][0] for path in REPOSITORY.glob(pattern)}
    return sorted(path.relative_to(REPOSITORY).as_posix() for path in found)


def with_reason(result: Result) -> Result:
    """Take a survivor that has a sentence in `no_effect.toml` as one without effect."""
    text = Path(__file__).with_name("no_effect.toml").read_text(encoding="utf-8")
    wanted = ("path", "function", "before", "after")
    key = [getattr(result, name) for name in wanted]
    known = any(key == [each[name] for name in wanted] for each in tomllib.loads(text)["mutant"])
    is_known = known and result.outcome == Outcome.SURVIVED
    return replace(result, outcome=Outcome.NO_EFFECT) if is_known else result


def summary(results: Sequence[Result]) -> str:
    """Say it for people: those alive, and a table that adds up."""
    told = [str(each) for each in results if each.outcome == Outcome.SURVIVED]
    told += ["", "".join(f"{name:>11}" for name in ("room", "mutants", *ORDER, "score"))]
    for room in (*ROOMS, "all"):
        own = Counter(each.outcome for each in results if room in {each.room, "all"})
        if total := own.total():
            dead = sum(own[name] for name in DEAD)
            cells = [room, str(total), *(str(own[name]) for name in ORDER), f"{dead / total:.1%}"]
            told.append("".join(f"{cell:>11}" for cell in cells))
    return "\n".join(told)


if __name__ == "__main__":
    sys.exit(main())
