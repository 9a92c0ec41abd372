"""`python -m mem0tray.localserver`: the server as a child of the worker."""

import argparse
import sys
from pathlib import Path

from mem0tray.core.errors import AlreadyRunningError, Mem0TrayError
from mem0tray.localserver.endpoint import EXIT_ALREADY_RUNNING


def main() -> int:
    """Serve until stopped; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m mem0tray.localserver")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--lifeline", action="store_true", help="stop when standard input ends")
    options = parser.parse_args()
    try:
        # Most of the start-up time is this import.
        from mem0tray.localserver.serve import serve

        serve(options.folder, options.port, lifeline=options.lifeline)
    except KeyboardInterrupt:
        return 0
    except AlreadyRunningError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_ALREADY_RUNNING
    except Mem0TrayError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
