"""The file of the log: what is written into it, and when."""

import errno
import math
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from mem0tray.config.settings import LogSettings
from mem0tray.core import events, reasons
from mem0tray.core.events import Event
from mem0tray.core.reasons import Reason
from mem0tray.system.paths import Paths
from mem0tray.worker.log import BACKOFFS_PER_MINUTE, EventLog, describe


def test_the_log_follows_its_folder(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    log = EventLog(Paths(first, tmp_path), LogSettings())
    log(events.StateChanged("down", reasons.quoted("one")))
    first.rename(tmp_path / "moved")
    log(events.StateChanged("down", reasons.quoted("two")))
    assert not first.exists()
    first.mkdir()
    log(events.StateChanged("down", reasons.quoted("three")))
    two, three = Paths(first, tmp_path).log.read_text().splitlines()
    assert two.endswith("(two)")
    assert three.endswith("(three)")
    log(events.FolderChanged(first, second))
    log.close()
    assert f"The shared folder is {second}" in Paths(second, tmp_path).log.read_text()
    assert "The shared folder" not in Paths(first, tmp_path).log.read_text()


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path)
    log = EventLog(paths, LogSettings())
    log(events.FileBroken("\ud83d.json", "odd", ""))
    log(events.WorkerStopped())
    log.close()
    if sys.platform != "win32":
        assert paths.log.stat().st_mode & 0o777 == 0o600
        assert paths.log.parent.stat().st_mode & 0o777 == 0o700
    text = paths.log.read_bytes().decode()
    assert "\\ud83d.json" in text
    first, second = text.splitlines()
    pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d "
    assert re.match(pattern + "🩹", first)
    assert re.fullmatch(pattern + "⏹️ Worker stopped", second)


def test_it_is_rotated_at_its_size_and_grows_on_while_it_is_held_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = Paths(tmp_path, tmp_path)
    log = EventLog(paths, LogSettings(max_bytes=100, backups=2))
    for count in range(1, 9):
        log(events.SlowedDown(float(count)))
    names = sorted(path.name for path in paths.log.parent.iterdir())
    assert names == [paths.log.name, f"{paths.log.name}.1", f"{paths.log.name}.2"]
    assert paths.log.read_text(encoding="utf-8").endswith("a break of 8s\n")
    assert all(0 < (paths.log.parent / name).stat().st_size <= 100 for name in names)
    older = [paths.log.with_name(f"{paths.log.name}.{n}").read_bytes() for n in (1, 2)]
    real, error = os.rename, PermissionError(errno.EACCES, "Access is denied")
    error.winerror = 32  # type: ignore[attr-defined]

    def refuse(source: Path, target: Path) -> None:
        if source == paths.log:
            raise error
        real(source, target)

    monkeypatch.setattr(os, "rename", refuse)
    for count in range(9, 19):
        log(events.SlowedDown(float(count)))
    lines = paths.log.read_text(encoding="utf-8").splitlines()
    said = [line.rpartition("a break of ")[2] for line in lines]
    assert said[-10:] == [f"{n}s" for n in range(9, 19)]
    assert [paths.log.with_name(f"{paths.log.name}.{n}").read_bytes() for n in (1, 2)] == older
    monkeypatch.setattr(os, "rename", real)
    log(events.SlowedDown(19.0))
    log.close()
    assert paths.log.read_text(encoding="utf-8").count("\n") == 1


def test_the_newest_lines_are_kept_until_they_can_be_written(tmp_path: Path) -> None:
    log = EventLog(Paths(tmp_path, tmp_path), LogSettings())
    log(events.SlowedDown(0.0))
    folder = tmp_path / "logs"
    aside = folder.rename(tmp_path / "aside")
    folder.write_text("in the way")
    for count in range(1, 201):
        log(events.SlowedDown(float(count)))
    folder.unlink()
    aside.rename(folder)
    log(events.WorkerStopped())
    log.close()
    lines = (folder / "mem0_worker.log").read_text(encoding="utf-8").splitlines()
    said = [line.partition(" ")[2].rpartition("a break of ")[2] for line in lines]
    assert said == ["0s", *(f"{n}s" for n in range(2, 201)), "⏹️ Worker stopped"]


DELIVERED: Final = events.Delivered("p", "a")
WAITS: Final = events.InBackoff("p", "a", 30.0)
MANY: Final = BACKOFFS_PER_MINUTE + 2


class Timer:
    """A stand-in for a timer, which runs when the test says so."""

    begun: list["Timer"]

    def __init__(self, interval: float, function: Callable[[], None]) -> None:
        self.interval = interval
        self.function = function
        self.daemon = False
        self.cancelled = False

    def start(self) -> None:
        assert self.daemon  # or the program would wait for it at its end
        self.begun.append(self)

    def cancel(self) -> None:
        self.cancelled = True


class LogScene:
    """A log, its timers, and the time in Unix seconds."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 6_000.0  # a minute begins
        self.timers: list[Timer] = []
        Timer.begun = self.timers
        self._paths = Paths(folder, folder)
        self.log = EventLog(self._paths, LogSettings())
        monkeypatch.setattr(threading, "Timer", Timer)
        monkeypatch.setattr(time, "time", lambda: self.now)

    def tell(self, event: Event, count: int = 1) -> list[str]:
        for _ in range(count):
            self.log(event)
        return self.lines()

    def lines(self) -> list[str]:
        if not self._paths.log.exists():
            return []
        text = self._paths.log.read_text(encoding="utf-8")
        return [line.partition(" ")[2] for line in text.splitlines()]

    def ring(self, after: float = 0.0) -> list[str]:
        """Let the time come for which the last timer was set; all lines so far."""
        (timer,) = (each for each in self.timers if not each.cancelled)
        self.now += after
        timer.function()
        return self.lines()

    def intervals(self) -> list[float]:
        return [each.interval for each in self.timers if not each.cancelled]


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogScene]:
    made = LogScene(tmp_path, monkeypatch)
    yield made
    made.log.close()


def test_deliveries_are_told_a_second_after_the_first(scene: LogScene) -> None:
    assert scene.tell(DELIVERED, 3) == []
    assert scene.intervals() == [1.0]
    assert scene.ring() == ["✅ Delivered 3 memories"]
    assert scene.intervals() == []
    scene.tell(DELIVERED)
    assert scene.ring()[1:] == ["✅ Delivered 1 memory"]


def test_ten_waits_in_a_minute_are_told_by_name(scene: LogScene) -> None:
    line = "⏸️ Waiting backoff: p (ID: a...) (retry in 30s)"
    assert scene.tell(WAITS, BACKOFFS_PER_MINUTE) == [line] * BACKOFFS_PER_MINUTE
    assert scene.intervals() == []
    assert len(scene.tell(WAITS, 2)) == BACKOFFS_PER_MINUTE
    assert scene.intervals() == [60.0]
    assert scene.ring(60.0)[BACKOFFS_PER_MINUTE:] == ["⏸️ Waiting backoff: 2 items more"]
    assert scene.intervals() == []
    scene.tell(WAITS, BACKOFFS_PER_MINUTE)
    assert len(scene.lines()) == 2 * BACKOFFS_PER_MINUTE + 1


def test_a_minute_is_any_sixty_seconds(scene: LogScene) -> None:
    for seconds in (0.0, 50.0, 5.0):
        scene.now += seconds
        scene.tell(WAITS, BACKOFFS_PER_MINUTE - 1)
    assert len(scene.lines()) == BACKOFFS_PER_MINUTE
    scene.now += 5.0
    assert len(scene.tell(WAITS, MANY)) == 2 * BACKOFFS_PER_MINUTE  # a sum, and nine by name


def test_within_the_minute_the_timer_is_set_again(scene: LogScene) -> None:
    scene.tell(WAITS, BACKOFFS_PER_MINUTE + 1)
    scene.tell(DELIVERED)
    assert scene.intervals() == [1.0]
    assert scene.ring(1.0)[BACKOFFS_PER_MINUTE:] == ["✅ Delivered 1 memory"]
    assert scene.intervals() == [60.0]
    assert scene.ring(60.0)[-1] == "⏸️ Waiting backoff: 1 item more"
    assert scene.intervals() == []


def test_the_end_of_the_worker_is_told_last(scene: LogScene) -> None:
    scene.tell(DELIVERED, 2)
    scene.tell(events.WorkerStopped())
    scene.log.close()
    assert scene.lines() == ["✅ Delivered 2 memories", "⏹️ Worker stopped"]
    assert scene.intervals() == []


ITEM = ("alpha", "0123456789ab")
NAMED = "alpha (ID: 01234567...)"
LONG = "x" * 400


HELD = "perhaps delivered by another worker"
LINES: dict[str, Event] = {
    f"📋 Moved to DLQ: {NAMED} after 5 retries": events.MovedToDlq(*ITEM, 5),
    "📋 Moved to DLQ: (no project) (ID: 01234567...) after 5 retries": (
        events.MovedToDlq("\n", ITEM[1], 5)
    ),
    f"✅ DLQ recovered: {NAMED} after 3 retries": events.DlqRecovered(*ITEM, 3),
    f"⏳ DLQ retry 4: {NAMED} (next in 480s)": events.DlqRetryFailed(*ITEM, 4, 480.4, "500"),
    f"⏸️ Waiting backoff: {NAMED} (retry in 30s)": events.InBackoff(*ITEM, 29.6),
    f"⚠️ Attempt 2 failed: {NAMED}: 500 odd": events.AttemptFailed(*ITEM, 2, "500\nodd"),
    f"✋ Held: 2 memories, {HELD}; the server is asked once it has gone": events.PerhapsTaken(2),
    f"⚠️ Not taken by a healthy server, not counted: {NAMED}: 200 OK": events.NotTaken(
        *ITEM, "200 OK"
    ),
    f"✋ Held, {HELD}: {NAMED} (`mem0tray retry` sends it, `mem0tray delete` drops it)": (
        events.Held(*ITEM)
    ),
    f"♻️ Already on the server, out of q.json: {NAMED}": events.AlreadyDelivered(*ITEM, "q.json"),
    f"ℹ️ Deleted or edited too late, it had been sent: {NAMED}": (
        events.DeliveredAfterDeletion(*ITEM)
    ),
    "📥 Accepted 1 memory": events.Accepted(1),
    "📥 Accepted 1,200 memories": events.Accepted(1200),
    "📋 Adopted into the DLQ: 2 memories from 'failed'": events.AdoptedToDlq(2, "failed"),
    "🔔 State: paused": events.StateChanged("paused", reasons.NONE),
    "🔔 State: down (no way)": events.StateChanged("down", reasons.quoted("no\nway.")),
    "🔔 State: down": events.StateChanged("down", reasons.quoted("said"), told=True),
    "🩹 q.json was broken (odd at line 1); kept in the quarantine as 1-q.json, restored": (
        events.FileBroken("q.json", "odd\nat line 1", "1-q.json")
    ),
    "🩹 q.json was broken (odd); kept in the quarantine as nothing: it was empty, restored": (
        events.FileBroken("q.json", "odd", "")
    ),
    "🩹 An item of q.json was put into quarantine: 2-q.json": (
        events.Quarantined("q.json", "2-q.json")
    ),
    "❌ queue file: no room (again when a worker starts)": (
        events.PartFailed("queue file", "no room", math.inf)
    ),
    "❌ metrics: no room (again in 2.5s)": events.PartFailed("metrics", "no\nroom", 2.50),
    "🚨 DLQ alert: 12 dead, 1 in the queue (alerts.max_age 7.5)": (
        events.AlertBegan("max_age", 7.5, 30.0, 1, 12, None)
    ),
    "▶️ Worker started; memories go to: a.test (over plain http)": (
        events.WorkerStarted("a.test", "over plain http")
    ),
    "▶️ Worker started; memories go to: a.test": events.WorkerStarted("a.test"),
    "▶️ Worker started; no usable server is chosen, nothing is sent": events.WorkerStarted(""),
    "▶️ The server, or the way to it, has changed; memories go to: a test (over http)": (
        events.ServerChanged("a\ntest", "over\nhttp")
    ),
    (
        "✏️ DLQ edited: 1 removed (`mem0tray restore --list` shows what can be put back),"
        " 3 to retry now, 2 changed, 4 added, 5 restored"
    ): events.HandEdit(1, 2, 3, 4, 5),
    "✏️ DLQ edited: 1 changed": events.HandEdit(edited=1),
    "🗑️ Deleted: 3 memories (`mem0tray restore b.json` puts back)": (
        events.UserAction("delete", 2, 1, "b.json")
    ),
    "🗑️ Deleted for good: 1 memory": events.UserAction("forget", 1),
    "↩️ Restored: 1 memory": events.UserAction("restore", 1),
    "🔁 Retry asked for: 3 memories": events.UserAction("retry", 3),
    "✏️ Changed with `mem0tray edit`: 1 memory": events.UserAction("edit", 1),
}


@pytest.mark.parametrize("line", LINES)
def test_each_event_has_its_line(line: str) -> None:
    assert describe(LINES[line]) == line


KINDS = [each for each in vars(events).values() if isinstance(each, type)]
KINDS = [each for each in KINDS if issubclass(each, Event)]
OURS = {"state", "file", "kept_as", "part", "alert", "why"}  # no words of others
SILENT = {Event, events.OfMemory, events.Delivered, events.StatusWanted}
VALUES: dict[Any, Any] = {
    str: "odd\ntext", int: 2, float: 3.5, bool: True, Path: Path("odd\nfolder"),
    Reason: reasons.quoted("odd\nreason"), float | None: None,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_event_makes_one_line_or_none(kind: type[Event]) -> None:
    fields = {each.name: VALUES[each.type] for each in msgspec.structs.fields(kind)}
    ours = {name: "edit" if name == "verb" else "ours" for name in {*OURS, "verb"} & {*fields}}
    line = describe(kind(**fields | ours))
    assert bool(line) == (kind not in SILENT)
    assert not set("\n{}") & set(line)


@pytest.mark.parametrize(
    ("event", "limit"),
    [
        (events.PartFailed("part", LONG, 1.0), 300),
        (events.FolderMade(Path(LONG)), 300),
        (events.FileBroken("q.json", LONG, ""), 200),
        (events.MovedToDlq(LONG, "id", 5), 80),
    ],
)
def test_long_texts_are_cut(event: events.Event, limit: int) -> None:
    line = describe(event)
    assert line.count("x") == limit - 1
    assert line.count("…") == 1
