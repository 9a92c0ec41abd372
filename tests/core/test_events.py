"""Events: each listener gets each, in order."""

import logging

import pytest

from mem0tray.core.events import Accepted, Event, Events, WorkerStopped


def test_every_listener_is_told_in_order() -> None:
    told: list[tuple[int, Event]] = []
    hub = Events()
    for number in range(3):
        hub.subscribe(lambda event, number=number: told.append((number, event)))  # type: ignore[misc]
    hub.emit(WorkerStopped())
    assert told == [(number, WorkerStopped()) for number in range(3)]


def test_a_listener_that_fails_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Event] = []
    hub = Events()

    def fail(_event: Event) -> None:
        raise ValueError("broken")

    hub.subscribe(fail)
    hub.subscribe(told.append)
    with caplog.at_level(logging.ERROR):
        hub.emit(Accepted(3))
    assert told == [Accepted(3)]
    (record,) = caplog.records
    assert record.getMessage() == "A listener failed on Accepted(count=3)"
    assert record.exc_info is not None
    assert "broken" in caplog.text


def test_a_listener_may_subscribe_another_while_it_is_told() -> None:
    told: list[Event] = []
    hub = Events()
    hub.subscribe(lambda _: hub.subscribe(told.append) if not told else None)
    hub.emit(Accepted(1))
    assert told == []
    hub.emit(Accepted(2))
    assert told == [Accepted(2)]
