"""What root gives up so that permissions stop it as they stop everybody else."""

import ctypes
import os
import shutil
import sys
from typing import Final

_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2
_CAPBSET_DROP: Final = 24
_VERSION_3: Final = 0x20080522


def wrapper() -> tuple[str, ...]:
    """Give what is put before a command so that it is started without; nothing but for root."""
    if not is_root():
        return ()
    setpriv = shutil.which("setpriv")
    assert setpriv is not None, "setpriv is missing"
    return setpriv, "--bounding-set=-dac_override,-dac_read_search"


def give_up() -> None:
    """Do the same to this process and those that it starts. Raises OSError."""
    if not is_root():
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; again for later ones
    check(libc.capget(header, sets))
    for each in (_DAC_OVERRIDE, _DAC_READ_SEARCH):
        check(libc.prctl(_CAPBSET_DROP, each, 0, 0, 0))
        for number in range(3):
            sets[number] &= ~(1 << each)
    check(libc.capset(header, sets))


def is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
