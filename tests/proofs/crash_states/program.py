"""The program's command line, as it is or with a bug planted (`CRASH_STATES_PLANTED`)."""

import os

from mem0tray import cli
from tests.proofs.crash_states import planted

if __name__ == "__main__":
    if name := os.environ.get(planted.VARIABLE):
        planted.PLANTED[name]()
    cli.main()
