"""Things that stand where a file belongs."""

import errno
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from tests.support.needs import WINDOWS

# A folder of Windows holds none of the first three.
KINDS = ("folder",) if WINDOWS else ("named pipe", "socket", "device", "folder")


@contextmanager
def put(kind: str, path: Path) -> Iterator[None]:
    """Put one of these things in the place of `path`, whatever stands there, and take it away."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while not _made(kind, path):  # a worker was quicker, and has made the file anew
        remove(path)
    try:
        yield
    finally:
        remove(path)


def _made(kind: str, path: Path) -> bool:
    try:
        if kind == "named pipe":
            os.mkfifo(path)
        elif kind == "device":
            path.symlink_to("/dev/zero")  # one that never comes to an end
        elif kind == "folder":
            path.mkdir()
        else:
            _bind(path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno != errno.EADDRINUSE:  # a socket says it so
            raise
        return False
    return True


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _bind(path: Path) -> None:
    """Make a socket; by way of the folder's descriptor, since its path may be too long."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)


def refusing(number: int) -> Callable[..., Any]:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return refuse
