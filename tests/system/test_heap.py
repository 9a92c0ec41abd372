"""When memory is given back."""

import pytest

from mem0tray.files.atomic import Signature
from mem0tray.system import heap
from mem0tray.system.heap import LARGE, Ballast


@pytest.fixture
def trims(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count how often the C library is asked."""
    calls: list[int] = []

    def trim() -> bool:
        calls.append(1)
        return True

    monkeypatch.setattr(heap, "_trim", trim)
    return calls


def of(size: int, inode: int = 1) -> Signature:
    """A file of so many bytes."""
    return Signature(inode, size, 0, 0)


def test_a_large_file_that_changed_is_followed_once(trims: list[int]) -> None:
    """After a large file was read or written memory is given back, once for each change."""
    ballast = Ballast()
    assert ballast.drop(of(LARGE), None)
    assert not ballast.drop(of(LARGE), None)
    assert ballast.drop(of(LARGE, inode=2), None)
    assert len(trims) == 2


def test_a_large_file_that_has_become_small_counts(trims: list[int]) -> None:
    """What a large file left behind is given back when a small one has taken its place."""
    ballast = Ballast()
    ballast.drop(of(LARGE), None)
    assert ballast.drop(of(10), None)
    assert len(trims) == 2


def test_small_files_cost_nothing(trims: list[int]) -> None:
    """Small files that change, beside a large one that does not, ask for nothing."""
    ballast = Ballast()
    ballast.drop(of(LARGE), None)
    assert not ballast.drop(of(LARGE), of(10))
    assert not ballast.drop(of(LARGE), of(20))
    assert len(trims) == 1
