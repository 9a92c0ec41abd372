"""What becomes of memories where no thread can be started, or a fault of ours strikes a sender."""

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from mem0tray.config.settings import Settings, SyncSettings
from mem0tray.core import reasons
from mem0tray.core.errors import NoThreadError
from mem0tray.core.events import Delivered, Event, Events, PartFailed, PartRecovered
from mem0tray.ledger.database import Ledger
from mem0tray.server import Kind, Outcome
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.sending import delivery as module
from mem0tray.worker.sending.delivery import Delivery
from tests.ledger.samples import HERE, NOW, fresh, row, table
from tests.server.wire import PATIENCE

REFUSED = RuntimeError("can't start new thread")
NO_THREAD = (
    "No thread can be started: can't start new thread. Allow more processes, or end other programs."
)


class Sending:
    """Real senders, and a server that takes everything; `told` are the events in their order."""

    def __init__(self, context: WorkerContext) -> None:
        self.context = context
        self.told: queue.Queue[Event] = queue.Queue()
        context.events.subscribe(self.told.put)
        self.client = mock.Mock()
        self.client.save.return_value = Outcome(Kind.DELIVERED, 200, "")
        breaker = context.breaker
        breaker.note_probe(healthy=True, reason=reasons.NONE)
        self.delivery = Delivery(context, lambda: self.client, breaker.await_probe, lambda: None)
        self.delivery.change_server(HERE)

    def wait(self, *names: str) -> int:
        add = self.context.inbox.add_fresh
        with self.context.ledger.transaction():
            keys = [add(fresh(name, ts=n), NOW, ask=False) for n, name in enumerate(names)]
        return keys[0]

    def next_of(self, *kinds: type[Event]) -> Any:
        while not isinstance(event := self.told.get(timeout=PATIENCE), kinds):
            pass
        return event


@pytest.fixture
def sending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sending]:
    monkeypatch.setattr(module, "_FAULT_WAIT", 0.01)
    ledger = Ledger(tmp_path / "l")
    one_at_a_time = Settings(sync=SyncSettings(concurrency=1))
    made = Sending(WorkerContext(Paths(tmp_path, tmp_path), one_at_a_time, ledger, Events(), HERE))
    yield made
    made.delivery.stop(PATIENCE)
    ledger.close()


def refuse(patch: pytest.MonkeyPatch, *, but: tuple[str, ...] = ()) -> None:
    start = threading.Thread.start

    def refusing(thread: threading.Thread) -> None:
        if thread.name not in but:
            raise REFUSED
        start(thread)

    patch.setattr(threading.Thread, "start", refusing)


def failing(times: int, real: Callable[..., Any]) -> Callable[..., Any]:
    faults = iter([MemoryError("no room")] * times)

    def call(*arguments: Any, **named: Any) -> Any:
        for fault in faults:
            raise fault
        return real(*arguments, **named)

    return call


def test_without_a_single_sender_nothing_is_claimed(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = sending.wait("a")
    refuse(monkeypatch)
    with pytest.raises(NoThreadError) as caught:
        sending.delivery.kick()
    assert str(caught.value) == NO_THREAD
    assert "claimed" not in row(sending.context.ledger, key)


def test_a_sender_that_hangs_keeps_no_program_from_ending(sending: Sending) -> None:
    sending.delivery.kick()
    assert [sender.daemon for sender in sending.delivery._senders] == [True]


def test_where_no_further_sender_can_be_started_the_others_go_on(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending.context.settings = Settings()
    sending.wait("a", "b", "c")
    refuse(monkeypatch, but=("mem0tray-sender-0",))
    sending.delivery.kick()
    assert [sending.next_of(Delivered).item_id for _ in range(3)] == ["a", "b", "c"]


def test_a_fault_of_ours_leaves_nothing_claimed(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outcome of what was under way is unknown; it is told, and the sender goes on."""
    key = sending.wait("a", "b")
    attempt = sending.delivery._attempt
    monkeypatch.setattr(sending.delivery, "_attempt", failing(1, attempt))
    sending.delivery.kick()
    assert sending.next_of(PartFailed, Delivered).error == "MemoryError('no room')"
    assert sending.next_of(PartRecovered, Delivered) == PartRecovered("delivery")
    assert sending.next_of(Delivered).item_id == "b"
    found = row(sending.context.ledger, key)
    assert (found["state"], found["retries"]) == ("pending", 0)
    assert "claimed" not in found
    unknown = table(sending.context.ledger, "SELECT item FROM outcomes WHERE has IS NULL")
    assert unknown == [(key,)]


@pytest.mark.parametrize(("times", "what"), [(1, "delivered"), (2, "pending")])
def test_an_outcome_that_a_fault_kept_from_being_recorded(
    sending: Sending, monkeypatch: pytest.MonkeyPatch, times: int, what: str
) -> None:
    key = sending.wait("a", "b")
    verdicts = sending.delivery._verdicts
    monkeypatch.setattr(verdicts, "apply", failing(times, verdicts.apply))
    sending.delivery.kick()
    while sending.next_of(Delivered).item_id != "b":
        pass
    found = row(sending.context.ledger, key)
    assert found["state"] == what
    assert "claimed" not in found


def test_a_claim_that_fails_keeps_back_no_outcome(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending.wait("a", "b")
    outbox, client = sending.context.outbox, sending.client
    claim, fails = outbox.claim, failing(1, outbox.claim)

    def claiming(*given: Any) -> Any:
        return (fails if client.save.called else claim)(*given)

    monkeypatch.setattr(outbox, "claim", claiming)
    sending.delivery.kick()
    assert [sending.next_of(Delivered).item_id for _ in range(2)] == ["a", "b"]
    assert client.save.call_count == 2
