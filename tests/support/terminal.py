"""A terminal for a test."""

import pytest


def opened() -> tuple[int, int]:
    """Open one, our end and the program's; skips where none can be, as without /dev/pts."""
    import pty  # no system but POSIX has it

    try:
        return pty.openpty()
    except OSError as error:
        pytest.skip(f"no terminal can be opened: {error}")
