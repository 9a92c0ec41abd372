"""A copy of the project in which one file at a time is changed, and the tests that should tell."""

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from tests.proofs.mutants import mutations
from tests.proofs.mutants.mutations import Room

if TYPE_CHECKING:
    from tests.proofs.mutants.mutations import Mutant

PARTS: Final = ("mem0tray", "tests", "icons", "packaging", "pyproject.toml", "README.md")
CACHE: Final = ".mypy_cache"
CLEAN_TIMEOUT: Final = 900.0  # seconds for all tests of a room, unchanged
ENOUGH: Final = 60.0  # seconds of tests, as they took unchanged and measured, for one mutant
LONG: Final = 2.0  # seconds; what takes longer is run last
QUIET: Final = (
    "-q", "--tb=no", "-p", "no:cacheprovider", "-p", "timeout", "-p", "hypothesispytest",
)  # fmt: skip


class Outcome(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMED_OUT = "timed out"
    REFUSED = "refused"  # by mypy: it cannot be put into the project, whatever the tests say
    SURVIVED = "survived"
    NOT_COVERED = "not covered"


@dataclass(frozen=True, slots=True)
class Result:
    """A mutant's outcome, and how it came about."""

    outcome: Outcome
    by: str = ""  # the first test that failed
    tests: int = 0  # functions that were run, or would have been
    seconds: float = 0.0


@dataclass
class Seen:
    """What the tests of a room run, unchanged: which lines, how long, and whether they pass."""

    seconds: dict[str, float] = field(default_factory=dict)
    ran: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)  # these cannot tell a mutant

    def tests(self, mutant: "Mutant") -> list[str]:
        """Tests that run what is changed: the module's own first, the long ones last.

        What is run on import any test of the room may notice: those that go through nothing
        else of the module come after the others.
        """
        lines = self.ran.get(mutant.path, {})
        found = {test for line in mutant.lines for test in lines.get(str(line), [])}
        near = {test for tests in lines.values() for test in tests}
        own = mutations.mirrored(mutant.path)
        if "" in found or mutant.path.endswith(".sql"):  # nobody counts the lines of SQL
            found = set(self.seconds)

        def order(test: str) -> tuple[bool, bool, bool, float]:
            is_own, seconds = test.startswith(own), self._long(test)
            return not (is_own or test in near), seconds > LONG, not is_own, seconds

        chosen, total = [], 0.0
        for test in sorted(found - {"", *self.failed}, key=order):
            total += self._long(test)
            if total > ENOUGH:
                break
            chosen.append(test)
        return chosen

    def _long(self, test: str) -> float:
        return self.seconds.get(test, 0.0)

    def timeout(self, tests: list[str]) -> float:
        """Seconds that these tests may take with a mutant, on a machine with much else to do."""
        return 30 + 10 * sum(map(self._long, tests))


class Tree:
    """The copy, with a server that runs its tests."""

    def __init__(self, project: Path, scratch: Path) -> None:
        self._project, self.root = project, scratch / "tree"
        self._server: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        for part in (*PARTS, CACHE) if (self._project / CACHE).exists() else PARTS:
            source, target = self._project / part, self.root / part
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", ".hypothesis")
                shutil.copytree(source, target, ignore=ignored)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        server = self.root / "tests" / "proofs" / "mutants" / "fork_server.py"
        self._server = subprocess.Popen(
            [sys.executable, "-B", str(server), str(self.root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._server is not None and self._server.stdin and self._server.stdout:
            if kind is not None:  # interrupted, in the middle of an order
                self._server.kill()
            self._server.stdin.close()
            self._server.wait()
            self._server.stdout.close()

    def look(self, room: Room) -> Seen:
        """Run all tests of a room, unchanged. OSError when that cannot be done."""
        arguments = [*QUIET, "--durations=0", *mutations.suite(room, self.root)]
        names = mutations.modules_of(room, self.root)
        measure = [str(self.root / name) for name in names if name.endswith(".py")]
        result = self._run(arguments, CLEAN_TIMEOUT, measure)
        if result["code"] not in {0, 1}:
            raise OSError(f"the tests of the room do not run: {result['output']}")
        return Seen(result["tests"], result["ran"], result["failed"])

    def run(self, mutant: "Mutant", seen: Seen) -> Result:
        """Change the file, run the tests that should tell, and put it back."""
        tests = seen.tests(mutant)
        if not tests:
            return Result(self._checked(mutant, Outcome.NOT_COVERED))
        with self._changed(mutant):
            result = self._run([*QUIET, "-x", *tests], seen.timeout(tests), [])
        outcome = {0: Outcome.SURVIVED, None: Outcome.TIMED_OUT}.get(result["code"], Outcome.KILLED)
        taken = sum(result["tests"].values())
        if outcome is Outcome.SURVIVED:
            return Result(self._checked(mutant, outcome), "", len(tests), taken)
        return Result(outcome, next(iter(result["failed"]), ""), len(tests), taken)

    def _checked(self, mutant: "Mutant", outcome: Outcome) -> Outcome:
        """What it is when mypy has its say; it is asked of those alone that the tests let live."""
        with self._changed(mutant):
            command = [sys.executable, "-m", "mypy", "--no-error-summary", "mem0tray"]
            asked = subprocess.run(command, cwd=self.root, capture_output=True, check=False)
        if asked.returncode not in {0, 1}:
            raise OSError(f"mypy does not run: {asked.stderr.decode()}")
        return Outcome.REFUSED if asked.returncode else outcome

    @contextlib.contextmanager
    def _changed(self, mutant: "Mutant") -> Iterator[None]:
        path = self.root / mutant.path
        before = path.read_text(encoding="utf-8")
        path.write_text(mutant.code, encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(before, encoding="utf-8")

    def _run(self, arguments: list[str], timeout: float, measure: list[str]) -> dict[str, Any]:
        server = self._server
        if server is None or server.stdin is None or server.stdout is None:
            raise RuntimeError("used outside of its with statement")
        order = {"arguments": arguments, "timeout": timeout, "measure": measure}
        print(json.dumps(order), file=server.stdin, flush=True)
        result: dict[str, Any] = json.loads(server.stdout.readline())
        return result
