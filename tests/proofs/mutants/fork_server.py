"""Run pytest again and again as forks of one interpreter, which has imported what takes long.

    fork_server.py ROOT

Each line of standard input is an order in JSON, each line of standard output its result, one at
a time. An order has `arguments` (pytest's), `timeout` (seconds for all of it) and `measure` (files
of which it is noted which test runs which line; none: nothing is). A result has `code` (pytest's
exit code; null: it took too long), `output` (the end of what it printed), `failed` (the
tests that failed), `tests` (seconds that each took) and `ran` (file → line → the tests, "" for
what ran outside of any).

The server has imported nothing of the project, so that each fork imports the files as they are.
Whatever a test leaves running is ended with it.
"""

import contextlib
import ctypes
import importlib
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import coverage
import hypothesis
import pytest

PRELOADED: Final = (
    "httpx", "httpcore", "msgspec", "watchdog.observers", "click", "rich.console", "rich.table",
    "tomlkit", "starlette.applications", "uvicorn", "sqlite3", "trustme", "jinja2",
    "hypothesis.strategies", "hypothesis.stateful", "unittest.mock", "asyncio",
)  # fmt: skip
_SET_PDEATHSIG, _SET_CHILD_SUBREAPER = 1, 36
_OUTPUT: Final = 2000  # characters of pytest's, its last


class Recorder:
    """A plugin of pytest that notes what each test took, and which lines it ran."""

    def __init__(self, measure: coverage.Coverage | None) -> None:
        self.failed: list[str] = []
        self.tests: dict[str, float] = {}
        self._measure = measure

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Count what runs from here on as the test's."""
        if self._measure is not None:
            self._measure.switch_context(_function(item.nodeid))
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up what a test takes, with what is set up for it; note the failures."""
        name = _function(report.nodeid)
        self.tests[name] = self.tests.get(name, 0.0) + report.duration
        if report.failed:
            self.failed.append(name)


def main() -> None:
    """Carry out orders until there are no more."""
    root = str(Path(sys.argv[1]).resolve())
    os.chdir(root)
    sys.path[0] = root  # in place of this file's folder
    os.environ["PYTHONPATH"] = root  # for the programs that tests start
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # they would come too late for some
    for module in PRELOADED:
        importlib.import_module(module)
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for line in sys.stdin:
        print(json.dumps(_carried_out(json.loads(line))), flush=True)


def _carried_out(order: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="mutant-") as scratch:
        result = Path(scratch, "result")
        child = os.fork()
        if not child:
            _become_pytest(order, result, Path(scratch))
        code = _end_of(child, order["timeout"])
        _end_what_is_left()
        told = json.loads(result.read_text()) if result.exists() else {}
        told["output"] = Path(scratch, "output").read_text(errors="replace")[-_OUTPUT:]
    return {"code": code, "failed": [], "tests": {}, "ran": {}} | told


def _become_pytest(order: dict[str, Any], result: Path, scratch: Path) -> None:
    code = 3  # as pytest says it: an internal error
    try:
        os.setsid()
        ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        output = os.open(scratch / "output", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        # Found, not made short: a mutant is as dead by a long example.
        settings = hypothesis.settings
        settings.register_profile(
            "mutants",
            phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
            derandomize=True,
            database=None,
            deadline=None,
        )
        settings.load_profile("mutants")
        measure = _measuring(order["measure"])
        recorder = Recorder(measure)
        arguments = [*order["arguments"], f"--basetemp={scratch / 'tests'}"]
        code = int(pytest.main(arguments, plugins=[recorder]))
        told = {"failed": recorder.failed, "tests": recorder.tests, "ran": _ran(measure)}
        result.write_text(json.dumps(told))
    except BaseException:  # noqa: BLE001 - told in the output, and by the code
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _measuring(files: list[str]) -> coverage.Coverage | None:
    if not files:
        return None
    measure = coverage.Coverage(data_file=None, include=files, config_file=False, messages=False)
    measure.start()
    return measure


def _ran(measure: coverage.Coverage | None) -> dict[str, dict[int, list[str]]]:
    if measure is None:
        return {}
    measure.stop()
    data, here = measure.get_data(), Path.cwd()
    return {
        str(Path(file).relative_to(here)): data.contexts_by_lineno(file)
        for file in data.measured_files()
    }


def _end_of(child: int, timeout: float) -> int | None:
    """Wait for its end; None when it takes too long and is ended."""
    deadline = time.monotonic() + timeout
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        if time.monotonic() > deadline:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(status)


def _end_what_is_left() -> None:
    """End the orphans, which are ours now, and theirs."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    while orphans := children.read_text().split():
        for orphan in map(int, orphans):
            os.kill(orphan, signal.SIGKILL)
            os.waitpid(orphan, 0)


def _function(node: str) -> str:
    """A test without its parameters."""
    return node.partition("[")[0]


if __name__ == "__main__":
    main()
