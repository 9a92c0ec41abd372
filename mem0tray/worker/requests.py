"""What commands ask of the ledger's only writer: small files in a folder of ours.

`{"verb": "discard" | "forget" | "send" | "show", "items": [{"id", "digest"}], "at"}`; a
request is removed once it is carried out. "show" is what a second start of the
tray asks of the first. "discard" says in "done" and "backup" as what it is told. A
`restored-*.json` is a note, without a verb.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from mem0tray.core import events
from mem0tray.core import item as items
from mem0tray.files import atomic, receipts
from mem0tray.ledger.database import encode
from mem0tray.system import plain
from mem0tray.worker.context import Core

DISCARD: Final = "discard"
FORGET: Final = "forget"
SEND: Final = "send"
SHOW: Final = "show"


class Named(msgspec.Struct, frozen=True):
    """A memory: its id, and the SHA-256 of project and content in hex."""

    id: str
    digest: str


class PutBack(msgspec.Struct, frozen=True):
    """A note that these memories were put back at `at`, perhaps before their deletion was seen."""

    items: list[Named]
    at: float


class Request(msgspec.Struct, frozen=True):
    """A request; `at` in Unix seconds."""

    verb: str
    items: list[Named]
    at: float = 0.0
    done: str = receipts.DELETE
    backup: str = ""


def process(core: Core) -> int:
    """Carry out every request that waits; how many.

    Raises FileUnavailableError when one cannot be read: it waits then.
    """
    _take_notes(core)
    done = 0
    for path, data in _waiting(core, "[0-9]*.json"):
        with suppress(msgspec.MsgspecError, ValueError):
            request = msgspec.convert(json.loads(data), Request)
            if request.verb == SHOW:
                core.events.emit(events.StatusWanted())
            _carry_out(core, request)
            if request.verb == FORGET:
                core.ledger.scrub()
            done += 1
        path.unlink(missing_ok=True)
    return done


def _waiting(core: Core, pattern: str) -> Iterator[tuple[Path, bytes]]:
    for path in atomic.listing(core.paths.requests, pattern):
        try:
            data = plain.read_bytes(path)
        except FileNotFoundError:
            continue  # withdrawn just now
        except OSError as error:
            raise atomic.unavailable(path, error) from error
        yield path, data


def _take_notes(core: Core) -> None:
    """Remember what was put back: a backup from before tells of no later deletion."""
    for path, data in _waiting(core, "restored-*.json"):
        with suppress(msgspec.MsgspecError, ValueError):
            note = msgspec.convert(json.loads(data), PutBack)
            names = [(each.id, bytes.fromhex(each.digest)) for each in note.items]
            core.inbox.put_back(names, note.at)
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
