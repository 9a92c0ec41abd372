"""Orders: the ledger afterwards, what became of each memory, and how an order is answered."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from unittest.mock import Mock

import pytest

from mem0tray.core import events
from mem0tray.core.errors import FileUnavailableError, LedgerError
from mem0tray.core.item import Item, Name
from mem0tray.files import atomic, orders
from mem0tray.files.orders import (
    DELETE,
    DELIVERED,
    DONE,
    EDIT,
    FORGET,
    GONE,
    IN_FLIGHT,
    KEEP,
    PERHAPS,
    REMOVE,
    RESTORE,
    RETRY,
    THERE,
    Order,
    Text,
)
from mem0tray.ledger.database import Ledger
from mem0tray.worker.orders import OrderHandler, run_without_worker
from mem0tray.worker.orders import carry_out as applied
from mem0tray.worker.queue.intake import accept
from tests.ledger.samples import ELSEWHERE, HERE, NOW, fresh, letter
from tests.worker.queue.scene import QueueScene, opened

WAITS, DEAD = fresh("a"), letter("b")
BOTH = [WAITS.name, DEAD.name]
UNKNOWN = ("x", b"0" * 32)
ODD = b'{"id": "odd", "content": 5}'


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[QueueScene]:
    with opened(tmp_path, monkeypatch) as made:
        made.context.inbox.add_fresh(WAITS, NOW - 9, ask=False)
        made.context.inbox.add_dead(DEAD, DEAD.raw, NOW - 9, ask=False, gen=None)
        yield made


@pytest.fixture
def handler(ground: QueueScene) -> OrderHandler:
    return OrderHandler(ground.context)


def leave(ground: QueueScene, verb: str, *names: tuple[str, bytes]) -> Path:
    return orders.leave(ground.context.paths, orders.about(verb, names))


def test_orders_are_applied_in_their_order_and_answered(
    ground: QueueScene, handler: OrderHandler
) -> None:
    first, second = leave(ground, DELETE, UNKNOWN, WAITS.name), leave(ground, FORGET, WAITS.name)
    assert handler.apply(files_read=True) == 2
    handler.answer()
    assert orders.take_answer(first) == {UNKNOWN: GONE, WAITS.name: DONE}
    assert orders.take_answer(second) == {WAITS.name: GONE}
    assert ground.column("reason", WAITS) == "forgotten"
    assert handler.apply(files_read=True) == 0


def test_an_order_whose_answer_failed_is_not_applied_again(
    ground: QueueScene, handler: OrderHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = leave(ground, RETRY, DEAD.name)
    handler.apply(files_read=True)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(OSError(5, "x")))
        with pytest.raises(OSError, match="x"):
            handler.answer()
    handler.apply(files_read=True)
    handler.answer()
    assert not order.exists()
    assert ground.told == [events.UserAction(RETRY, 1)]


def test_an_order_about_an_unknown_memory_waits_for_the_files(
    ground: QueueScene, handler: OrderHandler
) -> None:
    """It may stand in one that is just being written; what is known is dealt with at once."""
    waits, known = leave(ground, DELETE, UNKNOWN), leave(ground, DELETE, DEAD.name)
    assert handler.apply(files_read=False) == 1
    handler.answer()
    assert (waits.exists(), known.exists()) == (True, False)
    assert handler.apply(files_read=True) == 1


@pytest.mark.parametrize("place", ["folder", "pipe"])
def test_an_order_that_cannot_be_read_holds_senders_and_no_other_order(
    ground: QueueScene, handler: OrderHandler, place: str
) -> None:
    leave(ground, DELETE, WAITS.name)
    odd = ground.context.paths.orders / "0-1.json"
    odd.mkdir() if place == "folder" else os.mkfifo(odd)
    for count in (1, 0):
        assert handler.apply(files_read=True) == count
        handler.answer()
        assert str(odd) in str(handler.unread)
        assert ground.context.barrier.stands()
    assert ground.column("state", WAITS) == "discarded"


def test_an_order_that_a_crash_left_claimed_is_applied_without_an_answer(
    ground: QueueScene, handler: OrderHandler
) -> None:
    """It may have been applied: "gone" would have its command remove the copy that it keeps."""
    order = leave(ground, DELETE, WAITS.name)
    orders.claim(order)
    assert handler.apply(files_read=True) == 1
    handler.answer()
    assert ground.column("state", WAITS) == "discarded"
    assert list(order.parent.iterdir()) == []


def test_an_order_that_the_ledger_did_not_take_can_be_taken_back(
    ground: QueueScene, handler: OrderHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = leave(ground, DELETE, WAITS.name)
    fail = Mock(side_effect=LedgerError("full"))
    with monkeypatch.context() as patch:
        patch.setattr(ground.context.ledger, "transaction", fail)
        with pytest.raises(LedgerError):
            handler.apply(files_read=True)
    assert orders.take_back(order)


def test_a_retry_wants_a_probe_and_no_other_verb_does(ground: QueueScene) -> None:
    kicked: list[bool] = []
    handler = OrderHandler(ground.context, lambda: kicked.append(True))
    for verb, names, count in ((RETRY, [UNKNOWN], 0), (RETRY, BOTH, 1), (DELETE, BOTH, 1)):
        leave(ground, verb, *names)
        handler.apply(files_read=True)
        handler.answer()
        assert len(kicked) == count


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"verb": "edit"}', '{"verb": "nonsense"}', '{"verb": "merge", "items": []}'],
)
def test_an_order_that_makes_no_sense_is_removed(
    ground: QueueScene, handler: OrderHandler, text: str
) -> None:
    leave(ground, DELETE, WAITS.name)
    (ground.context.paths.orders / "0.json").write_text(text, encoding="utf-8")
    assert handler.apply(files_read=True) == 2
    handler.answer()
    assert ground.column("state", WAITS) == "discarded"
    assert not list(ground.context.paths.orders.glob("*.json"))


def test_an_order_that_is_taken_back_meanwhile_is_not_applied(
    ground: QueueScene, handler: OrderHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = leave(ground, DELETE, *BOTH)
    found = orders.waiting(ground.context.paths.orders)
    monkeypatch.setattr(orders, "waiting", lambda _: found)
    assert orders.take_back(order)
    assert handler.apply(files_read=True) == 0
    assert ground.column("state", DEAD) == "dead"


def test_on_a_full_disk_an_order_is_applied_without_an_answer(
    ground: QueueScene, handler: OrderHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = leave(ground, DELETE, *BOTH)

    def fail(path: Path, *_: object) -> None:
        raise FileUnavailableError(f"{path}: full")

    handler.apply(files_read=True)
    with monkeypatch.context() as patch:
        patch.setattr(atomic, "replace", fail)
        handler.answer()
    assert not order.exists()


# Standing in ------------------------------------------------------------------------


def test_a_command_that_cannot_read_a_file_reports_it_and_goes_on(ground: QueueScene) -> None:
    paths = ground.context.paths
    paths.queue.unlink(missing_ok=True)
    paths.queue.mkdir()
    order = leave(ground, DELETE, DEAD.name)
    run_without_worker(ground.context)
    failed = {each.part for each in ground.told if isinstance(each, events.PartFailed)}
    assert failed == {"queue file"}
    assert not order.exists()
    assert ground.column("state", DEAD) == "discarded"


@pytest.mark.parametrize("name", ["queue", "dlq"])
def test_an_order_about_what_one_torn_file_may_hold_waits(ground: QueueScene, name: str) -> None:
    ground.put(getattr(ground.context.paths, name), b'{"queue": [', age=0.0)
    order = leave(ground, DELETE, UNKNOWN)
    assert set(run_without_worker(ground.context)) == {name}
    assert order.exists()


def test_what_an_older_worker_gave_up_and_the_user_edits_stays_edited(ground: QueueScene) -> None:
    """Its old form stands in `failed` until the queue file is written, and is read once more."""
    old, new = fresh("f"), fresh("f", content="edited")
    ground.write(failed=[{"id": old.id, "project_id": "p", "content": old.content}])
    order = Order(EDIT, orders.named([old.name]), [Text.of(new.raw, dead=True)])
    orders.leave(ground.context.paths, order)
    run_without_worker(ground.context)
    rows = ground.context.inbox.by_ids([old.id])[old.id]
    assert [(row.digest, row.state) for row in rows] == [(new.digest, "dead")]


def test_beside_another_worker_what_left_a_file_is_asked_about(ground: QueueScene) -> None:
    paths, taken = ground.context.paths, fresh("t")
    ground.write(
        *({"id": each.id, "project_id": "p", "content": each.content} for each in (WAITS, taken))
    )
    run_without_worker(ground.context)
    ground.write()
    paths.metrics.write_text('{"vps_status": "healthy", "pid": 1, "host": "elsewhere"}')
    leave(ground, DELETE, WAITS.name)
    run_without_worker(ground.context)
    assert ground.column("state", WAITS) == "discarded"
    assert ground.column("taken", taken) is not None


def apply(ground: QueueScene, verb: str, names: Sequence[Name], **fields: str) -> dict[Name, str]:
    return applied(ground.context, orders.about(verb, names, **fields))


def restore(ground: QueueScene, *texts: Text) -> list[str]:
    return list(applied(ground.context, Order(RESTORE, texts=texts)).values())


def edit(ground: QueueScene, old: Item, new: Item) -> str:
    text = Text.of(new.raw, dead=bool(old.last_attempt))
    order = Order(EDIT, orders.named([old.name]), [text])
    return applied(ground.context, order)[old.name]


def states(ground: QueueScene, *items: Item) -> list[str]:
    return [ground.column("state", each) for each in items]


def texts(ground: QueueScene) -> int:
    with ground.context.ledger.locked() as db:
        return int(db.execute("SELECT count(*) FROM texts").fetchone()[0])


def deliver(ground: QueueScene, item: Item, server: str = HERE) -> None:
    ground.context.outbox.record_delivery(ground.known(item).key, server, NOW)


def claim(ground: QueueScene, item: Item) -> None:
    ground.context.outbox.claim(ground.known(item).key, NOW, HERE)


def lose(ground: QueueScene, item: Item) -> None:
    claim(ground, item)
    ground.context.outbox.mark_unknown(ground.known(item).key, HERE, NOW, timed_out=False)
    ground.context.outbox.release(ground.known(item).key)


# Deleting ---------------------------------------------------------------------------


def test_a_deletion_is_reported_with_how_many_and_where_they_can_be_restored(
    ground: QueueScene,
) -> None:
    assert apply(ground, DELETE, BOTH, backup="b.json") == dict.fromkeys(BOTH, DONE)
    assert states(ground, WAITS, DEAD) == ["discarded", "discarded"]
    assert [ground.column("reason", each) for each in (WAITS, DEAD)] == ["deleted"] * 2
    assert ground.told == [events.UserAction(DELETE, 1, 1, "b.json")]
    assert texts(ground) == 2


@pytest.mark.parametrize("server", [HERE, ELSEWHERE])
def test_what_the_present_server_has_stays_delivered(ground: QueueScene, server: str) -> None:
    deliver(ground, WAITS, server)
    is_late = server == HERE
    assert apply(ground, DELETE, [WAITS.name]) == {WAITS.name: DELIVERED if is_late else DONE}
    assert states(ground, WAITS) == ["delivered" if is_late else "discarded"]
    late = events.DeliveredAfterDeletion("p", "a", edited=False)
    assert (late in ground.told) == is_late


@pytest.mark.parametrize("item", [WAITS, DEAD], ids=["entry", "dead letter"])
@pytest.mark.parametrize(("send", "result"), [(claim, IN_FLIGHT), (lose, PERHAPS)])
def test_a_deletion_says_that_the_text_may_have_been_sent(
    ground: QueueScene, item: Item, send: Callable[[QueueScene, Item], None], result: str
) -> None:
    send(ground, item)
    assert apply(ground, DELETE, [item.name]) == {item.name: result}
    assert states(ground, item) == ["discarded"]


def test_what_a_new_ledger_found_in_a_file_was_not_sent_as_far_as_is_known(
    ground: QueueScene,
) -> None:
    item = fresh("c")
    ground.context.inbox.add_fresh(item, NOW, ask=True)
    assert apply(ground, DELETE, [item.name]) == {item.name: DONE}


# Forgetting -------------------------------------------------------------------------


def test_a_forgotten_text_leaves_the_ledger_and_its_files(ground: QueueScene) -> None:
    apply(ground, FORGET, [WAITS.name], backup="b.json")
    assert (texts(ground), ground.column("reason", WAITS)) == (1, "forgotten")
    assert ground.told == [events.UserAction(FORGET, 0, 1)]  # of which no backup is told
    for file in ground.context.paths.data_dir.glob("ledger.sqlite3*"):
        assert b"text of a" not in file.read_bytes()


def test_to_forget_what_is_delivered_is_never_too_late(ground: QueueScene) -> None:
    deliver(ground, WAITS)
    apply(ground, FORGET, [WAITS.name])
    assert ground.told == []


# Retrying ---------------------------------------------------------------------------


def test_a_retried_dead_letter_is_due_and_keeps_its_count(ground: QueueScene) -> None:
    assert apply(ground, RETRY, BOTH) == {WAITS.name: THERE, DEAD.name: DONE}
    assert (ground.column("due", DEAD), ground.column("last_attempt", DEAD)) == (0, 0)
    assert ground.column("retry_count", DEAD) == DEAD.retry_count
    assert states(ground, WAITS, DEAD) == ["pending", "dead"]
    assert ground.told == [events.UserAction(RETRY, 1)]


def test_what_is_held_is_sent(ground: QueueScene) -> None:
    ground.context.foreign_claims.hold(ground.known(WAITS).key, NOW)
    assert apply(ground, RETRY, [WAITS.name]) == {WAITS.name: DONE}
    assert ground.column("held", WAITS) is None
    assert ground.told == [events.UserAction(RETRY, fresh=1)]


def test_what_is_gone_or_delivered_is_not_touched(ground: QueueScene) -> None:
    deliver(ground, WAITS)
    apply(ground, DELETE, [DEAD.name])
    ground.told.clear()
    assert list(apply(ground, RETRY, BOTH).values()) == [DELIVERED, GONE]
    assert list(apply(ground, DELETE, [UNKNOWN, DEAD.name]).values()) == [GONE, GONE]
    assert edit(ground, DEAD, letter("b", content="new")) == GONE
    assert ground.context.inbox.known(letter("b", content="new").name) is None
    assert ground.told == []


# Restoring --------------------------------------------------------------------------


def test_what_was_deleted_comes_back_as_it_was(ground: QueueScene) -> None:
    apply(ground, DELETE, BOTH)
    ground.told.clear()
    back = [Text.of(WAITS.raw, dead=False), Text.of(DEAD.raw, dead=True)]
    assert restore(ground, *back) == [DONE, DONE]
    assert states(ground, WAITS, DEAD) == ["pending", "dead"]
    assert ground.column("retry_count", DEAD) == DEAD.retry_count
    assert ground.told == [events.UserAction(RESTORE, 1, 1)]
    assert restore(ground, *back) == [THERE, THERE]


def server_has(ground: QueueScene, item: Item) -> int | None:
    """Return what the ledger says of the server: it has it (1), nobody knows (None), or -1."""
    sql = "SELECT max(ifnull(has, 9)) FROM outcomes WHERE item = ?"
    with ground.context.ledger.locked() as db:
        (found,) = db.execute(sql, (ground.known(item).key,)).fetchone()
    return {None: -1, 9: None}.get(found, found)


def about(verb: str, *items: Item) -> Order:
    return orders.about(verb, [each.name for each in items], server=HERE)


def test_what_a_server_deletes_is_of_unknown_outcome_and_its_id_used_up(ground: QueueScene) -> None:
    deliver(ground, WAITS)
    asked = about(REMOVE, WAITS, DEAD)
    assert applied(ground.context, asked) == {WAITS.name: DONE, DEAD.name: THERE}
    assert (states(ground, WAITS), server_has(ground, WAITS)) == (["discarded"], None)
    accept(ground.context, WAITS, ask=False)
    accept(ground.context, WAITS, ask=False, shown=False)
    assert states(ground, WAITS) == ["discarded"]
    applied(ground.context, about(KEEP, WAITS))
    assert (states(ground, WAITS), server_has(ground, WAITS)) == (["delivered"], 1)
    assert applied(ground.context, about(KEEP, WAITS)) == {WAITS.name: GONE}


def test_what_others_saved_is_unknown_again_if_the_server_keeps_it(ground: QueueScene) -> None:
    other = fresh("c")
    applied(ground.context, about(REMOVE, other))
    assert states(ground, other) == ["discarded"]
    applied(ground.context, about(KEEP, other))
    assert ground.context.inbox.known(other.name) is None


def test_what_was_deleted_on_the_server_is_restored_under_the_next_id(ground: QueueScene) -> None:
    again = [fresh("a", id=f"{WAITS.id}-again-{n}") for n in (1, 2)]
    deliver(ground, WAITS)
    # A kill may have left the backup of a deletion that never began.
    assert restore(ground, Text.of(again[0].raw, dead=False)) == [DELIVERED]
    applied(ground.context, about(REMOVE, WAITS))
    for old in (WAITS, again[0]):
        assert restore(ground, Text.of(old.raw, dead=False))[0] in (DONE, THERE)
    key = ground.known(again[0]).key
    job = ground.context.outbox.claim(key, NOW, HERE)
    assert (job.unknown is not None, job.restored) == (True, True)
    deliver(ground, again[0])
    applied(ground.context, about(REMOVE, again[0]))
    assert restore(ground, Text.of(again[0].raw, dead=False)) == [DONE]
    assert states(ground, WAITS, *again) == ["discarded", "discarded", "pending"]
    unknown = fresh("d", id="d-again-1")  # of a deletion that was killed, of what others saved
    assert restore(ground, Text.of(unknown.raw, dead=False)) == [DONE]
    job = ground.context.outbox.claim(ground.known(unknown).key, NOW, HERE)
    assert (job.unknown is not None, job.restored) == (True, True)


@pytest.mark.parametrize("dead", [False, True])
def test_an_edit_to_what_was_deleted_on_the_server_waits_under_the_next_id(
    ground: QueueScene, *, dead: bool
) -> None:
    """Under the same id the server takes the text for what it deleted, and stores nothing."""
    inbox = ground.context.inbox
    deliver(ground, WAITS)
    applied(ground.context, about(REMOVE, WAITS))
    old = (letter if dead else fresh)("other", id=WAITS.id)
    if dead:
        inbox.add_dead(old, old.raw, NOW, ask=False, gen=None)
    else:
        inbox.add_fresh(old, NOW, ask=False)
    asked = Order(EDIT, orders.named([old.name]), [Text.of(WAITS.raw, dead=dead)])
    assert applied(ground.context, asked) == {old.name: DONE}
    again = fresh("a", id=f"{WAITS.id}-again-1")
    state = "dead" if dead else "pending"
    assert states(ground, WAITS, old, again) == ["discarded", "discarded", state]


def test_an_edit_waits_whatever_was_delivered_under_the_id_before(ground: QueueScene) -> None:
    old, new = (fresh(name, id=f"{WAITS.id}-again-1") for name in ("other", "a"))
    deliver(ground, WAITS)
    ground.context.inbox.add_fresh(old, NOW, ask=False)
    asked = Order(EDIT, orders.named([old.name]), [Text.of(new.raw, dead=False)])
    assert applied(ground.context, asked) == {old.name: DONE}
    assert states(ground, old, new) == ["discarded", "pending"]


def test_what_nobody_knows_is_put_back_as_new(ground: QueueScene) -> None:
    one, other = fresh("c"), letter("d")
    assert (
        restore(ground, Text.of(one.raw, dead=False), Text.of(other.raw, dead=True)) == [DONE] * 2
    )
    assert states(ground, one, other) == ["pending", "dead"]


@pytest.mark.parametrize(("server", "result"), [(HERE, DELIVERED), (ELSEWHERE, DONE)])
def test_what_the_present_server_has_is_not_restored(
    ground: QueueScene, server: str, result: str
) -> None:
    deliver(ground, DEAD, server)
    assert restore(ground, Text.of(DEAD.raw, dead=True)) == [result]


def test_what_is_no_item_is_put_back_into_the_dlq_file_once(ground: QueueScene) -> None:
    text = Text.of(ODD, dead=True)
    assert (restore(ground, text), restore(ground, text)) == ([DONE], [THERE])
    assert ground.context.generations.strays()[0] == [ODD]


# Editing ----------------------------------------------------------------------------


def test_an_edited_dead_letter_is_the_same_memory(ground: QueueScene) -> None:
    new = letter("b", content="new")
    assert edit(ground, DEAD, new) == DONE
    assert states(ground, new) == ["dead"]
    assert ground.context.inbox.known(DEAD.name) is None
    assert ground.told == [events.UserAction(EDIT, 1)]


def test_the_old_text_of_an_edited_entry_is_not_sent(ground: QueueScene) -> None:
    new = fresh("a", content="new")
    assert edit(ground, WAITS, new) == DONE
    assert states(ground, WAITS, new) == ["discarded", "pending"]
    assert ground.column("reason", WAITS) == "edited"
    assert ground.told == [events.UserAction(EDIT, 0, 1)]


@pytest.mark.parametrize("old", [WAITS, DEAD], ids=["entry", "dead letter"])
def test_a_text_edited_there_and_back_waits_once(ground: QueueScene, old: Item) -> None:
    new = (letter if old is DEAD else fresh)(old.id, content="new")
    claim(ground, old)
    assert edit(ground, old, new) == IN_FLIGHT
    assert edit(ground, new, old) == DONE
    assert states(ground, old)[0] in {"pending", "dead"}
    known = ground.context.inbox.known(new.name)
    assert known is None or known.state == "discarded"


@pytest.mark.parametrize("dead", [False, True], ids=["entry", "dead letter"])
def test_the_new_text_of_what_is_delivered_already_is_sent_too(
    ground: QueueScene, *, dead: bool
) -> None:
    old, new = (DEAD, letter("b", content="new")) if dead else (WAITS, fresh("a", content="new"))
    deliver(ground, old)
    ground.told.clear()
    assert edit(ground, old, new) == DELIVERED
    assert states(ground, old, new) == ["delivered", "dead" if dead else "pending"]
    assert ground.told == [events.DeliveredAfterDeletion("p", old.id, edited=True)]


def test_an_edit_to_a_text_that_is_delivered_already_sends_it_to_nobody_again(
    ground: QueueScene,
) -> None:
    old, there = letter("b", content="newer"), DEAD
    deliver(ground, there)
    ground.context.inbox.add_dead(old, old.raw, NOW, ask=False, gen=None)
    apply(ground, DELETE, [old.name])
    restore(ground, Text.of(old.raw, dead=False))
    assert edit(ground, old, there) == DONE
    assert states(ground, old, there) == ["discarded", "delivered"]


@pytest.mark.parametrize("verb", [DELETE, FORGET, RETRY])
def test_a_verb_is_on_the_disk_when_it_returns(ground: QueueScene, verb: str) -> None:
    before = ground.context.ledger.meta("durable")  # each durable transaction changes it
    apply(ground, verb, BOTH)
    assert ground.context.ledger.meta("durable") != before


def test_what_is_forgotten_is_reported_though_the_ledger_still_has_traces(
    ground: QueueScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise LedgerError("full")

    monkeypatch.setattr(Ledger, "scrub", fail)
    assert apply(ground, FORGET, [DEAD.name]) == {DEAD.name: DONE}
    assert events.UserAction(FORGET, 1, 0) in ground.told
