"""Threads that cannot be started."""

import threading

import pytest

from mem0tray.core.errors import NoThreadError
from mem0tray.system import threads


def test_where_none_can_be_started_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what the system says, and what helps."""

    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(NoThreadError, match=r"can't start new thread.*Allow more processes"):
        threads.start(threading.Thread())
