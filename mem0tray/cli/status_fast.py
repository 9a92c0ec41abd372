"""`mem0tray status --line` without click: programs ask for it with every prompt."""

import sys
import time

from mem0tray import cli
from mem0tray.actions import status_line
from mem0tray.config import settings
from mem0tray.core.errors import Mem0TrayError, SettingsError


def run() -> None:
    """Print the line, whatever is the matter: that is what it says then."""
    try:
        told = status_line.read(settings.load().settings, time.time())
    except SettingsError:
        told = status_line.wrong("settings")
    except Mem0TrayError as error:
        told = status_line.wrong(error.message)
    cli.why_not_written(f"{_shown(told)}\n")  # nobody is there to be told why not


def _shown(told: str) -> str:
    """The line in signs that standard output has."""
    try:
        told.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return told.replace(status_line.WELL, "+")
    return told
