"""Whether a process is still there, and the memory of our own."""

import ctypes
import os
import subprocess
import sys
from unittest import mock

import pytest

from mem0tray.system import processes
from tests.support import needs

_INVALID, _DENIED = 87, 5
_ENDED, _RUNS = 0, 0x102


def test_a_process_that_runs_is_alive_and_one_that_ended_is_not() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert processes.is_alive(child.pid)
    child.communicate(b"\n", timeout=20)
    assert not processes.is_alive(child.pid)
    assert processes.is_alive(os.getpid())


@pytest.mark.parametrize("pid", [0, -1, 10**12])
def test_what_is_no_process_id_is_nobody_s(pid: int) -> None:
    assert not processes.is_alive(pid)


@pytest.mark.row(53)
@pytest.mark.parametrize(
    ("opened", "error", "waited", "alive"),
    [
        (False, _INVALID, 0, False),
        (False, _DENIED, 0, True),
        (True, 0, _ENDED, False),
        (True, 0, _RUNS, True),
    ],
    ids=["gone", "another user's", "ended, but looked at by somebody", "runs"],
)
def test_a_process_id_that_is_gone_on_windows_is_no_other_worker_s(
    *, opened: bool, error: int, waited: int, alive: bool
) -> None:
    assert processes.alive_by_windows(opened=opened, error=error, waited=waited) is alive


@needs.linux("elsewhere nothing is asked")
@pytest.mark.parametrize("error", [None, OSError, AttributeError])
def test_free_memory_is_returned_where_the_c_library_can(error: type[Exception] | None) -> None:
    with mock.patch.object(ctypes, "CDLL", side_effect=error) as library:
        processes.trim_heap()
    assert library.return_value.malloc_trim.called == (error is None)
