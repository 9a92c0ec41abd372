"""`mem0tray hook` without click: from standard input to what is printed, whatever they are."""

import sys

from mem0tray import cli
from mem0tray.claude import hook


def run(event: str) -> None:
    """Carry out one event of Claude Code, and print what there is to print."""
    cli.why_not_written(hook.run(event, _given()))  # if nobody reads it, nobody wants it


def _given() -> bytes:
    try:
        return b"" if sys.stdin.isatty() else sys.stdin.buffer.read()
    except (OSError, ValueError):  # standard input is a folder, or closed
        return b""
