"""`packaging/test-windows`: runs tests with Windows' own Python, under Wine.

What passes there is no proof of real Windows: Wine has its own registry, file system and rules
of sharing. What fails there is worth a look.
"""

import os
import subprocess
import sys
from typing import Final

import environment
import run_tests
import windows

# Without paths among the arguments: what is sorted into what holds there and what assumes POSIX.
WHOLE: Final = (
    "tests/windows", "tests/files", "tests/worker", "tests/cli", "tests/server", "tests/actions",
    "tests/ledger", "tests/config", "tests/system", "tests/localserver", "tests/core",
    "tests/window", "tests/alerts",
)  # fmt: skip


def main() -> None:
    """Make a Windows and run pytest in it; arguments are pytest's."""
    words = sys.argv[1:]
    if not any((environment.ROOT / word.partition("::")[0]).exists() for word in words):
        words += WHOLE
    with windows.started() as system:
        pytest = ["-m", "pytest", "-n", str(os.cpu_count() or 1), "--dist", "worksteal"]
        for plugin in run_tests.PLUGINS:
            pytest += ["-p", plugin]
        pytest += ["-p", "no:cacheprovider", "--basetemp", r"C:\tests"]
        environ = system.environ() | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        done = subprocess.run(
            system.command(*pytest, *words), env=environ, cwd=environment.ROOT, check=False
        )
    sys.exit(done.returncode)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
