"""Threads that cannot be started now, and can be later."""

import threading

import pytest

from mem0tray.core.errors import NoThreadError
from mem0tray.system import threads
from tests.support.machine import no_more_threads


def test_where_none_can_be_started_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what the system says, and what helps."""
    monkeypatch.setattr(threading.Thread, "start", no_more_threads)
    with pytest.raises(NoThreadError, match=r"can't start new thread.*Allow more processes"):
        threads.start(threading.Thread())


def test_a_part_s_thread_can_be_started_at_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is another one, since Python starts none that has failed; until then nobody waits."""
    began, leave = threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        leave.wait()

    thread = threads.Startable(lambda: threading.Thread(target=work, daemon=True))
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_more_threads)
        before = thread._made
        with pytest.raises(NoThreadError):
            thread.start()
    assert thread._made is not before
    assert not thread.is_alive()
    thread.join(1e6)
    thread.start()
    assert began.wait(10.0)
    leave.set()
    thread.join(10.0)
    assert not thread.is_alive()
