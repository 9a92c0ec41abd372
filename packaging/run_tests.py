"""`packaging/test`: runs the tests, several at a time."""

import os
import subprocess
import sys

import desktop
import environment

# Ours, and none that happens to be installed for the system's Python.
PLUGINS = ("xdist", "timeout", "hypothesispytest")


def main() -> None:
    """Make the environment and go on as pytest; arguments are pytest's."""
    complete = sys.platform == "linux" and desktop.has_test_tools()
    environ = environment.ensure(["dev"])
    if complete:
        environ["DESKTOP_TESTS"] = "required"  # nothing is skipped because of what is missing
    os.chdir(environment.ROOT)
    if complete:  # it says so where it must download them, or cannot
        names = [str(environment.python(environment.VENV)), "-m", "tests.desktop.macos.names"]
        subprocess.run(names, env=environ, check=False)
    # Most tests wait for a process or a server: three for each core keep it busy, no more.
    workers = str(3 * (os.cpu_count() or 1))
    pytest = [str(environment.python(environment.VENV)), "-m", "pytest", "-n", workers]
    environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each worker would compile every test anew
    for plugin in PLUGINS:
        pytest += ["-p", plugin]
    environment.become([*pytest, "--dist", "worksteal", *sys.argv[1:]], environ)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
