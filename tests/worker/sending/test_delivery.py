"""The senders' turns: what is recorded, claimed and sent; most without their threads."""

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from mem0tray.config.settings import Settings, SyncSettings
from mem0tray.core import events, reasons
from mem0tray.core import item as items
from mem0tray.core.errors import LedgerError, NoThreadError, SettingsError
from mem0tray.core.events import Delivered, Event, PartFailed, PartRecovered
from mem0tray.core.item import DEAD, FRESH, Kind
from mem0tray.files import orders
from mem0tray.server.model import Client, Outcome
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.faults import Faults
from mem0tray.worker.orders import OrderHandler
from mem0tray.worker.sending import delivery as module
from mem0tray.worker.sending.delivery import Delivery, Throttle, choose_lane
from tests.ledger.samples import ELSEWHERE, HERE, NOW, fresh, letter, row, table
from tests.server.wire import PATIENCE
from tests.worker.ground import grounded, told_on
from tests.worker.sending.court import FAILED, FORBIDDEN, SILENT, TAKEN

SLOWLY = Outcome(Kind.DELIVERED, 201, "", duration=0.5)  # so that all slots open


class Steps:
    """A delivery whose senders take their turns when the test says so; `added` counts threads."""

    def __init__(self, context: WorkerContext, monkeypatch: pytest.MonkeyPatch) -> None:
        self.context = context
        self.told = told_on(context)
        context.wake = mock.Mock()
        context.faults = Faults(context.events, lambda *_: None)
        self.breaker = context.breaker
        self.breaker.note_probe(healthy=True, reason=reasons.NONE)
        self.moment = 5_000.0
        self.added = 0
        self.connect = mock.Mock(side_effect=mock.Mock)
        self.delivery = Delivery(context, self.breaker.await_probe, lambda: None)
        self.delivery.change_server(HERE, self.connect)
        self._senders: dict[int, module._Sender] = {}
        monkeypatch.setattr(self.delivery, "_add_sender", self._add)
        monkeypatch.setattr(WorkerContext, "now", staticmethod(lambda: NOW))
        monkeypatch.setattr("time.monotonic", lambda: self.moment)

    def _add(self) -> None:
        self.added += 1
        self.delivery._senders.append(mock.Mock())

    def fresh(self, *names: str, **fields: Any) -> list[int]:
        return [self.context.inbox.add_fresh(fresh(n, **fields), NOW, ask=False) for n in names]

    def dead(self, *names: str) -> list[int]:
        add, letters = self.context.inbox.add_dead, [letter(n, last_attempt=1.0) for n in names]
        return [add(item, item.raw, NOW, ask=False, gen=None) for item in letters]

    def time_out(self, *keys: int) -> None:
        with self.context.ledger.transaction() as db:
            db.executemany("UPDATE items SET timeouts = 1 WHERE key = ?", [(k,) for k in keys])

    def turn(self, number: int = 0, outcome: Outcome | None = None) -> str:
        """Let a sender record the outcome of its last delivery; the id that it claims, or ""."""
        sender = self._senders.setdefault(number, module._Sender(number))
        flight = self.delivery._flights.get(number)
        sender.answered = None if outcome is None or flight is None else (flight, outcome)
        with self.delivery._cond:
            happened, following = self.delivery._exchange(sender)
        self.told += happened
        return "" if following is None else following.job.item_id

    def attempt(self, number: int = 0) -> Outcome:
        sender = self._senders[number]
        return self.delivery._attempt(sender, self.delivery._flights[number])

    def open_slots(self) -> None:
        self.fresh(*(f"first {n}" for n in range(9)))
        self.turn()
        for _ in range(9):
            last = self.turn(0, SLOWLY)
        assert last == ""
        self.told.clear()


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Steps]:
    """Have a healthy server, and nothing in the ledger; four requests at once."""
    with grounded(tmp_path, Settings(sync=SyncSettings(concurrency=4))) as context:
        yield Steps(context, monkeypatch)


def test_the_first_request_goes_alone(steps: Steps) -> None:
    steps.fresh("z", "y")
    assert steps.turn(0) == "z"
    assert steps.delivery.under_way == 1
    assert steps.delivery.next_due() == 0.0
    assert steps.turn(1) == ""
    assert steps.turn(0, SLOWLY) == "y"
    assert steps.told == [events.Delivered("p", "z")]
    steps.turn(0, SLOWLY)
    steps.open_slots()
    steps.fresh("a", "b", "c", "d", "e")
    assert [steps.turn(number) for number in range(5)] == ["a", "b", "c", "d", ""]
    assert steps.delivery.under_way == 4


@pytest.mark.parametrize("outcome", [SILENT, FORBIDDEN])
def test_a_server_that_did_not_is_proven_no_more(steps: Steps, outcome: Outcome) -> None:
    steps.open_slots()
    steps.fresh("a", "b", "c")
    assert [steps.turn(number) for number in (0, 1)] == ["a", "b"]
    steps.turn(0, outcome)
    assert not steps.delivery._proven
    assert steps.turn(2) == ""


def test_a_sender_is_added_while_all_are_at_work(steps: Steps) -> None:
    steps.delivery.kick()
    assert steps.added == 1
    steps.delivery.kick()
    assert steps.added == 1
    steps.turn(0)
    assert steps.added == 1
    steps.open_slots()
    assert steps.added == 2
    steps.fresh("a", "b", "c", "d", "e")
    for number in range(4):
        assert steps.turn(number)
        assert steps.added == min(max(2, number + 2), 4)


def test_where_no_further_sender_can_be_started_the_others_go_on(steps: Steps) -> None:
    steps.delivery.kick()
    steps.fresh("a", "b")
    with mock.patch.object(steps.delivery, "_add_sender", side_effect=NoThreadError("no")) as add:
        assert [steps.turn(), steps.turn(0, TAKEN)] == ["a", "b"]
    assert add.called


@pytest.mark.parametrize("may_hang", [False, True])
def test_the_lanes_take_turns(steps: Steps, *, may_hang: bool) -> None:
    """Each has its half, even for what may hang."""
    steps.open_slots()
    letters = steps.dead("x", "y", "z")
    if may_hang:
        steps.time_out(*letters)
    steps.fresh("a", "b", "c")
    assert [steps.turn(number) for number in range(4)] == ["x", "a", "y", "b"]
    assert steps.turn(0, FAILED) == "z"


def test_a_canary_goes_alone_and_each_in_its_turn(steps: Steps) -> None:
    first, _ = steps.fresh("a", "b")
    steps.breaker.set_misconfigured(reasons.quoted("refused"), NOW)
    assert steps.turn(0) == "a"
    assert steps.delivery._flights[0].canary
    assert steps.turn(1) == ""
    steps.turn(0, FAILED)
    assert row(steps.context.ledger, first)["retries"] == 0
    steps.breaker.set_misconfigured(reasons.quoted("refused"), NOW)
    assert steps.turn(0) == "b"
    steps.turn(0, TAKEN)
    steps.breaker.set_misconfigured(reasons.quoted("refused"), NOW + 1.0)
    assert steps.turn(0) == ""


def test_another_project_goes_first_where_one_is_refused(steps: Steps) -> None:
    steps.fresh("a", "b")
    steps.fresh("q", project_id="q")
    steps.turn()
    assert steps.turn(0, FORBIDDEN) == "q"
    steps.delivery._verdicts.avoid = "q"
    steps.turn(0, FAILED)
    assert steps.delivery._flights[0].job.item_id == "b"


def test_the_last_slot_is_for_those_that_have_not_timed_out(steps: Steps) -> None:
    """One that may hang again waits for others; where there are no others it waits as well."""
    steps.open_slots()
    slow, second = steps.fresh("a", "b")
    steps.time_out(slow)
    steps.context.settings = Settings(sync=SyncSettings(concurrency=2))
    steps.fresh("c", timestamp=0)
    assert steps.turn(0) == "c"
    assert steps.turn(1) == "b"
    steps.turn(1, SLOWLY)
    assert row(steps.context.ledger, second)["state"] == "delivered"
    assert 1 not in steps.delivery._flights
    assert steps.turn(0, SLOWLY) == "a"


def test_a_new_memory_waits_for_no_dead_letters_that_hang(steps: Steps) -> None:
    steps.open_slots()
    steps.time_out(*steps.dead("v", "w", "x", "y", "z"))
    assert [steps.turn(number) for number in range(4)] == ["v", "w", "x", ""]
    steps.fresh("a")
    assert steps.turn(3) == "a"


def test_what_we_broke_off_at_the_end_is_no_outcome(steps: Steps) -> None:
    lost, taken, _ = steps.fresh("a", "b", "c")
    steps.turn(0)
    steps.moment += 2.0
    steps.turn(1)
    steps.delivery._senders.clear()
    steps.delivery.stop(0.0)
    assert steps.turn(0, SILENT) == ""
    assert steps.turn(1, TAKEN) == ""
    assert "claimed" in row(steps.context.ledger, lost)
    assert row(steps.context.ledger, taken)["state"] == "delivered"
    assert steps.told == [events.Delivered("p", "b")]
    before = steps.added
    steps.delivery._senders.clear()
    steps.delivery.kick()
    assert steps.added == before


def test_a_sender_keeps_its_client_as_long_as_the_server_is_the_same(steps: Steps) -> None:
    steps.fresh("a", "b", "c")
    steps.turn()
    steps.attempt()
    first = steps._senders[0].client
    steps.turn(0, TAKEN)
    steps.attempt()
    assert steps._senders[0].client is first
    assert steps.connect.call_count == 1
    steps.delivery.change_server(HERE, steps.connect)
    assert steps.attempt() == Outcome(Kind.NOT_SENT, None, "another server was chosen")
    assert isinstance(first, mock.Mock)
    first.close.assert_called_once_with()
    assert steps.connect.call_count == 2
    assert steps.delivery._clients[0] is steps._senders[0].client


def test_what_is_claimed_for_a_server_never_goes_to_the_next(steps: Steps) -> None:
    """Also where another server is chosen while the sender connects."""
    steps.fresh("a")
    steps.turn()
    client = mock.Mock()

    def connect() -> mock.Mock:
        steps.delivery.change_server(ELSEWHERE, mock.Mock(side_effect=AssertionError("the next")))
        return client

    steps.connect.side_effect = connect
    steps.attempt()
    assert [call.args[0].content for call in client.save.call_args_list] == ["text of a"]
    assert steps._senders[0].client is client


@pytest.mark.parametrize("chosen", [HERE, ELSEWHERE])
def test_what_was_not_sent_was_no_attempt(steps: Steps, chosen: str) -> None:
    (key,) = steps.fresh("a")
    steps.turn()
    steps.delivery.change_server(chosen, steps.connect)
    proven = steps.delivery._proven = True
    orders.leave(steps.context.paths, orders.about(orders.RETRY, []))
    assert steps.turn(0, Outcome(Kind.NOT_SENT, None, "an order came")) == ""
    assert not {"claimed", "unknown", "last_error"} & row(steps.context.ledger, key).keys()
    with steps.context.ledger.locked() as db:
        assert db.execute("SELECT * FROM attempts").fetchall() == []
    assert steps.delivery._proven is proven
    assert steps.told == []


def test_a_failure_at_a_former_server_is_none_at_the_present_one(steps: Steps) -> None:
    (key,) = steps.fresh("a")
    steps.turn()
    steps.delivery.change_server(ELSEWHERE, steps.connect)
    assert steps.turn(0, FAILED) == "a"
    assert steps.told == []
    assert row(steps.context.ledger, key)["retries"] == 0


def test_what_was_deleted_since_its_claim_is_not_sent(steps: Steps) -> None:
    steps.fresh("a", "b")
    assert steps.turn() == "a"
    deleted = fresh("a")
    orders.leave(steps.context.paths, orders.about(orders.DELETE, [deleted.name]))
    handler = OrderHandler(steps.context)
    assert handler.apply(files_read=True) == 1
    handler.answer()
    client = mock.Mock()
    steps.connect.side_effect = [client]
    outcome = steps.attempt()
    assert outcome.kind is Kind.NOT_SENT
    assert steps.turn(0, outcome) == "b"
    steps.attempt()
    assert [call.args[0].content for call in client.save.call_args_list] == ["text of b"]


@pytest.mark.parametrize("timed_out", [False, True])
def test_a_memory_is_never_in_two_requests(steps: Steps, *, timed_out: bool) -> None:
    steps.open_slots()
    (old,) = steps.fresh("a")
    assert steps.turn(0) == "a"
    steps.context.inbox.discard([old], NOW, items.EDITED)
    (new, other) = steps.fresh("a", "b", content="new")
    if timed_out:  # only those go into the last slot that have never timed out
        steps.time_out(other)
        steps.context.settings = Settings(sync=SyncSettings(concurrency=2))
    assert steps.turn(1) == ("" if timed_out else "b")
    assert steps.turn(2) == ""
    assert steps.turn(0, FAILED) == "a"
    assert steps.delivery._flights[0].job.key == new


def test_a_server_that_cannot_be_had_is_an_outage(steps: Steps) -> None:
    steps.fresh("a")
    steps.turn()
    steps.connect.side_effect = SettingsError("no\nserver" + "x" * 300)
    found = steps.attempt()
    assert (found.kind, found.status) == (Kind.OUTAGE, None)
    assert found.message.startswith("no server")
    assert len(found.message) == 200
    steps.attempt()
    assert steps.connect.call_count == 2


class Sending:
    """Real senders, and a server that takes everything; `told` are the events in their order."""

    def __init__(self, context: WorkerContext, monkeypatch: pytest.MonkeyPatch) -> None:
        self.context = context
        self.patch = monkeypatch.setattr
        self.told: queue.Queue[Event] = queue.Queue()
        context.events.subscribe(self.told.put)
        self.client = mock.Mock()
        self.client.save.return_value = TAKEN
        breaker = context.breaker
        breaker.note_probe(healthy=True, reason=reasons.NONE)
        self.delivery = Delivery(context, breaker.await_probe, lambda: None)
        self.delivery.change_server(HERE, lambda: self.client)

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
    with grounded(tmp_path, Settings(sync=SyncSettings(concurrency=1))) as context:
        made = Sending(context, monkeypatch)
        yield made
        made.delivery.stop(PATIENCE)


def failing(times: int, real: Callable[..., Any]) -> Callable[..., Any]:
    faults = iter([MemoryError("no room")] * times)

    def call(*arguments: Any, **named: Any) -> Any:
        for fault in faults:
            raise fault
        return real(*arguments, **named)

    return call


def test_a_fault_of_ours_leaves_nothing_claimed(sending: Sending) -> None:
    key = sending.wait("a", "b")
    attempt = sending.delivery._attempt
    sending.patch(sending.delivery, "_attempt", failing(1, attempt))
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
    sending: Sending, times: int, what: str
) -> None:
    key = sending.wait("a", "b")
    verdicts = sending.delivery._verdicts
    sending.patch(verdicts, "apply", failing(times, verdicts.apply))
    sending.delivery.kick()
    while sending.next_of(Delivered).item_id != "b":
        pass
    found = row(sending.context.ledger, key)
    assert found["state"] == what
    assert "claimed" not in found


def test_an_outcome_and_the_next_claim_are_one_commit(steps: Steps) -> None:
    seen: list[str] = []
    steps.fresh("a", "b")
    steps.turn()
    with steps.context.ledger.locked() as db:
        db.set_trace_callback(seen.append)
    assert steps.turn(0, TAKEN) == "b"
    assert seen.count("COMMIT") == 1


def test_an_outcome_that_waits_for_the_disk_is_no_later_delivery(sending: Sending) -> None:
    """Or senders that try again to record theirs would keep the server from being probed."""
    sending.patch(module, "_STORAGE_WAIT", 0.01)
    record, seen = sending.delivery._record, []

    def recorded(*given: Any) -> list[Event]:
        happened = record(*given)
        seen.append(sending.delivery.delivered_at)
        if len(seen) < 3:
            raise LedgerError("The ledger cannot be used: database or disk is full.")
        return happened

    sending.patch(sending.delivery, "_record", recorded)
    sending.wait("a")
    sending.delivery.kick()
    sending.next_of(Delivered)
    assert (len(seen), len(set(seen))) == (3, 1)


def test_a_commit_that_fails_is_told_of_and_made_up_for(sending: Sending) -> None:
    sending.patch(module, "_STORAGE_WAIT", 0.01)
    sending.wait("a", "b")
    transaction, breaker = sending.context.ledger.transaction, sending.context.breaker
    fails = iter([LedgerError("The ledger cannot be used: disk I/O error.")])

    def failing(*, durable: bool = False) -> Any:
        for error in fails if sending.client.save.called else ():
            raise error
        return transaction(durable=durable)

    sending.patch(sending.context.ledger, "transaction", failing)
    sending.delivery.kick()
    told = sending.next_of(PartFailed)
    assert told.part == "ledger"
    assert "disk I/O error" in told.error
    assert sending.next_of(Delivered).item_id == "a"
    assert breaker.blocked_by("storage")
    breaker.unblock("storage")
    sending.delivery.kick()
    assert sending.next_of(Delivered).item_id == "b"
    assert sending.client.save.call_count == 2


def test_a_sender_that_comes_too_late_has_nothing_to_tell(sending: Sending) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def connecting() -> Client:
        begun.set()
        go_on.wait(PATIENCE)
        raise SettingsError("No server is chosen.", "")

    sending.patch(sending.delivery, "_connect", connecting)
    sending.wait("a")
    sending.delivery.kick()
    assert begun.wait(PATIENCE)
    (sender,) = sending.delivery._senders
    sending.delivery.stop(0.01)
    sending.context.ledger.close()
    sending.patch(sending.context.ledger, "close", lambda: None)  # nothing is left for it
    go_on.set()
    sender.join(PATIENCE)
    assert not sender.is_alive()
    assert sending.told.empty()


def after(*answers: float) -> Throttle:
    throttle = Throttle()
    for answer in answers:
        throttle.note_answer(answer)
    return throttle


FAST, MANY = [0.001] * 9, 8


@pytest.mark.parametrize(
    ("answers", "ages", "limit", "slots"),
    [
        ([0.0051] * 9, [], MANY, 3),
        ([0.01] * 9, [], MANY, 4),
        ([60.0] * 9, [], MANY, 8),
        ([*FAST[1:], 30.0], [], MANY, 1),  # the median forgives an outlier
        ([*[1.0] * 9, *FAST[5:]], [], MANY, 8),
        ([*[1.0] * 9, *FAST[4:]], [], MANY, 1),  # only the last nine answers count
        ([], [0.5], MANY, 8),  # a request without an answer counts with its age
        (FAST, [5.0], MANY, 2),  # and does not hold up others, once it is stalled
        (FAST, [5.0, 5.0], MANY, 3),
        (FAST, [5.0, 5.0], 2, 2),
    ],
)
def test_slots_grow_with_the_median(
    answers: list[float], ages: list[float], limit: int, slots: int
) -> None:
    assert after(*answers).slots(ages, limit, both_lanes=False) == slots


@pytest.mark.parametrize("limit", [1, 2, 8])
@pytest.mark.parametrize("answer", [0.001, 60.0])
def test_two_lanes_have_two_slots(limit: int, answer: float) -> None:
    assert 2 <= after(*[answer] * 9).slots([], limit, both_lanes=True) <= max(limit, 2)


@pytest.mark.parametrize("slots", range(2, 9))
def test_each_lane_gets_half_of_the_slots(slots: int) -> None:
    under_way = {FRESH: 0, DEAD: 0}
    last = FRESH
    while (chosen := choose_lane({FRESH: True, DEAD: True}, under_way, slots, last)) is not None:
        under_way[chosen] += 1
        last = chosen
    assert sum(under_way.values()) == slots
    assert min(under_way.values()) >= slots // 2
