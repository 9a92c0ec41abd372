"""What a user does to memories: delete, forget, retry, restore, edit.

Each verb is one function that changes the ledger in one transaction and returns what became of each
memory. The worker applies it, or a command that holds the worker's lock for that moment
(`worker.orders.handler`); the publishers then write the files.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from mem0tray.core import events
from mem0tray.core import item as items
from mem0tray.core.errors import LedgerError
from mem0tray.core.item import Item, Name, identity
from mem0tray.files import orders
from mem0tray.files.orders import (
    DELIVERED,
    DONE,
    GONE,
    IN_FLIGHT,
    PERHAPS,
    THERE,
    Order,
    Text,
)
from mem0tray.ledger.rows import Row
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq import dead_letters
from mem0tray.worker.queue.intake import accept

CHANGED: Final = frozenset({DONE, PERHAPS, IN_FLIGHT})

Results = dict[Name, str]
_Found = dict[Name, tuple[str, Row | None]]  # what became of each memory, and what it was


def apply(context: WorkerContext, order: Order) -> Results:
    """Apply an order; what became of each memory. Raises LedgerError, and then changes nothing."""
    verb = _VERBS.get(order.verb)
    if verb is None:
        return {}
    found = verb(context, order)
    return {name: result for name, (result, _) in found.items()}


# Deleting ---------------------------------------------------------------------------


def _delete(context: WorkerContext, order: Order) -> _Found:
    with context.ledger.transaction(durable=True):
        found = {name: _discard(context, name, items.DELETED) for name in order.names}
    _report(context, order, found)
    return found


def _forget(context: WorkerContext, order: Order) -> _Found:
    inbox = context.inbox
    with context.ledger.transaction(durable=True):
        # A memory that nobody has taken in yet is known as forgotten too: no hook queues it again.
        inbox.add_unread([name for name in order.names if name[0]], context.now())
        found = {name: _discard(context, name, items.DELETED) for name in order.names}
        inbox.erase(row.key for name in order.names if (row := inbox.known(name)))
    _report(context, order, found)
    with suppress(LedgerError):  # the command names the files that still hold the text
        context.ledger.scrub()
    return found


def _discard(context: WorkerContext, name: Name, reason: str) -> tuple[str, Row | None]:
    """Discard a memory that waits; return what became of it, and what it was."""
    inbox, now = context.inbox, context.now()
    row = inbox.known(name)
    if row is None or row.state == items.DISCARDED:
        return GONE, row
    if row.state == items.DELIVERED:
        # To be brought over from a former server, but not taken in yet.
        if context.server and inbox.discard_elsewhere(row.key, context.server, now, reason):
            return DONE, row
        return DELIVERED, row
    result = _as_sent(context, row)
    inbox.discard([row.key], now, reason)
    return result, row


def _as_sent(context: WorkerContext, row: Row) -> str:
    claimed, unknown = context.inbox.attempted(row.key)
    return IN_FLIGHT if claimed else PERHAPS if unknown else DONE


# Retrying ---------------------------------------------------------------------------


def _retry(context: WorkerContext, order: Order) -> _Found:
    with context.ledger.transaction(durable=True):
        found = {name: _make_due(context, name) for name in order.names}
    _report(context, order, found)
    return found


def _make_due(context: WorkerContext, name: Name) -> tuple[str, Row | None]:
    """Make a dead letter due at once, or send what is held."""
    row = context.inbox.known(name)
    if row is None or row.state == items.DISCARDED:
        return GONE, row
    if row.state == items.DELIVERED:
        return DELIVERED, row
    if row.state == items.DEAD:
        context.inbox.make_due(row.key, context.now())
        return DONE, row
    return (DONE if context.foreign_claims.send([row.key]) else THERE), row


# Restoring --------------------------------------------------------------------------


def _restore(context: WorkerContext, order: Order) -> _Found:
    """Put back what neither waits nor is delivered to the present server."""
    found: _Found = {}
    back: list[Item] = []
    with context.ledger.transaction(durable=True):
        for text in order.texts:
            name = identity(text.data)
            if name not in found:
                found[name] = _put_back(context, name, text, back)
    _report(context, order, found)
    dead_letters.report(context, dead_letters.of_letters(back, context.now()))
    return found


def _put_back(
    context: WorkerContext, name: Name, text: Text, back: list[Item]
) -> tuple[str, Row | None]:
    """Put one memory back; a dead letter is added to `back`."""
    item = items.parse(text.data)
    if item is None:
        strays, keys = context.generations.strays()
        if any(identity(raw) == name for raw in strays):
            return THERE, None
        context.generations.set_strays([*strays, text.data], keys)
        return DONE, None
    row = context.inbox.known(name)
    if row is not None and row.state in (items.FRESH, items.DEAD):
        return THERE, row
    if row is not None and row.is_delivered(context.server):
        return DELIVERED, row
    _wait_again(context, item, row, dead=text.dead)
    if text.dead:
        back.append(item)
    return DONE, row


def _wait_again(context: WorkerContext, item: Item, row: Row | None, *, dead: bool) -> None:
    """Make an item wait, unless it does or is delivered: a dead letter or a fresh entry."""
    inbox, now = context.inbox, context.now()
    if not dead:
        key, _ = accept(context, item, ask=False)
        inbox.note_not_shown(key)
    elif row is None:
        inbox.add_dead(item, item.raw, now, ask=False, gen=None)
    elif row.state not in (items.FRESH, items.DEAD) and not row.is_delivered(context.server):
        inbox.revive(row, item, now, dead=True, gen=None)


# Editing ----------------------------------------------------------------------------


def _edit(context: WorkerContext, order: Order) -> _Found:
    """Replace the text of one memory. Without a text, only the old one goes."""
    (name,) = order.names
    with context.ledger.transaction(durable=True):
        if order.texts:
            found = {name: _replace(context, name, order.texts[0])}
        else:
            found = {name: _discard(context, name, items.EDITED)}
    _report(context, order, found)
    return found


def _replace(context: WorkerContext, name: Name, text: Text) -> tuple[str, Row | None]:
    row = context.inbox.known(name)
    raw = context.ledger.find_raw(row.key) if row is not None else None
    if raw is None:
        item = items.parse(text.data)
    else:  # as the memory stands now: its counters may have changed meanwhile
        new = items.load_object(text.data) or {}
        fields: items.Object = {field: new[field] for field in ("content", "id") if field in new}
        item = items.parse(items.with_fields(raw, fields))
    if item is None:
        return GONE, row
    if row is None or row.state != items.DEAD:
        result, row = _discard(context, name, items.EDITED)
        if result != GONE:  # a server that has the old text gets the new one too
            _wait_again(context, item, context.inbox.known(item.name), dead=text.dead)
        return result, row
    result, other = _as_sent(context, row), context.inbox.known(item.name)
    key = context.inbox.change_content(row, item, context.now())
    context.inbox.change_values(key, item, context.now())
    if other is not None:
        _wait_again(context, item, other, dead=True)
    return result, row


def _report(context: WorkerContext, order: Order, found: _Found) -> None:
    """Emit what the user did: how many dead letters and fresh entries it changed."""
    if order.verb == orders.RESTORE:
        changed = [text.dead for text in order.texts if found[identity(text.data)][0] in CHANGED]
    else:
        done = [row for result, row in found.values() if result in CHANGED]
        changed = [row is None or row.state == items.DEAD for row in done]
    if changed:
        dead, backup = sum(changed), order.backup if order.verb == orders.DELETE else ""
        context.events.emit(events.UserAction(order.verb, dead, len(changed) - dead, backup))
    if order.verb in (orders.DELETE, orders.EDIT):
        for result, row in found.values():
            if result == DELIVERED and row is not None:
                project, item_id = context.inbox.named(row.key)
                edited = order.verb == orders.EDIT
                context.events.emit(events.DeliveredAfterDeletion(project, item_id, edited))


_VERBS: Final[Mapping[str, Callable[[WorkerContext, Order], _Found]]] = {
    orders.DELETE: _delete,
    orders.FORGET: _forget,
    orders.RETRY: _retry,
    orders.RESTORE: _restore,
    orders.EDIT: _edit,
}
