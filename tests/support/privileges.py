"""What root gives up so that permissions stop it as they stop everybody else."""

import ctypes
import os
import shutil
import sys


def wrapper() -> tuple[str, ...]:
    """Give what is put before a command so that it is started without; nothing but for root."""
    if not is_root():
        return ()
    setpriv = shutil.which("setpriv")
    assert setpriv is not None, "setpriv is missing"
    return setpriv, "--bounding-set=-dac_override,-dac_read_search"


def is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
