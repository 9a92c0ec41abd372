"""Files that do not hold still: told after ten seconds, once, and over when they do."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mem0tray.core import events
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.events import Event, Events
from mem0tray.files.atomic import Signature
from mem0tray.worker import faults
from mem0tray.worker.faults import Faults, UnstableFile, is_stable
from tests.support import needs

if TYPE_CHECKING:
    from mem0tray.core.reasons import Reason

FILE = Path("/home/me/.claude/mem0_queue.json")


class Scene:
    """A file whose state is looked at, at times of a clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0
        self.told: list[Event] = []
        self.marks: dict[str, Reason] = {}
        bus = Events()
        bus.subscribe(self.told.append)
        troubles = Faults(bus, self.marks.__setitem__)
        said = faults.cannot_read(FILE)
        part = faults.READING_QUEUE
        self.file = UnstableFile(troubles, part, said, 0.05, lambda: self.now)

    def look(self, after: float, *, unstable: bool) -> None:
        self.now += after
        self.file.look(unstable=unstable)


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.row(52)
def test_it_is_told_once_after_ten_seconds(scene: Scene) -> None:
    for after in (0.0, 5.0, 5.0):
        scene.look(after, unstable=True)
    assert scene.told == []
    for _ in range(3):
        scene.look(1.0, unstable=True)
    (event,) = scene.told
    assert isinstance(event, events.PartFailed)
    assert f"{FILE} keeps changing" in event.error
    if not needs.WINDOWS:  # which has no such command
        assert f"`fuser {FILE}`" in str(scene.marks[faults.READING_QUEUE])


@pytest.mark.row(28, 52)
def test_a_file_that_rests_now_and_then_is_none(scene: Scene) -> None:
    for _ in range(20):
        scene.look(9.0, unstable=True)
        scene.look(0.1, unstable=False)
    assert scene.told == []


@pytest.mark.row(52)
def test_it_is_over_when_the_file_rests(scene: Scene) -> None:
    for _ in range(2):
        scene.look(0.0, unstable=True)
        scene.look(11.0, unstable=True)
        assert scene.marks[faults.READING_QUEUE]
        scene.look(1.0, unstable=False)
        assert not scene.marks[faults.READING_QUEUE]
    assert [type(event) for event in scene.told] == [events.PartFailed, events.PartRecovered] * 2


@needs.posix("it has no such command")
@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            faults.cannot_read,
            "keeps changing while it is read: another program is writing it.",
        ),
        (
            faults.cannot_write,
            "cannot be written: another program keeps changing it.",
        ),
    ],
)
def test_what_is_said_names_the_file_and_how_the_program_is_found(
    said: Callable[[Path], FileUnavailableError], why: str
) -> None:
    path = FILE.with_name("a file")
    assert str(said(path)) == (f"{path} {why} Find that program with `fuser '{path}'` and end it.")


def test_it_is_told_when_it_is_looked_at_again(scene: Scene) -> None:
    """Under the name of its part, which is one of those that keep a file from being read."""
    for _ in range(3):
        scene.look(5.5, unstable=True)
    (event,) = scene.told
    assert isinstance(event, events.PartFailed)
    assert (event.part, event.delay) == ("reading the queue file while others write it", 0.05)


@pytest.mark.parametrize(
    ("age", "stable"), [(1.4, False), (1.5, True), (-1.4, False), (-1.6, True), (3600, True)]
)
def test_a_file_holds_still_after_a_second_and_a_half(age: float, *, stable: bool) -> None:
    now = 1_800_000_000.0
    assert faults.STABLE_AFTER == 1.5
    assert is_stable(Signature(1, 2, int((now - age) * 1e9), 4), now) is stable
