"""`packaging/test-official`: runs the tests that are against Mem0's own library."""

import os
import sys

import environment


def main() -> None:
    """Make the environment with library and Postgres in it, 300 MB, and go on as pytest."""
    environ = environment.ensure(["dev", "official"])
    os.chdir(environment.ROOT)
    pytest = [str(environment.python(environment.VENV)), "-m", "pytest", "-m", "official"]
    environment.become([*pytest, *(sys.argv[1:] or ["tests/acceptance"])], environ)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
