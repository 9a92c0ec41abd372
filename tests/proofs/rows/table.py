"""The rows of the table of faults, and the page that says which tests prove them."""

import contextlib
import io
import os
import platform
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.support.home import REPOSITORY

HERE: Final = Path(__file__).parent
README: Final = HERE / "README.md"
_ROW: Final = re.compile(r"\| (\d+) \| (.+) \| (.+) \|")
_LAST_RUN: Final = "Last run: "


class Row(NamedTuple):
    """One row: what happens, and what must hold then."""

    number: int
    case: str
    holds: str


def rows() -> dict[int, Row]:
    found = _ROW.findall((HERE / "faults.md").read_text(encoding="utf-8"))
    return {int(number): Row(int(number), case, holds) for number, case, holds in found}


def verdict(outcomes: Sequence[str]) -> str:
    """Sum up what became of the cases of a row: `12 passed, 1 skipped`."""
    counts = Counter(outcomes)
    told = [f"{counts[name]} {name}" for name in ("passed", "skipped", "not run") if counts[name]]
    if counts["failed"]:
        told.insert(0, f"**{counts['failed']} FAILED**")
    return ", ".join(told) or "**no test**"


def page(proofs: Mapping[str, Sequence[int]], outcomes: Mapping[str, str], took: float) -> str:
    """Write the page anew below its introduction; `proofs` maps each test to its rows.

    `took` is in seconds.
    """
    introduction = README.read_text(encoding="utf-8").partition(_LAST_RUN)[0]
    now = datetime.now(tz=UTC).strftime("%Y-%m-%d %H:%M UTC")
    kernel = platform.release().partition("-")[0]
    told = (
        f"{_LAST_RUN}{now}, {verdict([outcomes.get(test, 'not run') for test in proofs])}"
        f" in {took:.0f} s"
        f" (Python {platform.python_version()}, {platform.system()} {kernel})."
    )
    lines = [introduction.rstrip(), "", told, "", "| # | case | must hold | tests | result |"]
    lines.append("|---|---|---|---|---|")
    for row in rows().values():
        tests = [test for test, numbers in proofs.items() if row.number in numbers]
        result = verdict([outcomes.get(test, "not run") for test in tests])
        names = "<br>".join(_names(tests))
        lines.append(f"| {row.number} | {row.case} | {row.holds} | {names} | {result} |")
    return "\n".join([*lines, ""])


def _names(tests: Sequence[str]) -> list[str]:
    functions = Counter(test.partition("[")[0] for test in tests)
    told = []
    for function, cases in functions.items():
        path, _, name = function.partition("::")
        link = Path("../..", *Path(path).parts[1:]).as_posix()
        told.append(f"[{name}]({link})" + (f" × {cases}" if cases > 1 else ""))
    return told


_PLUGINS: Final = ("xdist", "timeout", "hypothesispytest")


class Watch:
    """Maps each collected test to the rows it names, and each that ran to what became of it."""

    def __init__(self) -> None:
        self.proofs: dict[str, list[int]] = {}
        self.outcomes: dict[str, str] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            marks = item.iter_markers("row")
            self.proofs[item.nodeid] = sorted({number for mark in marks for number in mark.args})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed or report.nodeid not in self.outcomes or report.skipped:
            self.outcomes[report.nodeid] = report.outcome

    def pytest(self, *arguments: str) -> int:
        """Run the tests that name rows, with the plugins that `packaging/test` gives them."""
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        plugins = [word for name in _PLUGINS for word in ("-p", name)]
        chosen = ["--rootdir", str(REPOSITORY), "-p", "no:cacheprovider", "-m", "row"]
        chosen += map(str, marked())  # other files need not be read
        return int(pytest.main([*plugins, *chosen, *arguments], plugins=[self]))


def proofs() -> dict[str, list[int]]:
    """Collect every test that names rows. RuntimeError when one cannot be collected."""
    watch, said = Watch(), io.StringIO()
    with contextlib.redirect_stdout(said):
        code = watch.pytest("--collect-only", "-q")
    if code:
        raise RuntimeError(said.getvalue())
    return watch.proofs


def run(arguments: Sequence[str]) -> dict[str, str]:
    """Run them all, as many at once as there are cores; what became of each."""
    watch = Watch()
    watch.pytest("-n", str(os.cpu_count() or 1), "--dist", "worksteal", *arguments)
    return watch.outcomes


def marked() -> list[Path]:
    files = sorted(REPOSITORY.glob("tests/**/test_*.py"))
    return [path for path in files if "mark.row(" in path.read_text(encoding="utf-8")]
