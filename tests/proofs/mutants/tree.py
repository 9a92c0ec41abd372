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

PARTS: Final = ("mem0tray", "tests", "icons", "packaging", "pyproject.toml", "README.md")
_CLEAN: Final = 900.0  # seconds for all tests of a room, unchanged
# A mutant that root runs may write where a link of a test leads.
_KEEP_DEVICES: Final = 'mount --bind /dev/zero /dev/zero && exec "$@"'
_FAILED: Final = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


class Outcome(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMED_OUT = "timed out"
    REFUSED = "refused"  # by mypy: it cannot be put into the project, whatever the tests say
    NO_EFFECT = "no effect"
    SURVIVED = "survived"


ORDER: Final = tuple(Outcome)
DEAD: Final = ORDER[:3]


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
        self._clean: dict[str, tuple[float, list[str]]] = {}  # seconds, and what fails anyway

    def tried(self, mutant: "Mutant", room: str, tests: Sequence[str]) -> Result:
        """Change the file, run the module's own tests, then the room's, then mypy."""
        if room not in self._clean:
            began = time.monotonic()
            code, said = self._run([*tests], _CLEAN)
            if code not in {0, 1}:
                raise OSError(f"the tests of {room} do not run: {said}")
            self._clean[room] = time.monotonic() - began, _FAILED.findall(said)
        seconds, failing = self._clean[room]
        deselected = [word for test in failing for word in ("--deselect", test)]
        outcome, by = Outcome.SURVIVED, ""
        with self._changed(mutant):
            for some in (self._own(mutant.path), [*tests]):
                code, said = (
                    self._run(["-x", *deselected, *some], 30 + 5 * seconds) if some else (0, "")
                )
                if code != 0:
                    outcome = Outcome.TIMED_OUT if code is None else Outcome.KILLED
                    by = next(iter(_FAILED.findall(said)), "")
                    break
            else:
                mypy = [sys.executable, "-m", "mypy", "--no-error-summary", "mem0tray"]
                asked = subprocess.run(mypy, cwd=self.root, capture_output=True, check=False)
                outcome = Outcome.REFUSED if asked.returncode else outcome
        about = (mutant.name, room, mutant.path, mutant.function, mutant.before, mutant.after)
        return Result(*about, outcome, by)

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
        env = {**os.environ, "PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider"]
        if os.geteuid() == 0:
            command[:0] = ["unshare", "--mount", "sh", "-c", _KEEP_DEVICES, "sh"]
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
