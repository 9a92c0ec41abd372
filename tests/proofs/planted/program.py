"""The program's command line with a bug planted (`MEM0TRAY_TESTS_PLANTED`)."""

import os
import sys

from mem0tray import cli
from tests.proofs.planted.bugs import VARIABLE, planted

if __name__ == "__main__":
    with planted(os.environ[VARIABLE]):
        sys.exit(cli.main())
