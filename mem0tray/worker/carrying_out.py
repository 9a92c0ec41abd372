"""Carrying out the orders of commands (`files.orders`), as the ledger's only writer."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from mem0tray.core import events
from mem0tray.core import item as items
from mem0tray.core.errors import Mem0TrayError
from mem0tray.files import orders, receipts
from mem0tray.files.atomic import TornError
from mem0tray.files.named import names_of
from mem0tray.files.orders import DISCARD, FORGET, LOOK, MERGE, SEND, SHOW, Order
from mem0tray.worker import other_worker
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq.hand_edits import HandEdits
from mem0tray.worker.dlq.publish import DlqPublisher
from mem0tray.worker.queue.intake import QueueIntake
from mem0tray.worker.queue.publish import QueuePublisher


def _ask_nobody() -> None:
    """Do nothing: where nothing is sent, no retry needs a probe."""


def process(context: WorkerContext, on_retry: Callable[[], object] = _ask_nobody) -> int:
    """Carry out every waiting order; return how many. `on_retry`: called when dead letters are due.

    MERGE orders stay until `end_merge_orders`. Raises FileUnavailableError when an order cannot be
    read, which then waits.
    """
    _take_notes(context)
    done = 0
    for path, order in orders.waiting(context.paths.orders):
        if order is not None and order.verb == MERGE:
            continue
        with suppress(ValueError):  # a malformed digest
            if order is not None:
                if _process(context, order):
                    on_retry()
                done += 1
        context.unheard.note_carried_out()
        path.unlink(missing_ok=True)
    return done


def end_merge_orders(context: WorkerContext, given: frozenset[str]) -> None:
    """End the MERGE orders among those `given`: the DLQ file has been merged since.

    Raises FileUnavailableError.
    """
    if not given:
        return
    for path, order in orders.waiting(context.paths.orders):
        if path.name in given and order is not None and order.verb == MERGE:
            context.unheard.note_carried_out()
            path.unlink(missing_ok=True)


def _process(context: WorkerContext, order: Order) -> bool:
    """Carry out an order; return whether it made dead letters due at once."""
    if order.verb == SHOW:
        context.events.emit(events.StatusWanted())
    if order.verb in (SHOW, LOOK):
        return False
    if order.verb == SEND:
        return _send(context, order)
    _discard(context, order)
    if order.verb == FORGET:
        context.ledger.scrub()
    return False


def _take_notes(context: WorkerContext) -> None:
    """Take in the notes on what was restored: an older backup then tells of no later deletion."""
    for path, note in orders.notes(context.paths.orders):
        if note is not None:
            with suppress(ValueError):
                context.inbox.note_restored(names_of(note.items), note.at)
        path.unlink(missing_ok=True)


def _send(context: WorkerContext, order: Order) -> bool:
    """Send what is held, and retry dead letters; return whether there were any of the latter."""
    inbox = context.inbox
    with context.ledger.transaction(durable=True):
        states = inbox.states(names_of(order.items))
        sent = context.taken_by_others.send(states)
        dead = [key for key, state in states.items() if state == items.DEAD]
        for key in dead:
            inbox.make_due(key, context.now())
    if dead or sent:
        context.events.emit(events.UserAction(receipts.RETRY, len(dead), sent))
    return bool(dead)


def _discard(context: WorkerContext, order: Order) -> None:
    inbox = context.inbox
    with context.ledger.transaction(durable=True):
        named = names_of(order.items)
        unread: list[int] = []
        if receipts.FORGET in (order.verb, order.done):  # else who has it elsewhere queues it again
            unread = inbox.add_unread(named, context.now())
        states = inbox.states(named)
        reason = items.EDITED if order.done == receipts.EDIT else "deleted"
        late = [key for key, state in states.items() if state == items.DELIVERED]
        if context.server:  # to be brought over from a former server, but not taken in yet
            elsewhere = inbox.discard_elsewhere(late, context.server, context.now(), reason)
            late = [key for key in late if key not in elsewhere]
            states |= dict.fromkeys(elsewhere, items.FRESH)
        for key, state in states.items():
            if state in (items.FRESH, items.DEAD):
                inbox.discard([key], context.now(), reason)
        erased = states if order.verb == FORGET else unread
        if erased:
            inbox.erase(erased)
        too_late = [] if order.verb != DISCARD else [inbox.named(key) for key in late]
    fresh, dead = (list(states.values()).count(each) for each in (items.FRESH, items.DEAD))
    if dead or fresh:
        verb = receipts.FORGET if order.verb == FORGET else order.done
        context.events.emit(events.UserAction(verb, dead, fresh, order.backup))
    for project, item_id in too_late:
        edited = order.done == receipts.EDIT
        context.events.emit(events.DeliveredAfterDeletion(project, item_id, edited))


def read_and_publish(context: WorkerContext) -> None:
    """Carry out all waiting orders, and bring ledger and files together as far as can be.

    For a command that acts as the worker for a moment: nothing is sent, and what cannot be done
    now is left to the next worker. So are the files beside another worker, or with a ledger that
    was begun anew: it can tell what was sent from what was not. Raises FileUnavailableError
    when an order cannot be read, LedgerError.
    """
    if context.ledger.rebuilt or not other_worker.is_none_beside(context):
        with _telling(context, "orders"):
            process(context)
        return
    queue, edits = QueueIntake(context), HandEdits(context)
    with suppress(Mem0TrayError), _telling(context, "queue file"):
        queue.run()
    # After the queue file, as in the worker's cycle: the orders may discard what stands there.
    there = context.unheard.names()
    with _telling(context, "orders"):
        process(context)
    with suppress(Mem0TrayError), _telling(context, "DLQ file"):
        edits.run()
        if not edits.torn:
            end_merge_orders(context, there)
    _publish(context, queue, edits)


def _publish(context: WorkerContext, queue: QueueIntake, edits: HandEdits) -> None:
    """Write the files that differ from the ledger."""
    dlq = DlqPublisher(context, edits)
    with suppress(Mem0TrayError), _telling(context, "DLQ file"):
        if dlq.needed:
            dlq.run()
        dlq.merge_late_save()
    dlq.close()
    with suppress(Mem0TrayError, TornError), _telling(context, "queue file"):
        QueuePublisher(context, queue).run_once()


@contextmanager
def _telling(context: WorkerContext, part: str) -> Iterator[None]:
    """Report an error, and let it pass on: the command succeeds all the same."""
    try:
        yield
    except Mem0TrayError as error:
        context.events.emit(events.PartFailed(part, str(error), math.inf))
        raise
