"""`packaging/test`: runs the tests, several at a time."""

import os
import shutil
import sys

import environment

# What the tests need of the system: command, package of Debian and Ubuntu, what for.
SYSTEM_TOOLS: tuple[tuple[str, str, str], ...] = ()


def main() -> None:
    """Make the environment and go on as pytest; arguments are pytest's."""
    for tool, package, purpose in SYSTEM_TOOLS:
        if shutil.which(tool) is None:
            environment.need_system([package], f"The tests need {tool}, {purpose}.")
    environ = environment.ensure(["dev"])
    os.chdir(environment.ROOT)
    # Most tests wait for a process or a server: two for each core keep it busy, no more.
    workers = str(2 * (os.cpu_count() or 1))
    pytest = [str(environment.python(environment.VENV)), "-m", "pytest", "-n", workers]
    environment.become([*pytest, "--dist", "worksteal", *sys.argv[1:]], environ)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
