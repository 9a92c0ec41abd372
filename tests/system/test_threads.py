"""Threads: what ends a wait, and what starts none."""

import os
import threading
from unittest import mock

import pytest

from mem0tray.core.errors import NoThreadError
from mem0tray.system import threads
from mem0tray.system.threads import WakeUp
from tests.support import needs
from tests.support.processes import PATIENCE


class Pipe:
    """A source whose news are what begins with "news"."""

    def __init__(self) -> None:
        self.out, self.into = os.pipe()

    def fileno(self) -> int:
        return self.out

    def has_news(self) -> bool:
        return b"news" in os.read(self.out, 100)


def test_a_thread_that_cannot_be_started_is_an_error_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused = RuntimeError("can't start new thread")
    monkeypatch.setattr(threading.Thread, "start", mock.Mock(side_effect=refused))
    with pytest.raises(NoThreadError, match=r"can't start new thread.*Allow more processes"):
        threads.start(threading.Thread())


def test_another_thread_ends_a_wait_once() -> None:
    with WakeUp() as wake:
        threading.Thread(target=wake.set).start()
        assert wake.wait(PATIENCE)
        assert not wake.wait(0)
    wake.set()  # after the end it is no fault


@needs.WAITING_FOR_PIPES
def test_what_was_set_before_however_often_ends_the_next_wait() -> None:
    with WakeUp() as wake:
        for _ in range(10_000):
            wake.set()
        assert wake.wait(None)
        wake.wait(0)
        assert not wake.wait(0.01)


@needs.WAITING_FOR_PIPES
def test_only_news_of_a_source_end_a_wait() -> None:
    source = Pipe()
    with WakeUp() as wake:
        os.write(source.into, b"nothing")
        assert not wake.wait(0.05, source)
        os.write(source.into, b"news")
        assert wake.wait(PATIENCE, source)
        wake.set()
        os.write(source.into, b"news")
        assert wake.wait(PATIENCE, source)
        assert not wake.wait(0, source)  # both at once wake once
    os.close(source.out)
    os.close(source.into)
