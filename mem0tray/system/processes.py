"""Processes: whether one is still there and where its id counts; our own free memory."""

import os
import sys
from pathlib import Path
from typing import Final

from mem0tray.core.state import WorkerSeen

_ACCESS_DENIED: Final = 5
_WAIT_TIMEOUT: Final = 0x102
_SYNCHRONIZE: Final = 0x100000


def space() -> str:
    """Name where process ids count: this boot and container; empty on all but Linux."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def is_here(seen: WorkerSeen) -> bool:
    """Return whether the id of that worker's process counts here."""
    if seen.space:
        return seen.space == space()
    import socket  # slow to import, and rarely needed

    return seen.host in (None, socket.gethostname())


def has_ended(seen: WorkerSeen) -> bool:
    """Return whether that worker's process was here and is gone."""
    return seen.pid is not None and is_here(seen) and not is_alive(seen.pid)


def is_alive(pid: int) -> bool:
    """Return whether a process with this id runs on this computer, whoever's it is."""
    if pid <= 0:
        return False
    if sys.platform == "win32":
        return _opens(pid)
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # another user's
        pass
    return True


def alive_by_windows(*, opened: bool, error: int, waited: int) -> bool:
    """Judge whether a process runs, from OpenProcess and WaitForSingleObject. Pure.

    One that we may not open runs; one that we opened may have ended, kept by somebody's handle.
    """
    return waited == _WAIT_TIMEOUT if opened else error == _ACCESS_DENIED


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    def _opens(pid: int) -> bool:
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.OpenProcess.restype = wintypes.HANDLE
        kernel.WaitForSingleObject.argtypes = (wintypes.HANDLE, wintypes.DWORD)
        kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
        if pid > 0xFFFFFFFF:  # noqa: PLR2004  (ids are 32 bits wide)
            return False
        handle = kernel.OpenProcess(_SYNCHRONIZE, False, pid)  # noqa: FBT003  (Windows' own order)
        if not handle:
            error = ctypes.get_last_error()
            return alive_by_windows(opened=False, error=error, waited=0)
        try:
            waited = kernel.WaitForSingleObject(handle, 0)
            return alive_by_windows(opened=True, error=0, waited=waited)
        finally:
            kernel.CloseHandle(handle)


def trim_heap() -> None:
    """Return free memory to the system, if the C library is glibc, which keeps it else."""
    if sys.platform == "linux":
        import ctypes
        from contextlib import suppress

        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
