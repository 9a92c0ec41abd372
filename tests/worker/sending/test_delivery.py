"""The senders' turns: what is recorded and claimed between one request and the next."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from mem0tray.config.server_address import ServerAddress
from mem0tray.config.settings import Settings, SyncSettings
from mem0tray.core import reasons
from mem0tray.core.errors import LedgerError, SettingsError
from mem0tray.core.events import Delivered, Event, Events, PartFailed
from mem0tray.core.item import DEAD, FRESH
from mem0tray.ledger.database import Ledger
from mem0tray.server import Client, connect
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.sending.delivery import Delivery
from mem0tray.worker.sending.schedule import Throttle, choose_lane
from tests.server.wire import DELIVERED, PATIENCE, Connection, Wire
from tests.worker.dlq.generations import dead_letter, parsed

COUNT = 5


class Scene:
    """Five memories, a sender, and a server that answers when the test says so."""

    def __init__(self, folder: Path, server: Wire, answers: "queue.Queue[bytes]") -> None:
        self.server = server
        self.answers = answers
        self.delivered: queue.Queue[str] = queue.Queue()
        self.failed: queue.Queue[str] = queue.Queue()
        self.suspected = threading.Event()
        bus = Events()
        bus.subscribe(self._note)
        paths = Paths(folder, folder)
        settings = Settings(sync=SyncSettings(concurrency=1))  # however slow the answers
        self.context = WorkerContext(paths, settings, Ledger(folder / "ledger"), bus, "http://here")
        with self.context.ledger.transaction():
            self.keys = [
                self.context.inbox.add_fresh(parsed(dead_letter(f"m{n}")), 1.0, ask=False)
                for n in range(1, COUNT + 1)
            ]
        self.breaker = self.context.breaker
        self.breaker.note_probe(healthy=True, reason=reasons.NONE)
        where = ServerAddress.of(server.url)
        self.connect: Callable[[], Client] = lambda: connect(where)
        self.delivery = Delivery(self.context, self._connect, self._await_probe, lambda: None)
        self.delivery.change_server("http://here")

    def _connect(self) -> Client:
        return self.connect()

    def _await_probe(self) -> None:
        self.breaker.await_probe()
        self.suspected.set()

    def _note(self, event: Event) -> None:
        if isinstance(event, Delivered):
            self.delivered.put(event.item_id)
        if isinstance(event, PartFailed):
            self.failed.put(event.error)

    def second_under_way(self) -> None:
        """Start, have the first memory answered, and wait until the second is out."""
        self.delivery.kick()
        self.answers.put(DELIVERED)
        self.server.wait_for_requests(2)
        self.wait_for_claims({"m2"})

    def claims(self) -> set[str]:
        """The memories of which the ledger says that they may be under way."""
        with self.context.ledger.locked() as db:
            rows = db.execute("SELECT id FROM items WHERE claimed IS NOT NULL").fetchall()
        return {row[0].decode() for row in rows}

    def wait_for_claims(self, wanted: set[str]) -> None:
        patience = threading.Event()
        for _ in range(2000):
            if self.claims() == wanted:
                return
            patience.wait(0.01)
        raise AssertionError(self.claims())

    def sent(self) -> list[str]:
        return [request.headers["idempotency-key"] for request in self.server.requests]

    def close(self) -> None:
        for _ in range(COUNT):
            self.answers.put(DELIVERED)
        self.delivery.stop(PATIENCE)
        self.context.ledger.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    answers: queue.Queue[bytes] = queue.Queue()

    def answer_when_told(connection: Connection) -> None:
        while connection.request() is not None:
            connection.send(answers.get(timeout=PATIENCE))

    with Wire(answer_when_told) as server:
        made = Scene(tmp_path, server, answers)
        try:
            yield made
        finally:
            made.close()


def test_a_commit_that_fails_is_told_of_and_made_up_for(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    transaction = scene.context.ledger.transaction
    failed = threading.Event()

    def failing(*, durable: bool = False) -> AbstractContextManager[object]:
        if scene.server.requests and not failed.is_set():
            failed.set()
            raise LedgerError("The ledger cannot be used: disk I/O error.")
        return transaction(durable=durable)

    monkeypatch.setattr(scene.context.ledger, "transaction", failing)
    scene.delivery.kick()
    scene.answers.put(DELIVERED)
    assert "disk I/O error" in scene.failed.get(timeout=PATIENCE)
    assert scene.breaker.blocked_by("storage")
    assert scene.delivered.get(timeout=PATIENCE) == "m1"
    scene.breaker.unblock("storage")
    scene.delivery.kick()
    scene.server.wait_for_requests(2)
    assert scene.sent() == ["m1", "m2"]


def test_a_sender_that_comes_too_late_has_nothing_to_tell(
    monkeypatch: pytest.MonkeyPatch, scene: Scene
) -> None:
    begun, go_on, left = threading.Event(), threading.Event(), threading.Event()
    turn = Delivery._turn

    def connecting() -> Client:
        begun.set()
        go_on.wait(PATIENCE)
        raise SettingsError("No server is chosen.", "")

    def turning(delivery: Delivery, sender: Any) -> object:
        following = turn(delivery, sender)
        if following is None:
            left.set()
        return following

    monkeypatch.setattr(Delivery, "_turn", turning)
    scene.connect = connecting
    scene.delivery.kick()
    assert begun.wait(PATIENCE)
    scene.delivery.stop(0.01)
    scene.context.ledger.close()
    monkeypatch.setattr(scene.context.ledger, "close", lambda: None)  # nothing is left for the end
    go_on.set()
    assert left.wait(PATIENCE)
    assert scene.failed.empty()


def test_an_outcome_and_the_next_claim_are_one_commit(scene: Scene) -> None:
    words = {"COMMIT": "commit", "SET state = 'delivered'": "outcome", "RETURNING state": "claim"}
    seen: list[str] = []

    def trace(statement: str) -> None:
        if not statement.startswith("--"):  # a trigger's
            seen.extend(word for part, word in words.items() if part in statement)

    scene.second_under_way()
    assert scene.delivered.get(timeout=PATIENCE) == "m1"
    with scene.context.ledger.locked() as db:
        db.set_trace_callback(trace)
    scene.answers.put(DELIVERED)
    scene.server.wait_for_requests(3)
    with scene.context.ledger.locked() as db:
        db.set_trace_callback(None)
    assert list(dict.fromkeys(seen)) == ["outcome", "claim", "commit"]
    assert seen.count("commit") == 1


def after(*answers: float) -> Throttle:
    throttle = Throttle()
    for answer in answers:
        throttle.note_answer(answer)
    return throttle


def test_slots_grow_with_the_median() -> None:
    """Slower answers never mean fewer slots, and just above 5 ms there is more than one."""
    answers = (0.0051, 0.0075, 0.01, 0.02, 1.0, 60.0)
    slots = [after(*[answer] * 9).slots([], 8, both_lanes=False) for answer in answers]
    assert slots == sorted(slots)
    assert slots[0] > 1
    assert slots[-1] == 8


@pytest.mark.parametrize("limit", [1, 2, 8])
@pytest.mark.parametrize("answer", [0.001, 60.0])
def test_two_lanes_have_two_slots(limit: int, answer: float) -> None:
    assert 2 <= after(*[answer] * 9).slots([], limit, both_lanes=True) <= max(limit, 2)


def test_the_median_forgives_an_outlier() -> None:
    assert after(*[0.001] * 8, 30.0).slots([], 8, both_lanes=False) == 1


def test_old_answers_are_forgotten() -> None:
    """A server that has become fast is treated as one after five answers: the last nine count."""
    slots = [after(*[1.0] * 9, *[0.001] * n).slots([], 8, both_lanes=False) for n in (4, 5, 9)]
    assert slots == [8, 1, 1]


def test_an_unanswered_request_counts_with_its_age() -> None:
    assert Throttle().slots([0.5], 8, both_lanes=False) == 8


def test_a_stalled_request_does_not_hold_up_others() -> None:
    throttle = after(*[0.001] * 9)
    assert throttle.slots([5.0], 8, both_lanes=False) == 2
    assert throttle.slots([5.0, 5.0], 8, both_lanes=False) == 3
    assert throttle.slots([5.0, 5.0], 2, both_lanes=False) == 2


@pytest.mark.parametrize("slots", range(2, 9))
def test_each_lane_gets_half_of_the_slots(slots: int) -> None:
    under_way = {FRESH: 0, DEAD: 0}
    last = FRESH
    while (chosen := choose_lane({FRESH: True, DEAD: True}, under_way, slots, last)) is not None:
        under_way[chosen] += 1
        last = chosen
    assert sum(under_way.values()) == slots
    assert min(under_way.values()) >= slots // 2
