"""Events: each listener gets each, in order."""

import logging
from unittest import mock

import pytest

from mem0tray.core.events import Accepted, Event, Events


def test_a_listener_that_fails_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Event] = []
    hub = Events()
    hub.subscribe(mock.Mock(side_effect=ValueError("broken")))
    hub.subscribe(told.append)
    with caplog.at_level(logging.ERROR):
        hub.emit(Accepted(3))
    assert told == [Accepted(3)]
    (record,) = caplog.records
    assert record.getMessage() == "A listener failed on Accepted(count=3)"
    assert record.exc_info is not None
    assert "broken" in caplog.text


def test_every_listener_is_told_in_order_and_may_subscribe_another() -> None:
    told: list[tuple[str, Event]] = []
    hub = Events()
    hub.subscribe(lambda event: told.append(("one", event)))
    hub.subscribe(lambda _: hub.subscribe(lambda event: told.append(("two", event))))
    hub.emit(Accepted(1))
    assert told == [("one", Accepted(1))]
    hub.emit(Accepted(2))
    assert told[1:] == [("one", Accepted(2)), ("two", Accepted(2))]
