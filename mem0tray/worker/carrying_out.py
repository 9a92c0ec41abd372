"""Carrying out the orders of commands (`files.orders`), as the ledger's only writer."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from mem0tray.core import events
from mem0tray.core import item as items
from mem0tray.core.errors import Mem0TrayError
from mem0tray.files import orders, receipts
from mem0tray.files.atomic import TornError
from mem0tray.files.named import names
from mem0tray.files.orders import DISCARD, FORGET, MERGE, SEND, SHOW, Order
from mem0tray.worker import other_worker
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq.hand_edits import HandEdits
from mem0tray.worker.dlq.publish import DlqPublisher
from mem0tray.worker.queue.intake import QueueIntake
from mem0tray.worker.queue.publish import QueuePublisher


def _ask_nobody() -> None:
    """Where nothing is sent, no retry needs a probe."""


def process(context: WorkerContext, on_retry: Callable[[], object] = _ask_nobody) -> int:
    """Carry out every order that waits; how many. `on_retry`: dead letters are due at once.

    But those to merge, which `merged` ends. Raises FileUnavailableError when one cannot be
    read: it waits then.
    """
    _take_notes(context)
    done = 0
    for path, order in orders.waiting(context.paths.orders):
        if order is not None and order.verb == MERGE:
            continue
        with suppress(ValueError):  # a digest that is none
            if order is not None:
                if _process(context, order):
                    on_retry()
                done += 1
        context.unheard.note_carried_out()
        path.unlink(missing_ok=True)
    return done


def merged(context: WorkerContext, names: frozenset[str]) -> None:
    """The DLQ file is merged since there were orders of these `names`: end those to merge.

    Raises FileUnavailableError.
    """
    if not names:
        return
    for path, order in orders.waiting(context.paths.orders):
        if path.name in names and order is not None and order.verb == MERGE:
            context.unheard.note_carried_out()
            path.unlink(missing_ok=True)


def _process(context: WorkerContext, order: Order) -> bool:
    """Carry it out; whether dead letters are due at once by it."""
    if order.verb == SHOW:
        context.events.emit(events.StatusWanted())
    if order.verb == SEND:
        return _send(context, order)
    _discard(context, order)
    if order.verb == FORGET:
        context.ledger.scrub()
    return False


def _take_notes(context: WorkerContext) -> None:
    """Remember what was put back: a backup from before tells of no later deletion."""
    for path, note in orders.notes(context.paths.orders):
        if note is not None:
            with suppress(ValueError):
                context.inbox.put_back(names(note.items), note.at)
        path.unlink(missing_ok=True)


def _send(context: WorkerContext, order: Order) -> bool:
    """Send what is held, and retry dead letters; whether there were any of these."""
    inbox = context.inbox
    with context.ledger.transaction(durable=True):
        states = inbox.states(names(order.items))
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
        states = inbox.states(names(order.items))
        reason = items.EDITED if order.done == receipts.EDIT else "deleted"
        late = [key for key, state in states.items() if state == items.DELIVERED]
        if context.server:  # what was to be brought over, and had not been taken in
            given_up = inbox.give_up(late, context.server, context.now(), reason)
            late = [key for key in late if key not in given_up]
            states |= dict.fromkeys(given_up, items.FRESH)
        for key, state in states.items():
            if state in (items.FRESH, items.DEAD):
                inbox.discard([key], context.now(), reason)
        if order.verb == FORGET:
            inbox.erase(states)
        too_late = [] if order.verb != DISCARD else [inbox.named(key) for key in late]
    waiting, dead = (list(states.values()).count(each) for each in (items.FRESH, items.DEAD))
    if dead or waiting:
        verb = receipts.FORGET if order.verb == FORGET else order.done
        context.events.emit(events.UserAction(verb, dead, waiting, order.backup))
    for project, item_id in too_late:
        edited = order.done == receipts.EDIT
        context.events.emit(events.DeliveredAfterDeletion(project, item_id, edited))


def read_and_publish(context: WorkerContext) -> None:
    """Carry out all that waits, and bring ledger and files together as far as can be.

    For a command that is the worker for a moment: nothing is sent. What cannot be done now the
    next worker does. Beside another worker, and with a ledger that was begun anew, the files are
    left to it: it knows how to tell what was sent from what was not. Raises FileUnavailableError
    when an order cannot be read, LedgerError.
    """
    if context.ledger.rebuilt or not other_worker.is_none_beside(context):
        with _telling(context, "orders"):
            process(context)
        return
    queue, edits = QueueIntake(context), HandEdits(context)
    with suppress(Mem0TrayError), _telling(context, "queue file"):
        queue.run()
    # After the queue file, as in the worker's cycle: what is to be discarded may stand there.
    there = context.unheard.names()
    with _telling(context, "orders"):
        process(context)
    with suppress(Mem0TrayError), _telling(context, "DLQ file"):
        edits.run()
        if not edits.torn:
            merged(context, there)
    _publish(context, queue, edits)


def _publish(context: WorkerContext, queue: QueueIntake, edits: HandEdits) -> None:
    """Write the files that say something else than the ledger."""
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
    """Tell of an error before it goes on: the command succeeds all the same."""
    try:
        yield
    except Mem0TrayError as error:
        context.events.emit(events.PartFailed(part, str(error), math.inf))
        raise
