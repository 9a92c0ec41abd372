"""Carrying out what commands ask of the ledger's only writer (`files.requests`)."""

from contextlib import suppress

from mem0tray.core import events
from mem0tray.core import item as items
from mem0tray.files import receipts, requests
from mem0tray.files.named import names
from mem0tray.files.requests import FORGET, SEND, SHOW, Request
from mem0tray.ledger.database import encode
from mem0tray.worker.context import Core


def process(core: Core) -> int:
    """Carry out every request that waits; how many.

    Raises FileUnavailableError when one cannot be read: it waits then.
    """
    _take_notes(core)
    done = 0
    for path, request in requests.waiting(core.paths.requests):
        with suppress(ValueError):  # a digest that is none
            if request is not None:
                _process(core, request)
                done += 1
        path.unlink(missing_ok=True)
    return done


def _process(core: Core, request: Request) -> None:
    if request.verb == SHOW:
        core.events.emit(events.StatusWanted())
    _carry_out(core, request)
    if request.verb == FORGET:
        core.ledger.scrub()


def _take_notes(core: Core) -> None:
    """Remember what was put back: a backup from before tells of no later deletion."""
    for path, note in requests.notes(core.paths.requests):
        if note is not None:
            with suppress(ValueError):
                core.inbox.put_back(names(note.items), note.at)
        path.unlink(missing_ok=True)


def _carry_out(core: Core, request: Request) -> None:
    dead = waiting = 0
    with core.ledger.transaction(durable=True) as db:
        keys: list[int] = []
        for named in request.items:
            found = (encode(named.id), bytes.fromhex(named.digest))
            keys += [
                key for (key,) in db.execute(
                    "SELECT key FROM items WHERE id = ? AND digest = ?", found
                )
            ]  # fmt: skip
        if request.verb == SEND:
            sent = core.taken.send(keys)
            core.queue_dirty.set()
            core.metrics_dirty.set()
            if sent:
                core.events.emit(events.UserAction(receipts.RETRY, waiting=sent))
            return
        reason = items.EDITED if request.done == receipts.EDIT else "deleted"
        for key in keys:
            state = db.execute("SELECT state FROM items WHERE key = ?", (key,)).fetchone()[0]
            if state in (items.PENDING, items.DEAD):
                core.inbox.discard([key], core.now(), reason)
                core.queue_dirty.set()
            waiting += state == items.PENDING
            if state == items.DEAD:  # its last failure came before the file showed it
                dead += 1
                core.dlq_dirty.set()
        if request.verb == FORGET:
            core.inbox.erase(keys)
            core.queue_dirty.set()
            core.dlq_dirty.set()
    if dead or waiting:
        verb = receipts.FORGET if request.verb == FORGET else request.done
        core.events.emit(events.UserAction(verb, dead, waiting, request.backup))
