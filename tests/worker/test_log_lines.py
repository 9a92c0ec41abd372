"""The line that each event makes in the log, to the letter."""

import math
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mem0tray.core import events, reasons
from mem0tray.core.events import Event
from mem0tray.core.reasons import Reason
from mem0tray.worker.log import describe

ITEM = ("alpha", "0123456789ab")
NAMED = "alpha (ID: 01234567...)"
LONG = "x" * 400


HELD = "perhaps delivered by another worker"
LINES: dict[str, Event] = {
    f"📋 Moved to DLQ: {NAMED} after 5 retries": events.MovedToDlq(*ITEM, 5),
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


@pytest.mark.parametrize("project", ["", "\n"])
def test_an_item_without_a_project(project: str) -> None:
    line = describe(events.MovedToDlq(project, "0123456789", 5))
    assert line == "📋 Moved to DLQ: (no project) (ID: 01234567...) after 5 retries"


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
