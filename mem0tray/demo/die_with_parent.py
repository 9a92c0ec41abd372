"""`python -m mem0tray.demo.die_with_parent COMMAND...`: runs a command that ends with its parent.

Standard input ties the command to its parent. When it ends, because the parent
lets go or dies, the command is told to stop, as by SIGTERM.
"""

import os
import runpy
import signal
import sys
import threading


def main() -> None:
    """Be that command from now on."""
    threading.Thread(target=_hold, name="leash", daemon=True).start()
    runpy.run_module("mem0tray", run_name="__main__", alter_sys=True)


def _hold() -> None:
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        pass
    if sys.platform == "win32":
        signal.raise_signal(signal.SIGTERM)  # there `os.kill` ends a process without a word
    else:
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
