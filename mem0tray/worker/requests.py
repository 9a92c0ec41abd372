"""Carrying out what commands ask of the ledger's only writer (`files.requests`)."""

from contextlib import suppress

from mem0tray.core import events
from mem0tray.core import item as items
from mem0tray.files import receipts, requests
from mem0tray.files.named import names
from mem0tray.files.requests import FORGET, SEND, SHOW, Request
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
    inbox = core.inbox
    with core.ledger.transaction(durable=True):
        states = inbox.states(names(request.items))
        if request.verb == SEND:
            sent = core.taken_by_others.send(states)
            if sent:
                core.events.emit(events.UserAction(receipts.RETRY, waiting=sent))
            return
        reason = items.EDITED if request.done == receipts.EDIT else "deleted"
        for key, state in states.items():
            if state in (items.PENDING, items.DEAD):
                inbox.discard([key], core.now(), reason)
        if request.verb == FORGET:
            inbox.erase(states)
    waiting, dead = (list(states.values()).count(each) for each in (items.PENDING, items.DEAD))
    if dead or waiting:
        verb = receipts.FORGET if request.verb == FORGET else request.done
        core.events.emit(events.UserAction(verb, dead, waiting, request.backup))
