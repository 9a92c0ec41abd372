"""Trying the desktop with a limit: what hangs, and what crashes, is named."""

import threading
from collections.abc import Callable, Iterator

import pytest

from mem0tray.desktop import session, trial


@pytest.fixture
def free() -> Iterator[threading.Event]:
    made = threading.Event()
    yield made
    made.set()


@pytest.mark.parametrize(
    ("run", "named"),
    [
        (lambda: trial.tray(0.1), "the display :7"),
        (lambda: trial.notification("en", 0.1), "the desktop"),
    ],
)
def test_what_does_not_answer_is_named(
    monkeypatch: pytest.MonkeyPatch,
    free: threading.Event,
    run: Callable[[], trial.Found],
    named: str,
) -> None:
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setattr(session, "connected", free.wait)
    monkeypatch.setattr(session, "language", lambda _: free.wait())
    assert run() == {"hung_at": named}


def test_a_library_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise LookupError("on purpose")

    monkeypatch.setattr(session, "connected", fail)
    assert trial.tray(5.0) == {"failed": "LookupError: on purpose"}
