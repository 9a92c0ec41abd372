"""What tests need of the system they run on: a mark for each, with the reason."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.privileges import is_root

# `packaging/test` has installed everything: what is missing all the same is a failure.
REQUIRED: Final = os.environ.get("DESKTOP_TESTS") == "required"
WINDOWS: Final = sys.platform == "win32"


def posix(reason: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(WINDOWS, reason=f"Windows: {reason}")


def linux(reason: str) -> pytest.MarkDecorator:
    """Mark a test of what other systems have not, or do otherwise."""
    return pytest.mark.skipif(sys.platform != "linux", reason=f"not Linux: {reason}")


def no_root(reason: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(is_root(), reason=f"root: {reason}")


def program(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed")


def there(path: Path) -> pytest.MarkDecorator:
    """Mark a test of what runs or uses this file, which is not everywhere."""
    return pytest.mark.skipif(not path.exists(), reason=f"there is no {path}")


def root(reason: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not is_root(), reason=f"not root: {reason}")


def insist(report: pytest.TestReport) -> None:
    """Make a failure of a test that was skipped, where nothing may be missing."""
    if REQUIRED and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"


MODES: Final = posix("files have no modes")
OWNERS: Final = posix("files have no owner and group by number")
LINKS: Final = posix("to make a link takes a privilege")
PIPES: Final = posix("folders hold neither named pipes nor sockets nor devices")
OPEN_FILES: Final = posix("a file that is open can be neither replaced nor removed")
FLOCK: Final = posix("files are locked in another way")
FOLDER_SYNC: Final = posix("folders cannot be synced")
READING_RIGHTS: Final = posix("to take the right to read away takes an access list")
RESETS: Final = posix("an answer is dropped at a reset")
SIGNALS: Final = posix("a process that is told to end gets no signal")
SHELL: Final = posix("there is no shell of POSIX")
UTF8: Final = posix("what is beyond ASCII is written as escapes")
NAMES: Final = posix("names of files are text, and some signs may not be in them")
ERRORS: Final = posix("the system has other words and numbers for an error")
LANGUAGE: Final = posix("the language is that of the user interface, whatever variables say")
WAITING_FOR_PIPES: Final = posix("only sockets are waited for, and they take all that comes")
RULES_OF_WINDOWS: Final = pytest.mark.skipif(not WINDOWS, reason="tries the rules of Windows")
FULL_DEVICE: Final = there(Path("/dev/full"))
GIT: Final = program("git")
CURL: Final = program("curl")
OWN_ENVIRONMENT: Final = pytest.mark.skipif(
    sys.prefix == sys.base_prefix, reason="only in an environment of ours are packages pinned"
)
DESKTOP: Final = posix("a desktop is always there, and starts programs in a way of its own")
CLOCK: Final = posix("a process cannot set its time zone")
PROCESSES: Final = posix("processes are not seen in /proc")
FLAGS: Final = posix("a disk does not tell its flags")
LIBRARY: Final = pytest.mark.skipif(
    importlib.util.find_spec("mem0") is None,
    reason="mem0ai is not installed: `packaging/test -m official` does",
)


def has_mode(path: Path, mode: int) -> bool:
    """Whether a file or folder has this mode; on Windows, which knows none, it always has."""
    return WINDOWS or path.stat().st_mode & 0o777 == mode
