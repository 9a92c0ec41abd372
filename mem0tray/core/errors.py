"""One tree of exceptions; each carries a sentence for the person who meets it."""

from typing import Final

from mem0tray.core import reasons
from mem0tray.core.reasons import Reason

INTERRUPTED: Final = 130  # a shell's exit code for a program that Ctrl-C ended


class Mem0TrayError(Exception):
    """Something went wrong that a person can do something about.

    `message` says what happened and what it means, `remedy` what to do: plain English sentences,
    printed once, at the command's edge. `reason` holds both for other languages.
    `disk_failed`: the disk is full, read-only or broken, for other files too.
    """

    exit_code = 1
    disk_failed = False

    def __init__(self, message: Reason | str, remedy: Reason | str = "") -> None:
        super().__init__(str(message))
        self.message = str(message)
        self.remedy = str(remedy)
        self.reason = reasons.advised(reasons.of(message), reasons.of(remedy))

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class SettingsError(Mem0TrayError):
    """The settings cannot be used as they are."""

    exit_code = 2


class UsageError(Mem0TrayError):
    """The command line cannot be understood."""

    exit_code = 2


class AlreadyRunningError(Mem0TrayError):
    """Another worker holds the instance lock of this `claude_dir`."""


class LedgerError(Mem0TrayError):
    """The ledger cannot be opened or written."""


class FileUnavailableError(Mem0TrayError):
    """A file cannot be read or written now (permissions, full disk, torn)."""


class LockTimeoutError(Mem0TrayError):
    """The producers' lock could not be had in time."""


class NoThreadError(Mem0TrayError):
    """The system allows no more threads now, or lacks the memory."""


class NotFoundError(Mem0TrayError):
    """No item has that id, or more than one does."""


class UnknownIdError(NotFoundError):
    """No item's id begins as was asked."""
