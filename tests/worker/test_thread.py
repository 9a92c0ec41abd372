"""The worker's thread: which engines it opens, when it ends, and what it tells meanwhile."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from mem0tray.config.settings import Settings
from mem0tray.core import events
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.events import Event, Events
from mem0tray.core.state import ACTION_NEEDED
from mem0tray.worker import engine, parts, thread
from mem0tray.worker.folders import settings
from mem0tray.worker.thread import WorkerThread
from tests.support.processes import PATIENCE

FULL = FileUnavailableError("The disk is full.")


class World:
    """A folder that is entered, and engines that do nothing; `opened` has those."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told: list[Event] = []
        self.opened: list[Any] = []
        self.turned = threading.Event()
        self.opens = mock.Mock()
        bus = Events()
        bus.subscribe(self.told.append)
        self.where = mock.Mock(moves=False)
        monkeypatch.setattr(settings, "ServedFolder", lambda _: self.where)
        monkeypatch.setattr(parts, "open_parts", self.opens)
        monkeypatch.setattr(thread, "Engine", self.engine)
        monkeypatch.setattr(engine, "LOOK", 0.0)
        self.worker = WorkerThread(Settings(), bus, lambda: None)

    def engine(self, made: object, _: object, *, watches: bool) -> Any:
        opened = mock.Mock(parts=made, watch=None, watches=watches)
        opened.turn.side_effect = self.turn
        self.opened.append(opened)
        return opened

    def turn(self) -> float:
        self.turned.set()
        return 1e6

    def at_work(self) -> None:
        assert self.turned.wait(PATIENCE)

    def ended(self) -> bool:
        self.worker.stop()
        self.worker.join(PATIENCE)
        return not self.worker.is_alive

    def kinds(self) -> list[type[Event]]:
        return [type(event) for event in self.told]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World(monkeypatch)
    yield made
    made.worker.stop()
    made.worker.join(PATIENCE)


def test_it_works_until_it_is_told_to_leave(world: World) -> None:
    world.worker.start()
    world.at_work()
    assert world.worker.is_alive
    leaving = [world.worker.is_leaving, world.ended(), world.worker.is_leaving]
    assert leaving == [False, True, True]
    (opened,) = world.opened
    assert [call[0] for call in opened.mock_calls] == ["begin", "turn", "end"]
    assert world.kinds() == [events.WorkerStopped]
    world.where.leave.assert_called_once_with()
    assert world.worker.fatal is None


@pytest.mark.parametrize("fails", ["opening", "turn"])
def test_a_fault_is_kept_and_whoever_waits_for_its_end_finds_it_ended(
    world: World, fails: str
) -> None:
    alive: list[bool] = []
    fault = mock.Mock(side_effect=ZeroDivisionError("odd"))
    if fails == "turn":
        world.turn = fault  # type: ignore[method-assign]
    else:
        world.opens.side_effect = fault
    world.worker.start(over=lambda: alive.append(world.worker.is_alive))
    world.worker.join(PATIENCE)
    assert alive == [False]
    assert isinstance(world.worker.fatal, ZeroDivisionError)
    assert [opened.end.call_count for opened in world.opened] == [1] * (fails == "turn")
    world.where.leave.assert_called_once_with()
    assert world.kinds() == []


def test_a_full_disk_is_waited_for_and_told_once(world: World) -> None:
    other = FileUnavailableError("No permission.")
    world.opens.side_effect = [FULL, FULL, other, mock.DEFAULT]
    world.worker.start()
    world.at_work()
    assert world.worker.hindrance == other.reason
    assert [each for each in world.told if isinstance(each, events.StateChanged)] == [
        events.StateChanged(ACTION_NEEDED, error.reason, told=True) for error in (FULL, other)
    ]
    failed = [event for event in world.told if isinstance(event, events.PartFailed)]
    assert [(event.part, event.error) for event in failed] == [
        ("start", str(FULL)), ("start", str(other)),
    ]  # fmt: skip
    assert world.where.follow.call_count == 4  # the settings may name another folder by then


def test_whoever_is_not_patient_learns_what_is_wrong(world: World) -> None:
    world.opens.side_effect = FULL
    world.worker.start(patient=False)
    world.worker.join(PATIENCE)
    assert world.worker.failure is FULL
    assert not world.worker.is_alive
    assert not world.worker.is_ready
    assert world.told == []


def test_in_another_folder_it_goes_on_with_another_engine(world: World) -> None:
    first = world.turn

    def led_elsewhere() -> float:
        world.where.moves = True
        world.turn = first  # type: ignore[method-assign]
        return 1e6  # which nobody waits out

    def move() -> Path:
        world.where.moves = False
        world.where.paths.claude_dir = Path("now")
        assert world.opened[0].end.called
        return Path("before")

    world.turn = led_elsewhere  # type: ignore[method-assign]
    world.where.move.side_effect = move
    world.worker.start()
    world.at_work()
    assert world.told == [events.FolderChanged(Path("before"), Path("now"))]
    assert len(world.opened) == 2
    assert world.ended()
    assert world.kinds()[1:] == [events.WorkerStopped]
