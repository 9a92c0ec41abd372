"""Waiting: what ends a wait, and what does not."""

import os
import threading
import time
from typing import Any

import pytest

from mem0tray.system.wakeup import WakeUp
from tests.support import needs

PATIENCE = 10.0


class Pipe:
    """A source whose news are the lines that begin with "news"."""

    def __init__(self) -> None:
        self.out, self.into = os.pipe()

    def fileno(self) -> int:
        """Give the end that is read."""
        return self.out

    def has_news(self) -> bool:
        """Read what has come."""
        return b"news" in os.read(self.out, 100)

    def close(self) -> None:
        """Close both ends."""
        os.close(self.out)
        os.close(self.into)


def test_another_thread_ends_a_wait() -> None:
    """Whoever sets it wakes the one that waits, and only once."""
    with WakeUp() as wake:
        threading.Thread(target=wake.set).start()
        assert wake.wait(PATIENCE)
        assert not wake.wait(0)


@needs.WAITING_FOR_PIPES
def test_what_was_set_before_ends_the_next_wait() -> None:
    """However often it was set, one wait ends by it."""
    with WakeUp() as wake:
        for _ in range(10_000):
            wake.set()
        assert wake.wait(None)
        wake.wait(0)
        assert not wake.wait(0.01)


@needs.WAITING_FOR_PIPES
def test_only_news_of_a_source_end_a_wait() -> None:
    """What a source reads and finds of no matter is waited out."""
    source = Pipe()
    with WakeUp() as wake:
        os.write(source.into, b"nothing")
        assert not wake.wait(0.05, source)
        os.write(source.into, b"news")
        assert wake.wait(PATIENCE, source)
        os.write(source.into, b"nothing")
        assert not wake.wait(0, source)
    source.close()


@needs.WAITING_FOR_PIPES
def test_a_source_is_read_also_where_it_was_set() -> None:
    """Both at once wake once."""
    source = Pipe()
    with WakeUp() as wake:
        wake.set()
        os.write(source.into, b"news")
        assert wake.wait(PATIENCE, source)
        assert not wake.wait(0, source)
    source.close()


def test_set_after_the_end_is_no_fault() -> None:
    """Whoever still tells of something then is not heard."""
    with WakeUp() as wake:
        pass
    wake.set()


@pytest.mark.parametrize(("timeout", "most"), [(0.0, 0.0), (-1.0, 0.0), (5.0, 5.0), (None, None)])
def test_it_waits_no_longer_than_it_was_told(
    monkeypatch: pytest.MonkeyPatch, timeout: float | None, most: float | None
) -> None:
    """Also where the time is over already, and where there is no limit."""
    asked: list[float | None] = []

    def select(*arguments: Any) -> tuple[list[int], list[int], list[int]]:
        asked.append(arguments[3])
        return ([], [], [])

    with WakeUp() as wake:
        monkeypatch.setattr(time, "monotonic", lambda: 100.0)
        monkeypatch.setattr("mem0tray.system.wakeup.select.select", select)
        wake.wait(timeout)
        monkeypatch.undo()
    assert asked == [most]
