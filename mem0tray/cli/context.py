"""The settings that commands use, with their warnings on standard error."""

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mem0tray.config import settings
from mem0tray.config.settings import Loaded, Settings

if TYPE_CHECKING:
    from mem0tray.actions.in_step import InStep

_LONGEST_WARNING = 500


def load() -> Settings:
    """Load the settings. Raises SettingsError when they are wrong."""
    return load_all().settings


def load_there() -> Settings:
    """Load the settings, and raise FileUnavailableError where `paths.claude_dir` is not there."""
    from mem0tray.actions import folder

    found = load()
    trouble = folder.trouble(found)
    if trouble is not None:
        raise trouble
    return found


def load_all() -> Loaded:
    """Load the settings with the source of each value. Raises SettingsError."""
    loaded = settings.load()
    warn(loaded.warnings)
    return loaded


def load_what_holds() -> Loaded:
    """Load the settings as far as they can be read; what is wrong is a warning too."""
    loaded = settings.read()
    warn([*loaded.warnings, *map(str, loaded.wrong)])
    return loaded


def warn_behind(step: "InStep") -> None:
    """Name on standard error what is newer than what a command shows."""
    warn([str(step.behind)] if step.behind else [])


def warn_of_unknown_variables() -> None:
    """Name on standard error the variables that look like settings of ours but are none."""
    warn(settings.unknown_variables(os.environ))


def is_in_environment(key: str) -> bool:
    """Return whether a variable sets this key, and so wins over the settings file."""
    return bool(os.environ.get(settings.variable(key)))


def warn_of_variable(key: str) -> bool:
    """Warn on standard error if a variable wins over what was set; return whether one does."""
    if is_in_environment(key):
        warn([f"{settings.variable(key)} is set and wins over the file."])
        return True
    return False


def warn(warnings: Iterable[str]) -> None:
    """Write each as a line on standard error."""
    for warning in warnings:
        from mem0tray.core.text import one_line

        sys.stderr.write(f"mem0tray: {one_line(warning, _LONGEST_WARNING)}\n")
