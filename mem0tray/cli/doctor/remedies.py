"""The exact commands that mend what `doctor` finds on the disk."""

import os
import shlex
import sys
from contextlib import suppress
from pathlib import Path

from mem0tray.desktop.autostart import linux
from mem0tray.files import atomic


def writable(path: Path) -> str:
    """The command that lets this user read and write `path`, which exists."""
    where = shlex.quote(str(path))
    if sys.platform == "win32":
        return f'Let your user write it: `icacls "{path}" /grant "%USERNAME%:F"`.'
    if atomic.is_read_only(path):
        return "The disk is read-only: mount it for writing again."
    if path.stat().st_uid != os.getuid():
        owner = linux.user() or str(os.getuid())
        return f"It belongs to another user: `sudo chown {owner} {where}`."
    return f"Mend its permissions: `chmod u+rwX {where}`."


def made(folder: Path, parent: Path) -> str:
    """The command that gives this user `folder`; only `parent` exists, and cannot be written.

    Another user's folder stays theirs: it may be the root of the disk.
    """
    if (
        sys.platform == "win32"
        or atomic.is_read_only(parent)
        or parent.stat().st_uid == os.getuid()
    ):
        return writable(parent)
    owner = linux.user() or str(os.getuid())
    return f"Make it: `sudo install -d -m 700 -o {owner} {shlex.quote(str(folder))}`."


def name_of(uid: int) -> str:
    """The name of a user, or `#1000` as `sudo -u` takes it."""
    if sys.platform != "win32":
        import pwd

        with suppress(KeyError):
            return pwd.getpwuid(uid).pw_name
    return f"#{uid}"


def away(path: Path) -> str:
    """The command that moves an obstacle out of the way without losing anything."""
    return f"Move it away: `{atomic.moving(path)}`."


def room(folder: Path) -> str:
    """The command that shows the disk of `folder`."""
    if sys.platform == "win32":
        return "Free some disk space (`cleanmgr`)."
    return f"Free some disk space (`df -h {shlex.quote(str(folder))}` shows the disk)."
