"""Carrying out the orders of commands (`files.orders`), as the ledger's only writer."""

from contextlib import suppress

from mem0tray.core import events
from mem0tray.core import item as items
from mem0tray.files import orders, receipts
from mem0tray.files.named import names
from mem0tray.files.orders import FORGET, SEND, SHOW, Order
from mem0tray.worker.context import WorkerContext


def process(core: WorkerContext) -> int:
    """Carry out every order that waits; how many.

    Raises FileUnavailableError when one cannot be read: it waits then.
    """
    _take_notes(core)
    done = 0
    for path, order in orders.waiting(core.paths.orders):
        with suppress(ValueError):  # a digest that is none
            if order is not None:
                _process(core, order)
                done += 1
        path.unlink(missing_ok=True)
    return done


def _process(core: WorkerContext, order: Order) -> None:
    if order.verb == SHOW:
        core.events.emit(events.StatusWanted())
    _carry_out(core, order)
    if order.verb == FORGET:
        core.ledger.scrub()


def _take_notes(core: WorkerContext) -> None:
    """Remember what was put back: a backup from before tells of no later deletion."""
    for path, note in orders.notes(core.paths.orders):
        if note is not None:
            with suppress(ValueError):
                core.inbox.put_back(names(note.items), note.at)
        path.unlink(missing_ok=True)


def _carry_out(core: WorkerContext, order: Order) -> None:
    inbox = core.inbox
    with core.ledger.transaction(durable=True):
        states = inbox.states(names(order.items))
        if order.verb == SEND:
            sent = core.taken_by_others.send(states)
            if sent:
                core.events.emit(events.UserAction(receipts.RETRY, waiting=sent))
            return
        reason = items.EDITED if order.done == receipts.EDIT else "deleted"
        for key, state in states.items():
            if state in (items.FRESH, items.DEAD):
                inbox.discard([key], core.now(), reason)
        if order.verb == FORGET:
            inbox.erase(states)
    waiting, dead = (list(states.values()).count(each) for each in (items.FRESH, items.DEAD))
    if dead or waiting:
        verb = receipts.FORGET if order.verb == FORGET else order.done
        core.events.emit(events.UserAction(verb, dead, waiting, order.backup))
