"""`python -m mem0tray`."""

import sys

from mem0tray.cli import main

if __name__ == "__main__":
    sys.exit(main())
