"""When memory is given back."""

import ctypes
import sys
from unittest import mock

import pytest

from mem0tray.system import heap
from tests.support import needs


@needs.linux("elsewhere nothing is asked")
def test_the_c_library_is_asked() -> None:
    """For all that it can give back, and to keep blocks of a megabyte apart."""
    with mock.patch.object(ctypes, "CDLL") as library:
        heap.give_back()
        heap.keep_apart()
    library.return_value.malloc_trim.assert_called_once_with(0)
    library.return_value.mallopt.assert_called_once_with(-3, 1 << 20)


@pytest.mark.parametrize("lacks", [OSError, AttributeError])
def test_without_glibc_nothing_happens(
    monkeypatch: pytest.MonkeyPatch, lacks: type[Exception]
) -> None:
    """Nor on another system."""
    monkeypatch.setattr(ctypes, "CDLL", mock.Mock(side_effect=lacks))
    heap.give_back()
    monkeypatch.setattr(sys, "platform", "win32")
    heap.give_back()
