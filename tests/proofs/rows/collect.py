"""Plugins for pytest: which tests prove which rows, and what became of them."""

import contextlib
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

_PLUGINS: Final = ("xdist", "timeout", "hypothesispytest")
ROOT: Final = Path(__file__).resolve().parents[3]


class Collection:
    """Maps each collected test to the rows that it names."""

    def __init__(self) -> None:
        self.proofs: dict[str, list[int]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember what every test says that it proves."""
        for item in session.items:
            marks = item.iter_markers("row")
            self.proofs[item.nodeid] = sorted({number for mark in marks for number in mark.args})


class Outcomes:
    """Maps each test that ran to `passed`, `skipped` or `failed`."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Let the worst of set-up, call and tear-down stand."""
        if report.failed or report.nodeid not in self.outcomes or report.skipped:
            self.outcomes[report.nodeid] = report.outcome


def proofs() -> dict[str, list[int]]:
    """Collect every test that names rows. RuntimeError when one cannot be collected."""
    collection, said = Collection(), io.StringIO()
    with contextlib.redirect_stdout(said):
        code = _pytest(["--collect-only", "-q", *selection()], collection)
    if code:
        raise RuntimeError(said.getvalue())
    return collection.proofs


def run(arguments: Sequence[str]) -> dict[str, str]:
    """Run them all, as many at once as there are cores; what became of each."""
    results = Outcomes()
    several = ["-n", str(os.cpu_count() or 1), "--dist", "worksteal"]
    _pytest([*selection(), *several, *arguments], results)
    return results.outcomes


def _pytest(arguments: Sequence[str], plugin: object) -> int:
    """Run pytest in this process, with the plugins that `packaging/test` gives it."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    named = [word for name in _PLUGINS for word in ("-p", name)]
    return int(pytest.main([*named, *arguments], plugins=[plugin]))


def selection() -> list[str]:
    """Give pytest's arguments that select them: other files need not be read."""
    files = sorted(ROOT.glob("tests/**/test_*.py"))
    marked = [str(path) for path in files if "mark.row(" in path.read_text(encoding="utf-8")]
    return ["--rootdir", str(ROOT), "-p", "no:cacheprovider", "-m", "row", *marked]
