"""Orders (`files.orders`): applied and answered by the worker, or by who stands in for it.

What a user does to memories (delete, forget, retry, restore, edit) changes the ledger in one
transaction; the publishers then write the files.
"""

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from mem0tray.core import events, reasons
from mem0tray.core import item as items
from mem0tray.core.errors import FileUnavailableError, LedgerError, Mem0TrayError
from mem0tray.core.item import Item, Name, identity
from mem0tray.core.reasons import Reason
from mem0tray.files import orders
from mem0tray.files.atomic import TornError
from mem0tray.files.orders import DELIVERED, DONE, GONE, IN_FLIGHT, PERHAPS, THERE, Order, Text
from mem0tray.ledger.rows import Row
from mem0tray.worker import metrics
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq import dead_letters
from mem0tray.worker.dlq.hand_edits import HandEdits
from mem0tray.worker.dlq.publish import DlqPublisher
from mem0tray.worker.queue.emergency import EmergencyIntake
from mem0tray.worker.queue.intake import QueueIntake, accept
from mem0tray.worker.queue.publish import QueuePublisher

if TYPE_CHECKING:
    from pathlib import Path

Results = dict[Name, str]
_Found = dict[Name, tuple[str, Row | None]]  # what became of each memory, and what it was
_CHANGED: Final = frozenset({DONE, PERHAPS, IN_FLIGHT})


class OrderHandler:
    """Applies the orders that wait, the oldest first; `probe` asks for the server's health."""

    def __init__(self, context: WorkerContext, probe: Callable[[], object] = lambda: None) -> None:
        self._context = context
        self._probe = probe
        self.unread = reasons.NONE
        self._applied: list[tuple[Path, Results | None]] = []

    def apply(self, *, files_read: bool) -> int:
        """Claim and apply the orders that wait, and return how many; `answer` ends them.

        Until the `files_read` are all read, an order about a memory that is not known yet waits.
        One that cannot be read waits too, and keeps no other; `unread` says why. Raises
        FileUnavailableError when no order can be found or claimed, and LedgerError.
        """
        self.unread = reasons.NONE
        for path in orders.waiting(self._context.paths.orders):
            try:
                order = orders.read(path)
            except KeyError:
                continue
            except FileUnavailableError as error:
                self.unread = self.unread or orders.why_unread(path, error)
                continue
            if order is not None and not files_read and not self._is_known(order):
                continue
            try:
                lease = orders.claim(path)
            except FileUnavailableError as error:  # something stands where it is claimed
                self.unread = self.unread or orders.why_unread(orders.claimed(path), error)
                continue
            if lease is None or any(lease == known for known, _ in self._applied):
                continue
            try:
                results = None if order is None else self._apply(order)
            except LedgerError:
                if lease != path:
                    orders.release(lease)
                raise
            # What a crash left claimed has perhaps been applied: its results would be wrong.
            self._applied.append((lease, results if lease != path else None))
            self._context.barrier.applied += 1
        return len(self._applied)

    def _is_known(self, order: Order) -> bool:
        return all(self._context.inbox.known(name) is not None for name in order.names)

    def _apply(self, order: Order) -> Results | None:
        if order.verb == orders.SHOW:
            self._context.events.emit(events.StatusWanted())
            return None
        if order.verb == orders.PROBE:
            self._probe()
            return None
        try:
            results = carry_out(self._context, order)
        except ValueError:  # an order that nobody could have left
            return None
        if order.verb == orders.RETRY and not _CHANGED.isdisjoint(results.values()):
            self._probe()
        return results or None

    def answer(self) -> None:
        while self._applied:
            path, results = self._applied[0]
            if results is None:
                path.unlink(missing_ok=True)
            else:
                orders.answer(path, results)
            del self._applied[0]


def run_without_worker(context: WorkerContext) -> Mapping[str, Reason]:
    """Read the files as the worker does, apply orders, and write the files; nothing is sent.

    Returns why a file could not be read, by `queue`, `emergency` or `dlq`. Raises LedgerError, and
    FileUnavailableError when no order can be found: then none is applied.
    """
    beside = context.other_at_work = not metrics.is_none_beside(context)
    lines, queue, edits = EmergencyIntake(context), QueueIntake(context), HandEdits(context)
    # Nobody may be there to see what the other worker takes until ours starts.
    lines.may_have_been_sent |= beside
    queue.may_have_been_sent |= beside
    unread: dict[str, Reason] = {}
    reads: dict[str, Callable[[], object]] = {
        "emergency": partial(lines.run, tidy=False), "queue": queue.run, "dlq": edits.run,
    }  # fmt: skip
    for place, read in reads.items():
        try:
            read()
        except Mem0TrayError as error:  # it stops nothing else
            unread[place] = error.reason
    for place, torn, path in (
        ("queue", queue.torn, context.paths.queue),
        ("dlq", edits.torn, context.paths.dlq),
    ):
        if torn:
            unread[place] = Reason(
                "{path} is broken, or just being written: it cannot be read yet. Try again.",
                path=path,
            )
    handler = OrderHandler(context)
    try:
        if handler.apply(files_read=not (queue.torn or edits.torn)):
            dlq = DlqPublisher(context, edits)
            _attempt(context, "DLQ file", dlq.run_once)
            dlq.close()
            _attempt(context, "queue file", QueuePublisher(context, queue).run_once)
    finally:
        handler.answer()
    return unread


def _attempt(context: WorkerContext, part: str, work: Callable[[], object]) -> None:
    try:
        work()
    except TornError:
        pass  # the next worker writes it
    except Mem0TrayError as error:
        context.events.emit(events.PartFailed(part, str(error), math.inf))


# What users do to memories ------------------------------------------------------------


def carry_out(context: WorkerContext, order: Order) -> Results:
    """Apply an order; what became of each memory. Raises LedgerError, and then changes nothing."""
    with context.ledger.transaction(durable=True):
        found = _carried_out(context, order)
    _report(context, order, found)
    if order.verb == orders.FORGET:
        with suppress(LedgerError):  # the command names the files that still hold the text
            context.ledger.scrub()
    return {name: result for name, (result, _) in found.items()}


def _carried_out(context: WorkerContext, order: Order) -> _Found:
    found: _Found = {}
    one_by_one: dict[str, Callable[[Name], tuple[str, Row | None]]] = {
        orders.DELETE: lambda name: _discard(context, name, items.DELETED),
        orders.RETRY: lambda name: _make_due(context, name),
        orders.REMOVE: lambda name: _remove(context, name, order.server),
        orders.KEEP: lambda name: _keep(context, name, order.server),
    }
    if order.verb in one_by_one:
        return {name: one_by_one[order.verb](name) for name in order.names}
    match order.verb:
        case orders.FORGET:
            return _forget(context, order)
        case orders.RESTORE:
            for text in order.texts:
                if (name := identity(text.data)) not in found:
                    found[name] = _put_back(context, name, text)
        case orders.EDIT:  # of one memory; without a text, only the old one goes
            (name,) = order.names
            if not order.texts:
                return {name: _discard(context, name, items.EDITED)}
            return {name: _replace(context, name, order.texts[0])}
    return found


def _remove(context: WorkerContext, name: Name, server: str) -> tuple[str, Row | None]:
    inbox, now = context.inbox, context.now()
    row = inbox.known(name)
    if row is not None and row.state in (items.FRESH, items.DEAD):
        return THERE, row
    inbox.add_unread([name], now)  # what others saved: nothing brings it back either
    inbox.remove(name, server, now)
    return DONE, row


def _keep(context: WorkerContext, name: Name, server: str) -> tuple[str, Row | None]:
    row = context.inbox.known(name)
    if row is None or row.reason != items.REMOVED:
        return GONE, row
    context.inbox.keep(row, server)
    return DONE, row


def _forget(context: WorkerContext, order: Order) -> _Found:
    inbox = context.inbox
    # A memory that nobody has taken in yet is known as forgotten too: no hook queues it again.
    inbox.add_unread([name for name in order.names if name[0]], context.now())
    found = {name: _discard(context, name, items.DELETED) for name in order.names}
    inbox.erase(row.key for name in order.names if (row := inbox.known(name)))
    return found


def _discard(context: WorkerContext, name: Name, reason: str) -> tuple[str, Row | None]:
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


def _make_due(context: WorkerContext, name: Name) -> tuple[str, Row | None]:
    row = context.inbox.known(name)
    if row is None or row.state == items.DISCARDED:
        return GONE, row
    if row.state == items.DELIVERED:
        return DELIVERED, row
    if row.state == items.DEAD:
        context.inbox.make_due(row.key, context.now())
        return DONE, row
    return (DONE if context.foreign_claims.send([row.key]) else THERE), row


def _put_back(context: WorkerContext, name: Name, text: Text) -> tuple[str, Row | None]:
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
    # A killed deletion leaves the memory under the id before.
    before = context.inbox.known((items.id_before(item.id), item.digest))
    for each in (row, before if row is None else None):
        if each is not None and each.is_delivered(context.server):
            return DELIVERED, each
    if row is not None and row.reason == items.REMOVED:  # its id is used up
        again = items.with_fields(text.data, {"id": items.id_again(item.id)})
        return _put_back(context, identity(again), Text.of(again, dead=text.dead))
    # A deletion may have been killed before it left an order.
    ask = before.reason == items.REMOVED if before is not None else items.id_before(item.id) != ""
    _wait_again(context, item, row, dead=text.dead, ask=ask)
    return DONE, row


def _wait_again(
    context: WorkerContext, item: Item, row: Row | None, *, dead: bool, ask: bool = False
) -> None:
    inbox, now = context.inbox, context.now()
    if not dead:
        key, _ = accept(context, item, ask=ask)
        inbox.note_not_shown(key)
    elif row is None:
        inbox.add_dead(item, item.raw, now, ask=ask, gen=None)
    elif row.state not in (items.FRESH, items.DEAD) and not row.is_delivered(context.server):
        inbox.revive(row, item, now, dead=True, gen=None)


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
    other = context.inbox.known(item.name)
    is_used_up = other is not None and other.reason == items.REMOVED  # the id, with this text
    if row is None or row.state != items.DEAD or is_used_up:
        result, row = _discard(context, name, items.EDITED)
        if result == GONE:
            return result, row
        # A server that has the old text gets the new one too.
        if is_used_up:
            _put_back(context, item.name, Text.of(item.raw, dead=text.dead))
        else:
            _wait_again(context, item, context.inbox.known(item.name), dead=text.dead)
        return result, row
    result = _as_sent(context, row)
    key = context.inbox.change_content(row, item, context.now())
    context.inbox.change_values(key, item, context.now())
    if other is not None:
        _wait_again(context, item, other, dead=True)
    return result, row


def _report(context: WorkerContext, order: Order, found: _Found) -> None:
    done = {name: row for name, (result, row) in found.items() if result in _CHANGED}
    changed = [row is None or row.state == items.DEAD for row in done.values()]
    if order.verb == orders.RESTORE:
        back = [text for text in order.texts if identity(text.data) in done]
        changed = [text.dead for text in back]
        dead_letters.report(
            context,
            dead_letters.of_letters(
                [item for text in back if text.dead and (item := items.parse(text.data))],
                context.now(),
            ),
        )
    if changed:
        dead, backup = sum(changed), order.backup if order.verb == orders.DELETE else ""
        context.events.emit(events.UserAction(order.verb, dead, len(changed) - dead, backup))
    if order.verb in (orders.DELETE, orders.EDIT):
        for result, row in found.values():
            if result == DELIVERED and row is not None:
                project, item_id = context.inbox.named(row.key)
                edited = order.verb == orders.EDIT
                context.events.emit(events.DeliveredAfterDeletion(project, item_id, edited))
