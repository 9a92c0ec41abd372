"""A worker run from the main thread: what ends it, and what wakes that thread."""

import os
import signal
import threading
from typing import Any, Self
from unittest.mock import patch

import pytest

from mem0tray.cli import run_worker
from mem0tray.config.settings import Settings
from mem0tray.core.errors import LedgerError
from mem0tray.core.events import Events
from mem0tray.core.reasons import NONE
from mem0tray.core.state import Waiting, WorkerState
from mem0tray.system.threads import Bell, Source
from mem0tray.worker.folders import settings
from mem0tray.worker.thread import WorkerThread
from tests.support import needs


class Work(WorkerThread):
    """A worker that waits until it is told to leave, or fails at once."""

    def __init__(self, fault: Exception | None = None) -> None:
        with patch.object(settings, "ServedFolder"):
            super().__init__(Settings(), Events(), lambda: None)
        self.told = self._stopping
        self._fault = fault

    def _run(self, **_: object) -> None:
        if self._fault is not None:
            raise self._fault
        assert self.told.wait(20)


class Ringing(Bell):
    """A bell that does something the first time that it is waited for."""

    def __init__(self, first: Any) -> None:
        self._first = first

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def wait(self, timeout: float | None, source: Source | None = None) -> bool:
        """Wait, and never for ever."""
        first, self._first = self._first, lambda: None
        first()
        return super().wait(20 if timeout is None else timeout, source)


@needs.SIGNALS
def test_a_signal_to_another_thread_ends_the_worker() -> None:
    """A SIGTERM that the system hands to whatever thread wakes the main one, which waits."""
    work: Any = Work()
    asleep = threading.Event()
    other = threading.Thread(target=asleep.wait, args=(20,))
    other.start()

    def hit() -> None:
        assert other.ident is not None
        signal.pthread_kill(other.ident, signal.SIGTERM)

    with Ringing(hit) as bell:
        run_worker.until_told(work, bell, lambda: False, lambda: 20.0)
    asleep.set()
    other.join()
    assert work.told.is_set()


@pytest.mark.parametrize("is_leaving", [True, False])
def test_a_ledger_that_is_closed_at_the_end_is_no_fault(*, is_leaving: bool) -> None:
    """One that a worker closes because it was told to leave is asked in vain; another is broken."""
    work: Any = Work()

    def asked(_: float) -> bool:
        if is_leaving:
            work.stop()
        raise LedgerError("Cannot operate on a closed database.")

    work.is_idle = asked
    with Bell() as bell:
        if is_leaving:
            assert run_worker.until_idle(work, bell, lambda: False, 0.0) is None
        else:
            with pytest.raises(LedgerError):
                run_worker.until_idle(work, bell, lambda: False, 0.0)


@pytest.mark.parametrize("patience", [60.0, -1.0])
def test_it_is_done_when_the_files_show_it(
    monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    """What was delivered stands in the files before the worker is told to leave; not for ever."""
    monkeypatch.setattr(run_worker, "_PUBLISHING", patience)
    published = iter([False, False, True])
    seen: list[bool] = []

    class Writing(Work):
        def is_idle(self, horizon: float) -> bool:
            return horizon == 1.0

        @property
        def has_published(self) -> bool:
            seen.append(next(published))
            return seen[-1]

        def waiting(self) -> Waiting:
            return left

    left = Waiting(0, 0, 0, WorkerState("healthy"), NONE)
    with Bell() as bell:
        assert run_worker.until_idle(Writing(), bell, lambda: False, 1.0) is left
    assert seen == ([False, False, True] if patience > 0 else [False])


def test_whoever_reads_may_leave() -> None:
    """A ring from another thread ends it when nobody wants it any more."""
    work: Any = Work()
    left: list[bool] = []

    def leave() -> None:
        left.append(True)
        threading.Thread(target=bell.set).start()

    with Ringing(leave) as bell:
        run_worker.until_told(work, bell, lambda: bool(left), lambda: 20.0)
    assert work.told.is_set()


def test_what_ends_a_worker_is_not_hidden() -> None:
    """An exception that ends the worker's thread is raised in the main one."""
    work: Any = Work(ZeroDivisionError("odd"))
    with Bell() as bell, pytest.raises(ZeroDivisionError, match="odd"):
        run_worker.until_told(work, bell, lambda: False, lambda: 20.0)


def test_signals_are_as_before_afterwards() -> None:
    """Handlers and the socket that signals write to are put back."""
    before = signal.getsignal(signal.SIGTERM)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    kept = signal.set_wakeup_fd(writer)
    try:
        work: Any = Work()
        with Ringing(work.stop) as bell:
            run_worker.until_told(work, bell, lambda: False, lambda: 20.0)
        assert signal.getsignal(signal.SIGTERM) == before
        assert signal.set_wakeup_fd(kept) == writer
    finally:
        os.close(reader)
        os.close(writer)
