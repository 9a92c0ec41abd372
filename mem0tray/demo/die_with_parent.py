"""`python -m mem0tray.demo.die_with_parent COMMAND...`: runs a command that ends with its parent.

Standard input ties the command to its parent. When the parent lets go or dies, standard
input ends, and the command is told to stop, as by SIGTERM.
"""

import os
import runpy
import signal
import sys
import threading


def main() -> None:
    """Run as that command from now on."""
    threading.Thread(target=_hold, name="leash", daemon=True).start()
    runpy.run_module("mem0tray", run_name="__main__", alter_sys=True)


def _hold() -> None:
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        pass
    if sys.platform == "win32":
        signal.raise_signal(signal.SIGTERM)  # `os.kill` would end a process there without a word
    else:
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
