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
def test_what_becomes_readable_ends_a_wait_too() -> None:
    out, into = os.pipe()
    with WakeUp() as wake, os.fdopen(out, "rb", buffering=0) as pipe:
        assert not wake.wait(0, pipe)
        os.write(into, b"news")
        assert wake.wait(PATIENCE, pipe)
        wake.set()
        assert wake.wait(PATIENCE, pipe)
        pipe.read(4)
        assert not wake.wait(0, pipe)  # both at once wake once
    os.close(into)
