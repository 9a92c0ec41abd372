"""Events: who is told, and that none of them can be changed."""

import logging

import msgspec
import pytest

from mem0tray.core import events
from mem0tray.core.events import Accepted, Event, Events, WorkerStarted, WorkerStopped

KINDS = [kind for kind in vars(events).values() if isinstance(kind, type) and kind is not Events]
ALL = [kind for kind in KINDS if issubclass(kind, Event) and kind is not Event]


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


@pytest.mark.parametrize("kind", ALL)
def test_no_event_can_be_changed(kind: type[Event]) -> None:
    fields = msgspec.structs.fields(kind)
    event = kind(*(None for _ in fields))
    name = fields[0].name if fields else "anything"
    with pytest.raises(AttributeError):
        setattr(event, name, 1)
    assert not hasattr(event, "__dict__")


def test_what_an_event_says_unless_it_says_otherwise() -> None:
    defaults = {
        (kind.__name__, field.name): field.default
        for kind in ALL
        for field in msgspec.structs.fields(kind)
        if field.default is not msgspec.NODEFAULT
    }
    assert all(
        type(value) in {str, int, float, bool, tuple, type(None)} for value in defaults.values()
    )
    assert not any(defaults.values()), {key: value for key, value in defaults.items() if value}
    assert WorkerStarted("here").warning == ""


def test_an_event_says_nothing_that_it_was_not_told() -> None:
    defaults = {
        kind.__name__: left_out
        for kind in ALL
        if (
            left_out := {
                field.name: field.default
                for field in msgspec.structs.fields(kind)
                if field.default is not msgspec.NODEFAULT
            }
        )
    }
    assert defaults == {
        "WorkerStarted": {"warning": ""},
        "ServerChanged": {"warning": "", "same": False},
        "Delivered": {"elsewhere": ""},
        "DlqRecovered": {"elsewhere": ""},
        "StateChanged": {"told": False},
        "HandEdit": {"discarded": 0, "edited": 0, "forced": 0, "adopted": 0, "restored": 0},
        "UserAction": {"dead": 0, "fresh": 0, "backup": ""},
        "Quarantined": {"why": ""},
        "DeliveredAfterDeletion": {"edited": False},
    }
