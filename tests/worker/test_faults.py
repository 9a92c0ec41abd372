"""A trouble is told once when it begins, and once when it is over."""

import errno
import math
import os
from functools import partial
from pathlib import Path

import pytest

from mem0tray.core import events, reasons
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.events import Events
from mem0tray.core.state import DISK
from mem0tray.files import atomic
from mem0tray.files.atomic import Signature
from mem0tray.worker import faults
from mem0tray.worker.faults import Faults, is_stable
from tests.support import needs


class Scene:
    """Faults with what they tell and change; `forward` lets time pass."""

    def __init__(self, folder: Path) -> None:
        self.told: list[events.Event] = []
        self.marks: dict[str, reasons.Reason] = {}
        self.now = 100.0
        bus = Events()
        bus.subscribe(self.told.append)
        self.faults = Faults(bus, self.marks.__setitem__, (folder,), lambda: self.now)

    def forward(self, seconds: float) -> None:
        self.now += seconds
        self.faults.look()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def _failed(number: int, name: str = "x") -> FileUnavailableError:
    return atomic.unavailable(Path(name), OSError(number, os.strerror(number)))


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EIO])
def test_many_parts_fail_for_one_disk(scene: Scene, number: int) -> None:
    for _ in range(5):
        for part in ("metrics", "ledger", "writing the DLQ file"):
            scene.faults.note_failure(part, _failed(number, part), 1.0)
            scene.faults.note_success(part)
            scene.forward(1.0)
    assert scene.told == [events.PartFailed(DISK, str(_failed(number, "metrics")), 1.0)]
    assert scene.marks == {DISK: _failed(number, "metrics").reason}
    scene.forward(4.5)  # with the second before it not yet six quiet ones
    assert len(scene.told) == 1
    scene.forward(0.5)
    assert scene.told[1:] == [events.PartRecovered(DISK)]
    assert scene.marks == {DISK: reasons.NONE}


def test_a_disk_is_in_order_when_it_takes_files(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = [reasons.quoted("read-only")]
    monkeypatch.setattr(faults, "why_unwritable", lambda _: why[0])
    scene.faults.note_failure("metrics", _failed(errno.EROFS), 1.0)
    scene.faults.note_success("metrics")
    scene.forward(60.0)
    assert len(scene.told) == 1
    why[0] = reasons.NONE
    scene.forward(60.0)
    assert scene.told[1:] == [events.PartRecovered(DISK)]


def test_parts_with_faults_of_their_own(scene: Scene) -> None:
    scene.faults.note_failure("writing", ValueError("odd"), 5.0, "queue file")
    scene.faults.note_failure("queue file", _failed(errno.EIO), 5.0)
    scene.faults.note_failure("writing", ValueError("odder"), 5.0, "queue file")
    assert scene.told == [
        events.PartFailed("queue file", "ValueError('odd')", 5.0),
        events.PartFailed("queue file", str(_failed(errno.EIO)), 5.0),
    ]
    assert scene.faults.has_reported(reasons.quoted("ValueError('odd')"))
    scene.faults.note_success("writing")
    assert not scene.faults.has_reported(reasons.quoted("ValueError('odd')"))
    assert scene.told[2:] == [events.PartRecovered("queue file")]
    assert scene.marks == {"writing": reasons.NONE, "queue file": _failed(errno.EIO).reason}


def test_a_part_that_fails_is_tried_again_after_a_while(scene: Scene) -> None:
    tries: list[float] = []

    def work(*, fails: bool) -> None:
        tries.append(scene.now)
        if fails:
            raise ValueError("odd")

    for after, fails, done, wait in (
        (0.0, True, False, 1.0), (0.5, True, False, 0.5), (0.5, True, False, 5.0),
        (4.5, True, False, 0.5), (0.5, True, False, 5.0), (4.5, False, False, 0.5),
        (0.5, False, True, math.inf), (0.0, False, True, math.inf), (0.0, True, False, 1.0),
    ):  # fmt: skip
        scene.now += after
        assert scene.faults.attempt("part", partial(work, fails=fails), "title") is done
        assert scene.faults.waits("part") is not done
        assert scene.faults.next_try(scene.now) == wait
    assert not scene.faults.waits("another")
    assert tries == [100.0, 101.0, 106.0, 111.0, 111.0, 111.0]
    failed, over = (
        events.PartFailed("title", "ValueError('odd')", 1.0),
        events.PartRecovered("title"),
    )
    assert scene.told == [failed, over, failed]


def test_one_cause_of_several_parts_is_told_once(scene: Scene) -> None:
    for part in ("queue file", "metrics", "ledger"):
        scene.faults.note_failure(part, ValueError("odd"), 1.0)
    assert scene.told == [events.PartFailed("queue file", "ValueError('odd')", 1.0)]
    scene.faults.note_success("metrics")
    scene.faults.note_success("ledger")
    assert len(scene.told) == 1
    scene.faults.note_success("queue file")
    assert scene.told[1:] == [events.PartRecovered("queue file")]
    assert scene.marks["queue file"] == reasons.NONE


def test_a_cause_that_a_part_of_its_own_shares_is_over_with_the_last(scene: Scene) -> None:
    scene.faults.note_failure("a", ValueError("odd"), 1.0)
    scene.faults.note_failure("queue file", ValueError("odd"), 1.0)
    assert len(scene.told) == 1
    scene.faults.note_success("a")
    assert len(scene.told) == 1
    scene.faults.note_success("queue file")
    assert scene.told[1:] == [events.PartRecovered("queue file")]


FILE = Path("/home/me/.claude/a queue.json")
PART = "reading the queue file while others write it"


def look(scene: Scene, after: float, *, unstable: bool) -> None:
    scene.now += after
    scene.faults.note_file(PART, FILE, unstable=unstable)


@pytest.mark.row(52)
def test_an_unstable_file_is_a_fault_once_after_ten_seconds_until_it_rests(scene: Scene) -> None:
    for after in (0.0, 5.0, 5.0):
        look(scene, after, unstable=True)
    scene.now += 0.5
    assert not scene.faults.is_unstable(PART)  # before that is reported
    assert scene.told == []
    for _ in range(3):
        look(scene, 1.0, unstable=True)
    assert scene.faults.is_unstable(PART)
    said = f"{FILE} keeps changing: another program is writing it."
    remedy = "program" if needs.WINDOWS else f"program with `fuser '{FILE}'`"  # no such command
    error = f"{said} Find that {remedy} and end it."
    failed, over = events.PartFailed(PART, error, 0.05), events.PartRecovered(PART)
    assert (scene.told, bool(scene.marks[PART])) == ([failed], True)
    look(scene, 1.0, unstable=False)
    assert (scene.told, bool(scene.marks[PART])) == ([failed, over], False)
    for after in (1.0, 11.0):
        look(scene, after, unstable=True)
    assert scene.told == [failed, over, failed]


@pytest.mark.row(28, 52)
def test_a_file_that_rests_now_and_then_is_none(scene: Scene) -> None:
    for _ in range(20):
        look(scene, 9.0, unstable=True)
        look(scene, 0.1, unstable=False)
    assert scene.told == []


@pytest.mark.parametrize(
    ("age", "stable"), [(1.4, False), (1.5, True), (-1.4, False), (-1.6, True), (3600, True)]
)
def test_a_file_holds_still_after_a_second_and_a_half(age: float, *, stable: bool) -> None:
    now = 1_800_000_000.0
    assert faults.STABLE_AFTER == 1.5
    assert is_stable(Signature(1, 2, int((now - age) * 1e9), 4), now) is stable
