"""A copy of the project in which one file at a time is changed, and the tests that should tell."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.proofs.mutants.mutations import Mutant

PARTS: Final = (
    "mem0tray", "tests", "icons", "packaging", ".github", "pyproject.toml", "README.md",
    "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE",
)  # fmt: skip
# As `packaging/test` runs them, but for browser and desktop: a third of the time.
SUITE: Final = (
    "-n", str(4 * (os.cpu_count() or 1)), "--dist", "worksteal",
    *(f"--ignore=tests/{name}" for name in ("proofs", "desktop", "window")), "tests",
)  # fmt: skip
_PLUGINS: Final = ("-p", "xdist", "-p", "timeout", "-p", "hypothesispytest")
_CLEAN: Final = 900.0  # seconds for all tests of a room, or for the suite, unchanged
_FAILED: Final = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


class Outcome(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMED_OUT = "timed out"
    REFUSED = "refused"  # by mypy: it cannot be put into the project, whatever the tests say
    ELSEWHERE = "elsewhere"  # by a test of the suite that is not of its room
    NO_EFFECT = "no effect"
    SURVIVED = "survived"


ORDER: Final = tuple(Outcome)
DEAD: Final = ORDER[:4]


@dataclass(frozen=True, slots=True)
class Result:
    """A mutant's outcome, and the first test that failed."""

    name: str
    room: str
    path: str
    function: str
    before: str
    after: str
    outcome: str
    by: str = ""

    def __str__(self) -> str:
        before, after = (text.replace("\n", "\n      ") for text in (self.before, self.after))
        where = f"{self.path}  {self.function or '(module)'}"
        return f"{self.outcome:<12}{where}  {self.by}\n    - {before}\n    + {after}"


class Tree:
    """The copy; what its tests need unchanged is measured once for each room."""

    def __init__(self, project: Path, scratch: Path) -> None:
        self.root = scratch / "tree"
        ignored = shutil.ignore_patterns("__pycache__", ".hypothesis")
        for part in (*PARTS, ".mypy_cache"):
            source = project / part
            if source.is_dir():
                shutil.copytree(source, self.root / part, ignore=ignored)
            elif source.exists():
                shutil.copy2(source, self.root / part)
        self._clean: dict[tuple[str, ...], tuple[float, list[str]]] = {}

    def tried(self, mutant: "Mutant", room: str, tests: Sequence[str]) -> Result:
        """Change the file; run the module's own tests, the room's, mypy, and the suite."""
        outcome, by = self._became(mutant, tests)
        about = (mutant.name, room, mutant.path, mutant.function, mutant.before, mutant.after)
        return Result(*about, outcome, by)

    def _became(self, mutant: "Mutant", tests: Sequence[str]) -> tuple[Outcome, str]:
        for some in (tests, SUITE):
            self._unchanged(some)
        with self._changed(mutant):
            own = self._own(mutant.path)
            for some in ([own] if own else []) + [[*tests]]:
                code, by = self._first_failed(some, self._unchanged(tests))
                if code != 0:
                    return (Outcome.TIMED_OUT if code is None else Outcome.KILLED), by
            mypy = [sys.executable, "-m", "mypy", "--no-error-summary", "mem0tray"]
            if subprocess.run(mypy, cwd=self.root, capture_output=True, check=False).returncode:
                return Outcome.REFUSED, ""
            seconds, failing = self._unchanged(SUITE)
            while found := self._first_failed(SUITE, (seconds, failing))[1]:
                if self._first_failed([found], (seconds, []))[0] != 0:  # no chance of a busy moment
                    return Outcome.ELSEWHERE, found
                failing = [*failing, found]
        return Outcome.SURVIVED, ""

    def _unchanged(self, tests: Sequence[str]) -> tuple[float, list[str]]:
        """Run them on the project as it is, once: the seconds, and what fails anyway."""
        if tuple(tests) not in self._clean:
            began = time.monotonic()
            code, said = self._run(tests, _CLEAN)
            if code not in {0, 1}:
                raise OSError(f"these tests do not run: {' '.join(tests)}\n{said}")
            self._clean[tuple(tests)] = time.monotonic() - began, _FAILED.findall(said)
        return self._clean[tuple(tests)]

    def _first_failed(
        self, tests: Sequence[str], clean: tuple[float, list[str]]
    ) -> tuple[int | None, str]:
        """Run them up to the first that fails; pytest's exit code, as `_run`, and its name."""
        seconds, failing = clean
        deselected = [word for test in failing for word in ("--deselect", test)]
        code, said = self._run(["-x", *deselected, *tests], 30 + 5 * seconds)
        return code, next(iter(_FAILED.findall(said)), "")

    def _own(self, path: str) -> list[str]:
        module = Path("tests", Path(path).relative_to("mem0tray"))
        found = self.root.glob(f"{module.parent}/test_{module.stem}*.py")
        return sorted(each.relative_to(self.root).as_posix() for each in found)

    @contextlib.contextmanager
    def _changed(self, mutant: "Mutant") -> Iterator[None]:
        path = self.root / mutant.path
        before = path.read_text(encoding="utf-8")
        path.write_text(mutant.code, encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(before, encoding="utf-8")

    def _run(self, arguments: Sequence[str], timeout: float) -> tuple[int | None, str]:
        """Run pytest; its exit code (None: it took too long) and what it said."""
        env = {**os.environ, "PYTHONPATH": str(self.root), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        if "-n" not in arguments:  # many processes would each compile every test anew
            # What was compiled a moment ago would be taken for that of the next mutant.
            env["PYTHONDONTWRITEBYTECODE"] = "1"
        command = [sys.executable, "-m", "pytest", *_PLUGINS]
        command += ["-q", "--tb=no", "-p", "no:cacheprovider"]
        process = subprocess.Popen(
            [*command, *arguments], cwd=self.root, env=env, start_new_session=True, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        code: int | None = None
        said = ""
        with process, contextlib.suppress(subprocess.TimeoutExpired):
            try:
                said, _ = process.communicate(timeout=timeout)
                code = process.returncode
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        return code, said
