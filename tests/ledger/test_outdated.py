"""Which files each change of the ledger outdates."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

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
from tests.ledger.samples import HERE, NOW, fresh, letter

FILES = QUEUE, DLQ, METRICS = (QUEUE_FILE, DLQ_FILE, METRICS_FILE)


@dataclass
class Scene:
    """Two entries that wait, two dead letters that were published."""

    ledger: Ledger

    def __post_init__(self) -> None:
        """Fill the ledger."""
        self.inbox, self.outbox = Inbox(self.ledger), Outbox(self.ledger)
        self.generations, self.taken = Generations(self.ledger), ForeignClaims(self.ledger)
        self.counters = Counters(self.ledger)
        self.entry, self.other = (
            self.inbox.add_fresh(fresh(name), NOW, ask=False) for name in ("entry", "other")
        )
        self.dead, self.gone = (
            self.inbox.add_dead(letter(name), letter(name).raw, NOW, ask=False, gen=None)
            for name in ("dead", "gone")
        )
        self.publish()

    def publish(self) -> None:
        """Publish a generation."""
        gen, _ = self.generations.prepare(f"at {self.generations.current()}")
        self.generations.record(gen, b"")
        self.generations.note_published(gen)

    def fail(self) -> None:
        """Let a retry of a dead letter fail."""
        job = self.outbox.claim(self.dead, NOW)
        self.outbox.count_dead_failure(job, 3, NOW, "500", letter("dead").raw, NOW)

    def fail_fresh(self) -> None:
        """Let a delivery of an entry fail."""
        job = self.outbox.claim(self.entry, NOW)
        self.outbox.count_fresh_failure(job, NOW, "500", fresh("entry").raw)

    def revive(self, *, dead: bool) -> None:
        """Put back what was discarded."""
        row = self.inbox.known(letter("gone").name)
        assert row is not None
        self.inbox.revive(row, letter("gone"), NOW, dead=dead, gen=None)

    def edit(self) -> None:
        """Change the text of a dead letter."""
        row = self.inbox.known(letter("dead").name)
        assert row is not None
        self.inbox.change_content(row, letter("dead", content="another"), NOW)


@pytest.fixture
def scene(ledger: Ledger) -> Scene:
    return Scene(ledger)


def outdated_by(scene: Scene, change: Callable[[Scene], object]) -> set[str]:
    """Make a change; which files it outdates."""
    before = {file: scene.ledger.outdated.times(file) for file in FILES}
    change(scene)
    return {file for file in FILES if scene.ledger.outdated.times(file) != before[file]}


CHANGES: dict[str, tuple[Callable[[Scene], object], set[str]]] = {
    "an entry of the queue file": (
        lambda s: s.inbox.add_fresh(fresh("new"), NOW, ask=False), {METRICS},
    ),
    "an emergency line": (
        lambda s: s.inbox.add_fresh(fresh("new"), NOW, ask=False, shown=False), {QUEUE, METRICS},
    ),
    "a dead letter": (
        lambda s: s.inbox.add_dead(letter("new"), letter("new").raw, NOW, ask=False, gen=None),
        {DLQ, METRICS},
    ),
    "a claim": (lambda s: s.outbox.claim(s.dead, NOW), set()),
    "a claim that came to nothing": (lambda s: s.outbox.release(s.dead), set()),
    "an outcome that is unknown": (
        lambda s: s.outbox.mark_unknown(s.dead, HERE, NOW, timed_out=True), set(),
    ),
    "another time": (lambda s: s.outbox.defer(s.dead, NOW), set()),
    "an attempt for the history": (
        lambda s: s.outbox.record_attempt(s.dead, NOW, "outage", None, "down", 1.0), set(),
    ),
    "a delivered entry": (lambda s: s.outbox.record_delivery(s.entry, HERE, NOW), {QUEUE, METRICS}),
    "a delivered dead letter": (
        lambda s: s.outbox.record_delivery(s.dead, HERE, NOW), {QUEUE, DLQ, METRICS},
    ),
    "a failed delivery": (Scene.fail_fresh, {QUEUE, METRICS}),
    "a failed retry": (Scene.fail, {DLQ}),
    "a move to the DLQ": (
        lambda s: s.inbox.move_to_dlq(s.entry, letter("entry").raw, NOW, NOW),
        {QUEUE, DLQ, METRICS},
    ),
    "a deleted entry": (lambda s: s.inbox.discard([s.entry], NOW, "deleted"), {QUEUE, METRICS}),
    "a deleted dead letter": (  # the queue file may show it still
        lambda s: s.inbox.discard([s.gone], NOW, "hand edit"), {QUEUE, DLQ, METRICS},
    ),
    "other values of a dead letter": (
        lambda s: s.inbox.change_values(s.dead, letter("dead", retry_count=9), NOW), {DLQ},
    ),
    "another text of a dead letter": (Scene.edit, {QUEUE, DLQ}),
    "a count in the file": (lambda s: s.counters.add("shown_total_queued"), set()),
    "a count of ours": (lambda s: s.counters.add(FAILED), {QUEUE, METRICS}),
    "a mark": (lambda s: s.ledger.set_meta("a mark", NOW), set()),
    "a stray": (lambda s: s.generations.set_strays([b"1"], {}), {METRICS, DLQ}),
    "an entry that vanished": (
        lambda s: s.taken.vanish([s.entry], NOW, taken=False, wait_until=0.0), {QUEUE, METRICS},
    ),
    "an entry that is held": (lambda s: s.taken.hold(s.entry, NOW), {QUEUE, METRICS}),
    "an entry that the file shows": (lambda s: s.taken.show([s.entry]), set()),
    "another worker": (lambda s: s.taken.note_worker(WorkerSeen(7, None, NOW, NOW)), {QUEUE}),
    "another worker that went": (lambda s: s.taken.forget_worker(), {QUEUE}),
    "a generation": (Scene.publish, set()),
    "a question about everything": (
        lambda s: outbox.make_all_unknown(s.ledger, NOW), set(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_outdates_the_files_that_show_it(scene: Scene, change: str) -> None:
    make, files = CHANGES[change]
    assert outdated_by(scene, make) == files


@pytest.mark.parametrize(("dead", "files"), [(True, {DLQ, METRICS}), (False, {QUEUE, METRICS})])
def test_what_is_put_back_outdates_the_file_that_it_is_put_into(
    scene: Scene, *, dead: bool, files: set[str]
) -> None:
    scene.inbox.discard([scene.gone], NOW, "hand edit")
    assert outdated_by(scene, lambda s: s.revive(dead=dead)) == files


def test_what_is_forgotten_outdates_both_files(scene: Scene) -> None:
    scene.inbox.discard([scene.gone], NOW, "hand edit")
    assert outdated_by(scene, lambda s: s.inbox.erase([s.gone])) == {QUEUE, DLQ}


def test_what_others_counted_in_the_file_does_not_outdate_it(scene: Scene) -> None:
    scene.counters.add("shown_total_queued", 3)
    assert outdated_by(scene, lambda s: s.counters.add(QUEUED, 3)) == {METRICS}


def test_nothing_is_outdated_by_what_is_taken_back(scene: Scene) -> None:
    def fails(scene: Scene) -> None:
        with suppress(LedgerError), scene.ledger.transaction() as db:
            scene.outbox.record_delivery(scene.dead, HERE, NOW)
            db.execute("SELECT no_such_thing")

    assert outdated_by(scene, fails) == set()
    assert outdated_by(scene, lambda s: s.inbox.discard([s.entry], NOW, "")) == {QUEUE, METRICS}


def test_files_are_outdated_when_the_change_is_there_to_be_read(scene: Scene) -> None:
    before = scene.ledger.outdated.times(DLQ)
    with scene.ledger.transaction():
        scene.inbox.discard([scene.dead], NOW, "hand edit")
        assert scene.ledger.outdated.times(DLQ) == before
    assert scene.ledger.outdated.times(DLQ) == before + 1


def test_a_scrubbed_ledger_tells_of_changes(scene: Scene) -> None:
    scene.ledger.scrub()
    assert outdated_by(scene, CHANGES["a delivered entry"][0]) == {QUEUE, METRICS}
