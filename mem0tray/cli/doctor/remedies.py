"""The exact commands that mend what `doctor` finds on the disk."""

import os
import re
import shlex
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from mem0tray.desktop.autostart import systemd
from mem0tray.files import atomic

_MOUNTS: Final = Path("/proc/self/mountinfo")  # Linux
_PLACE: Final = 4  # the field of a line that is the mount point
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


def writable(path: Path) -> str:
    """The command that lets this user read and write `path`, which exists."""
    where = shlex.quote(str(path))
    if sys.platform == "win32":
        return f'Let your user write it: `icacls "{path}" /grant "%USERNAME%:F"`.'
    if atomic.is_read_only(path):
        mount = shlex.quote(str(_mount(path)))
        return f"The disk is read-only: mount it for writing (`sudo mount -o remount,rw {mount}`)."
    if path.stat().st_uid != os.getuid():
        owner = systemd.user() or str(os.getuid())
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
    owner = systemd.user() or str(os.getuid())
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
    """The command that shows what takes the room on the disk of `folder`."""
    if sys.platform == "win32":
        return "Free some disk space (`cleanmgr`)."
    where = shlex.quote(str(_disk(folder)))
    return f"Free some disk space; `du -xh -d 2 {where} 2>/dev/null | sort -h` shows what takes it."


def _mount(path: Path) -> Path:
    """The mount point above `path`, even if it shows a part of the same disk."""
    real = path.resolve()
    places = set()
    with suppress(OSError, IndexError):
        for line in os.fsdecode(_MOUNTS.read_bytes()).strip("\n").split("\n"):
            place = line.split(" ")[_PLACE]
            places.add(Path(_ESCAPED.sub(lambda code: chr(int(code[1], 8)), place)))
    return next((each for each in (real, *real.parents) if each in places), _disk(path))


def _disk(path: Path) -> Path:
    """The folder under which the disk of `path` is mounted."""
    real = path.resolve()
    return next((each for each in (real, *real.parents) if os.path.ismount(each)), real)
