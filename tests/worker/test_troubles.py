"""A trouble is told once when it begins, and once when it is over."""

import errno
import os
from pathlib import Path

import pytest

from mem0tray.core import events, reasons
from mem0tray.core.circuit_breaker import DISK
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.events import Events
from mem0tray.core.reasons import Reason
from mem0tray.files import atomic, writable
from mem0tray.worker.troubles import Troubles


class Scene:
    """Troubles with what they tell and mark; `forward` lets time pass."""

    def __init__(self, folder: Path) -> None:
        self.told: list[events.Event] = []
        self.marks: dict[str, Reason] = {}
        self.now = 100.0
        bus = Events()
        bus.subscribe(self.told.append)
        self.troubles = Troubles(bus, self._mark, ("queue file",), (folder,), lambda: self.now)

    def _mark(self, name: str, reason: Reason) -> None:
        self.marks[name] = reason

    def forward(self, seconds: float) -> None:
        """Let this much time pass."""
        self.now += seconds
        self.troubles.look()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Set the scene."""
    return Scene(tmp_path)


def _failed(number: int, name: str = "x") -> FileUnavailableError:
    return atomic.unavailable(Path(name), OSError(number, os.strerror(number)))


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EIO])
def test_many_parts_fail_for_one_disk(scene: Scene, number: int) -> None:
    """It is one trouble, whichever part fails, works for a moment, and fails again."""
    for _ in range(5):
        for part in ("metrics", "ledger", "writing the DLQ file"):
            scene.troubles.failed(part, _failed(number, part), 1.0)
            scene.troubles.worked(part)
            scene.forward(1.0)
    assert scene.told == [events.PartFailed(DISK, str(_failed(number, "metrics")), 1.0)]
    assert scene.marks == {DISK: _failed(number, "metrics").reason}
    scene.forward(10.0)
    assert scene.told[1:] == [events.PartRecovered(DISK)]
    assert scene.marks == {DISK: reasons.NONE}


def test_a_disk_is_in_order_when_it_takes_files(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That nothing fails any more may mean that there is nothing to write."""
    why = [reasons.quoted("read-only")]
    monkeypatch.setattr(writable, "why_unwritable", lambda _: why[0])
    scene.troubles.failed("metrics", _failed(errno.EROFS), 1.0)
    scene.troubles.worked("metrics")
    scene.forward(60.0)
    assert len(scene.told) == 1
    why[0] = reasons.NONE
    scene.forward(60.0)
    assert scene.told[1:] == [events.PartRecovered(DISK)]


def test_parts_with_faults_of_their_own(scene: Scene) -> None:
    """Each is told by its title, and is over when the part works."""
    scene.troubles.failed("writing", ValueError("odd"), 5.0, "queue file")
    scene.troubles.failed("queue file", _failed(errno.EIO), 5.0)
    scene.troubles.failed("writing", ValueError("odder"), 5.0, "queue file")
    assert scene.told == [
        events.PartFailed("queue file", "ValueError('odd')", 5.0),
        events.PartFailed("queue file", str(_failed(errno.EIO)), 5.0),
    ]
    assert scene.troubles.tells(reasons.quoted("ValueError('odd')"))
    scene.troubles.worked("writing")
    assert not scene.troubles.tells(reasons.quoted("ValueError('odd')"))
    assert scene.told[2:] == [events.PartRecovered("queue file")]
    assert scene.marks == {
        "writing": reasons.NONE,
        "queue file": _failed(errno.EIO).reason,
    }
