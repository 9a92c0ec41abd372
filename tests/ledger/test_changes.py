"""What each change of the ledger changes in a row, and which files it outdates."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple

import pytest

from mem0tray.core.errors import LedgerError
from mem0tray.core.state import WorkerSeen
from mem0tray.ledger import outbox
from mem0tray.ledger.counters import Counters
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.foreign_claims import ForeignClaims
from mem0tray.ledger.generations import Generations
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.names import DLQ_FILE, FAILED, METRICS_FILE, QUEUE_FILE, QUEUED
from mem0tray.ledger.outbox import Outbox
from tests.ledger.samples import HERE, NOW, changes, fresh, known, letter, row

FILES = QUEUE, DLQ, METRICS = (QUEUE_FILE, DLQ_FILE, METRICS_FILE)
ROWS: Final = ("entry", "other", "dead", "gone")
NEW: Final = letter("dead", retry_count=5, last_attempt=NOW - 5)
MOVED: Final = letter("entry")
EDITED: Final = letter("dead", content="another", project_id="q", timestamp=9)
BACK: Final = letter("gone", retry_count=3, last_attempt=NOW + 8, retries=1)


class Scene:
    """Two entries that wait, two dead letters that were published."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.inbox, self.outbox = ledger, Inbox(ledger), Outbox(ledger)
        self.generations, self.taken = Generations(ledger), ForeignClaims(ledger)
        self.counters = Counters(ledger)
        entries = fresh("entry", retries=2), fresh("other")
        self.entry, self.other = (self.inbox.add_fresh(e, NOW, ask=False) for e in entries)
        self.dead, self.gone = (
            self.inbox.add_dead(letter(name), letter(name).raw, NOW, ask=False, gen=None)
            for name in ("dead", "gone")
        )
        self.publish()

    def publish(self) -> None:
        gen, _ = self.generations.prepare(f"at {self.generations.current()}")
        self.generations.record(gen, b"")
        self.generations.note_published(gen)

    def fail(self) -> None:
        job = self.outbox.claim(self.dead, NOW)
        self.outbox.count_dead_failure(job, 3, NOW + 9, "500", b"{}", NOW + 1)

    def fail_fresh(self) -> None:
        job = self.outbox.claim(self.entry, NOW)
        self.outbox.count_fresh_failure(job, NOW + 30, "500", b"{}")

    def fill(self) -> None:
        for column in WAITING:
            self.ledger.write(f"UPDATE items SET {column} = 1")

    def vanish(self, *keys: int, taken: bool = False, at: float = NOW, until: float = 0.0) -> None:
        self.taken.vanish(keys, at, taken=taken, wait_until=until)

    def discard(self) -> None:
        self.inbox.discard([self.gone], NOW, "hand edit")

    def revive(self, *, dead: bool) -> None:
        row = known(self.inbox, letter("gone"))
        self.inbox.revive(row, BACK, NOW + 9, dead=dead, gen=None)

    def take(self) -> None:
        self.vanish(self.entry, taken=True)
        self.outbox.defer(self.entry, NOW + 100)

    def edit(self) -> None:
        self.inbox.change_content(known(self.inbox, letter("dead")), EDITED, NOW)


def steps(*each: Callable[[Scene], object]) -> Callable[[Scene], object]:
    return lambda scene: [step(scene) for step in each]


class Change(NamedTuple):
    """What is done, what that changes in which rows, and which files it outdates."""

    make: Callable[[Scene], object]
    files: set[str]
    rows: dict[str, dict[str, Any]]
    before: Callable[[Scene], object] = lambda _: None


@pytest.fixture
def scene(ledger: Ledger) -> Scene:
    return Scene(ledger)


def outdated_by(scene: Scene, change: Callable[[Scene], object]) -> set[str]:
    before = {file: scene.ledger.outdated.times(file) for file in FILES}
    change(scene)
    return {file for file in FILES if scene.ledger.outdated.times(file) != before[file]}


WAITING: Final = ("claimed", "unknown", "body", "last_error", "taken", "held")
GONE: Final = {"state": "discarded", "closed": NOW}
ALIVE: Final = {"closed": None, "reason": None, "revived": NOW + 9, "body": None, "raw": BACK.raw,
                "retries": 1, "retry_count": 3, "last_attempt": NOW + 8}  # fmt: skip
CHANGES: dict[str, Change] = {
    "an entry of the queue file": Change(
        lambda s: s.inbox.add_fresh(fresh("new"), NOW, ask=False), {METRICS}, {},
    ),
    "an emergency line": Change(
        lambda s: s.inbox.add_fresh(fresh("new"), NOW, ask=False, shown=False),
        {QUEUE, METRICS}, {},
    ),
    "a dead letter": Change(
        lambda s: s.inbox.add_dead(letter("new"), letter("new").raw, NOW, ask=False, gen=None),
        {DLQ, METRICS}, {},
    ),
    "a claim": Change(
        lambda s: s.outbox.claim(s.dead, NOW), set(), {"dead": {"claimed": NOW, "claimed_for": 1}},
    ),
    "a claim that came to nothing": Change(
        lambda s: s.outbox.release(s.dead), set(), {"dead": {"claimed": None}},
        lambda s: s.outbox.claim(s.dead, NOW),
    ),
    "an outcome that is unknown": Change(
        lambda s: s.outbox.mark_unknown(s.dead, HERE, NOW, timed_out=True), set(),
        {"dead": {"timeouts": 1}},
    ),
    "another time": Change(lambda s: s.outbox.defer(s.dead, NOW), set(), {"dead": {"due": NOW}}),
    "an attempt for the history": Change(
        lambda s: s.outbox.record_attempt(s.dead, NOW, "outage", None, "down", 1.0), set(), {},
    ),
    "a delivered entry": Change(
        lambda s: s.outbox.record_delivery(s.entry, HERE, NOW), {QUEUE, METRICS},
        {"entry": {"state": "delivered", "closed": NOW, "raw": None}},
    ),
    "a delivered dead letter": Change(
        lambda s: s.outbox.record_delivery(s.dead, HERE, NOW), {QUEUE, DLQ, METRICS},
        {"dead": {"state": "delivered", "closed": NOW, "raw": None} | dict.fromkeys(WAITING)},
        Scene.fill,
    ),
    "a failed delivery": Change(
        Scene.fail_fresh, {QUEUE, METRICS},
        {"entry": {"claimed_for": 1, "retries": 3, "due": NOW + 30, "last_error": "500",
                   "raw": b"{}"}},
    ),
    "a failed retry": Change(
        Scene.fail, {DLQ},
        {"dead": {"claimed_for": 1, "retry_count": 3, "last_attempt": NOW + 1, "due": NOW + 9,
                  "last_error": "500", "raw": b"{}"}},
    ),
    "a move to the DLQ": Change(
        lambda s: s.inbox.move_to_dlq(s.entry, b"{}", NOW + 5, NOW + 35), {QUEUE, DLQ, METRICS},
        {"entry": {"state": "dead", "last_attempt": NOW + 5, "moved": NOW + 5, "due": NOW + 35,
                   "dead_seq": 3, "claimed": None, "held": None, "taken": None, "raw": b"{}"}},
        steps(lambda s: s.taken.hold(s.entry, NOW), lambda s: s.outbox.claim(s.entry, NOW)),
    ),
    "a move to the DLQ with its error": Change(
        lambda s: s.inbox.move_to_dlq(s.entry, b"{}", NOW, NOW, "busy"), {QUEUE, DLQ, METRICS},
        {"entry": {"state": "dead", "last_attempt": NOW, "moved": NOW, "due": NOW, "dead_seq": 3,
                   "last_error": "busy", "raw": b"{}"}},
    ),
    "a deleted entry": Change(
        lambda s: s.inbox.discard([s.entry], NOW, "deleted"), {QUEUE, METRICS},
        {"entry": GONE | {"reason": "deleted"}},
    ),
    "a deleted dead letter": Change(  # the queue file may show it still
        Scene.discard, {QUEUE, DLQ, METRICS}, {"gone": GONE | {"reason": "hand edit"}},
    ),
    "a deletion of what is delivered": Change(
        lambda s: s.inbox.discard([s.entry], NOW, "deleted"), {QUEUE}, {},
        lambda s: s.outbox.record_delivery(s.entry, HERE, NOW),
    ),
    "a dead letter that waits again": Change(
        lambda s: s.revive(dead=True), {DLQ, METRICS},
        {"gone": ALIVE | {"state": "dead", "due": NOW + 248}}, Scene.discard,
    ),
    "an entry that waits again": Change(
        lambda s: s.revive(dead=False), {QUEUE, METRICS},
        {"gone": ALIVE | {"state": "pending", "due": 0.0, "dead_seq": None}}, Scene.discard,
    ),
    "an entry that another hand moved to the DLQ file": Change(
        lambda s: s.inbox.revive(known(s.inbox, fresh("entry")), MOVED, NOW + 9, dead=True, gen=5),
        {QUEUE, DLQ, METRICS},
        {"entry": {"state": "dead", "retries": 0, "retry_count": 2, "last_attempt": NOW,
                   "due": NOW + 120, "revived": NOW + 9, "moved": NOW - 100, "dead_seq": 3,
                   "vanished": None, "taken": None, "held": None, "raw": MOVED.raw}},
        steps(Scene.take, lambda s: s.taken.hold(s.entry, NOW)),
    ),
    "a text that is forgotten": Change(
        lambda s: s.inbox.erase([s.gone]), {QUEUE, DLQ},
        {"gone": {"reason": "forgotten", "raw": None}}, Scene.discard,
    ),
    "other values of a dead letter": Change(
        lambda s: s.inbox.change_values(s.dead, NEW, NOW), {DLQ},
        {"dead": {"retry_count": 5, "last_attempt": NOW - 5, "due": NOW + 955, "body": None,
                  "raw": NEW.raw}},
    ),
    "other values of what was deleted": Change(
        lambda s: s.inbox.change_values(s.gone, BACK, NOW), set(), {}, Scene.discard,
    ),
    "another text of a dead letter": Change(
        Scene.edit, {QUEUE, DLQ},
        {"dead": {"digest": EDITED.digest, "first_digest": letter("dead").digest, "project": b"q",
                  "ts": 9.0, "timeouts": 0}},
        lambda s: s.ledger.write("UPDATE items SET timeouts = 1"),
    ),
    "a count in the file": Change(lambda s: s.counters.add("shown_total_queued"), set(), {}),
    "a count of ours": Change(lambda s: s.counters.add(FAILED), {QUEUE, METRICS}, {}),
    "a count that others made in the file": Change(
        lambda s: s.counters.add(QUEUED, 3), {METRICS}, {},
        lambda s: s.counters.add("shown_total_queued", 3),
    ),
    "a mark": Change(lambda s: s.ledger.set_meta("a mark", NOW), set(), {}),
    "a stray": Change(lambda s: s.generations.set_strays([b"1"], {}), {METRICS, DLQ}, {}),
    "an entry that vanished": Change(
        lambda s: s.vanish(s.entry), {QUEUE, METRICS}, {"entry": {"vanished": NOW}},
    ),
    "an entry that vanished beside another worker": Change(
        lambda s: s.vanish(s.entry, taken=True), {QUEUE, METRICS},
        {"entry": dict.fromkeys(("vanished", "taken", "unknown"), NOW)},
    ),
    "an entry that vanished while another may be at work": Change(
        lambda s: s.vanish(s.entry, s.other, until=NOW + 60), {QUEUE, METRICS},
        {"entry": {"vanished": NOW, "unknown": NOW},
         "other": {"vanished": NOW, "unknown": NOW, "due": NOW + 60}},
        lambda s: s.outbox.defer(s.entry, NOW + 100),
    ),
    "an entry that was taken already": Change(
        steps(lambda s: s.vanish(s.entry, taken=True, at=NOW + 9),
              lambda s: s.vanish(s.entry, at=NOW + 9),
              lambda s: s.vanish(s.entry, at=NOW + 9, until=NOW + 20)), set(), {}, Scene.take,
    ),
    "an entry that came back": Change(
        lambda s: s.taken.come_back([s.entry, s.other]), {QUEUE, METRICS},
        {"entry": {"vanished": None, "taken": None}}, Scene.take,
    ),
    "an entry that is held": Change(
        lambda s: s.taken.hold(s.entry, NOW), {QUEUE, METRICS},
        {"entry": dict.fromkeys(("held", "vanished", "taken"), NOW)},
    ),
    "an entry that was taken and is held": Change(
        lambda s: s.taken.hold(s.entry, NOW + 5), {QUEUE, METRICS},
        {"entry": {"held": NOW + 5, "claimed": None}},
        steps(Scene.take, lambda s: s.outbox.claim(s.entry, NOW)),
    ),
    "an entry that is held comes back": Change(
        lambda s: s.taken.come_back([s.entry]), set(), {}, lambda s: s.taken.hold(s.entry, NOW),
    ),
    "an entry that the user wants sent": Change(
        lambda s: s.taken.send([s.entry, s.other]), {QUEUE, METRICS},
        {"entry": {"taken": None, "vanished": None, "due": 0.0, "held": None}},
        steps(Scene.take, lambda s: s.taken.hold(s.entry, NOW)),
    ),
    "a dead letter that is no entry": Change(
        steps(lambda s: s.vanish(s.dead), lambda s: s.vanish(s.dead, taken=True),
              lambda s: s.vanish(s.dead, until=NOW + 9), lambda s: s.taken.come_back([s.dead]),
              lambda s: s.taken.hold(s.dead, NOW), lambda s: s.taken.send([s.dead])), set(), {},
    ),
    "an entry that the file shows": Change(lambda s: s.taken.show([s.entry]), set(), {}),
    "another worker": Change(
        lambda s: s.taken.note_worker(WorkerSeen(7, None, NOW, NOW)), {QUEUE, METRICS},
        {"other": {"taken": NOW - 60, "unknown": NOW}},  # what vanished in the minute before
        steps(lambda s: s.vanish(s.entry, at=NOW - 60.1), lambda s: s.vanish(s.other, at=NOW - 60)),
    ),
    "another worker that took nothing": Change(
        lambda s: s.taken.note_worker(WorkerSeen(7, None, NOW, NOW)), {QUEUE}, {},
    ),
    "another worker that went": Change(lambda s: s.taken.forget_worker(), {QUEUE}, {}),
    "a generation": Change(Scene.publish, set(), {}),
    "a question about everything": Change(
        lambda s: outbox.make_all_unknown(s.ledger, NOW), set(),
        {key: {"unknown": NOW} for key in ("entry", "other", "dead")}, Scene.discard,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_one_of_its_columns_and_outdates_the_files_that_show_it(
    scene: Scene, name: str
) -> None:
    change = CHANGES[name]
    change.before(scene)
    before = {each: row(scene.ledger, getattr(scene, each)) for each in ROWS}
    assert outdated_by(scene, change.make) == change.files
    for each in ROWS:
        found = changes(before[each], row(scene.ledger, getattr(scene, each)))
        assert found == change.rows.get(each, {})


def test_nothing_is_outdated_by_what_is_taken_back_even_with_the_next_change(
    scene: Scene,
) -> None:
    def fails(scene: Scene) -> None:
        with suppress(LedgerError), scene.ledger.transaction() as db:
            scene.outbox.record_delivery(scene.dead, HERE, NOW)
            db.execute("SELECT no_such_thing")

    assert outdated_by(scene, fails) == set()
    scene.ledger.scrub()  # after which changes are told of still
    assert outdated_by(scene, lambda s: s.inbox.discard([s.entry], NOW, "")) == {QUEUE, METRICS}


def test_files_are_outdated_when_the_change_is_there_to_be_read(scene: Scene) -> None:
    before = scene.ledger.outdated.times(DLQ)
    with scene.ledger.transaction():
        scene.inbox.discard([scene.dead], NOW, "hand edit")
        assert scene.ledger.outdated.times(DLQ) == before
    assert scene.ledger.outdated.times(DLQ) == before + 1
