"""A Mac's screen, at which somebody is logged in or nobody is."""

import ctypes
from typing import Any

import pytest

from tests.desktop.macos.runtime import Machine

FRAMEWORKS = "/System/Library/Frameworks"


class Function:
    """A function of a framework; what it returns is an integer until it is told otherwise."""

    restype: Any = ctypes.c_int

    def __init__(self, answer: int) -> None:
        self._answer = answer

    def __call__(self) -> int | None:
        """As ctypes does: no address is None, and an integer would be cut to 32 bits."""
        return (self._answer or None) if self.restype is ctypes.c_void_p else self._answer & 0xFFFF


def log_in(machine: Machine, patch: pytest.MonkeyPatch, *, here: bool) -> None:
    class Library:
        def __init__(self, path: str) -> None:
            name = path.rpartition("/")[2]
            assert path == f"{FRAMEWORKS}/{name}.framework/{name}"
            assert path.rpartition("/")[0] in machine.names.told_in("Quartz/CoreGraphics")

        def __getattr__(self, name: str) -> Function:
            assert name in machine.names.functions, f"CoreGraphics has no {name}"
            return Function(0x7F00_0001_0000 if here else 0)

    patch.setattr(ctypes, "CDLL", Library)
