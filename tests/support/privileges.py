"""What root gives up so that permissions stop it as they stop everybody else."""

import ctypes
import os
import shutil
from typing import Final

_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2
_CAPBSET_DROP: Final = 24
_VERSION_3: Final = 0x20080522
_libc = ctypes.CDLL(None, use_errno=True)


def wrapper() -> tuple[str, ...]:
    """Give what is put before a command so that it is started without; nothing but for root."""
    if os.geteuid():
        return ()
    setpriv = shutil.which("setpriv")
    assert setpriv is not None, "setpriv is missing"
    return setpriv, "--bounding-set=-dac_override,-dac_read_search"


def give_up() -> None:
    """Do the same to this process and those that it starts. Raises OSError."""
    if os.geteuid():
        return
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; again for later ones
    _check(_libc.capget(header, sets))
    for each in (_DAC_OVERRIDE, _DAC_READ_SEARCH):
        _check(_libc.prctl(_CAPBSET_DROP, each, 0, 0, 0))
        for number in range(3):
            sets[number] &= ~(1 << each)
    _check(_libc.capset(header, sets))


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
