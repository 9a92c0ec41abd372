"""Correcting and deleting what a server has: the text is kept here first.

The ledger learns of a deletion before the server does, so that a kill at any point leaves the
memory there, or a copy that `restore` sends again under the next id, and nothing that brings it
back by itself.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from mem0tray.actions import add, backups, chosen_client, recall
from mem0tray.actions.add_lines import ids_of_key
from mem0tray.actions.one_writer import apply, keep_in_step
from mem0tray.actions.waiting import QUEUE_LIST, FoundItem, as_found
from mem0tray.config.server_choice import chosen_server, in_sentence
from mem0tray.config.settings import LOCAL_URL, Settings
from mem0tray.core import item as items
from mem0tray.core.errors import Mem0TrayError, NotFoundError, UnknownIdError
from mem0tray.core.item import Name
from mem0tray.core.reasons import Reason
from mem0tray.core.text import one_line
from mem0tray.files import document, orders
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.rows import Known
from mem0tray.server.model import Client, Outcome, ServerMemory

TIMEOUT: Final = 30.0  # seconds for an answer of the server
_LOOKED_AT: Final = 1000  # memories among which a beginning of an id is looked for
_WAITS: Final = (items.FRESH, items.DEAD)


class CannotDeleteError(Mem0TrayError):
    """The server's dialect has no way to delete one memory."""


@contextmanager
def _opened(settings: Settings) -> Iterator[Client]:
    server = chosen_server(settings, settings.locations())
    with chosen_client.opened(settings, settings.locations()) as client:
        if client is None:
            raise UnknownIdError("The server has no memories yet.")
        if not client.forgets:
            raise CannotDeleteError(
                Reason(
                    "{server} cannot correct or delete single memories.",
                    server=in_sentence(server.shown, first=True),
                ),
                Reason("Delete it with the server's own tools."),
            )
        yield client


def find(
    settings: Settings, names: Sequence[str], project: str | None = None
) -> list[ServerMemory]:
    """Find the memories with these ids of the server's, or beginnings that only one has.

    Raises UnknownIdError, or NotFoundError where several have it; CannotDeleteError where it is
    there and could not be deleted; Mem0TrayError.
    """
    try:
        with _opened(settings) as client:
            return [_found(settings, client, name, project) for name in dict.fromkeys(names)]
    except CannotDeleteError:
        for name in names:
            if not _completed(settings, name, project, numbers=True):
                raise _unknown(name) from None
        raise


def _found(settings: Settings, client: Client, name: str, project: str | None) -> ServerMemory:
    said = client.one(name, TIMEOUT)
    if said is None and (whole := _completed(settings, name, project)):
        said = client.one(whole, TIMEOUT)
    if isinstance(said, Outcome):
        shown = chosen_server(settings, settings.locations()).shown
        raise Mem0TrayError(recall.why_not_shown(shown, said))
    if said is None or project not in (None, said.project):
        raise _unknown(name)
    return said


def _unknown(name: str) -> UnknownIdError:
    return UnknownIdError(
        Reason("The server has no memory with the id {id}.", id=repr(one_line(name, 80))),
        Reason("`mem0tray recall --ids` shows the ids."),
        name=name,
    )


def _completed(
    settings: Settings, beginning: str, project: str | None, *, numbers: bool = False
) -> str:
    """Return the id of the server's that begins so; a number is not shortened, unless `numbers`."""
    if project is None:
        seen = recall.latest(settings, _LOOKED_AT, time.monotonic() + recall.TIMEOUT)
    else:
        seen = recall.recall(settings, project, _LOOKED_AT)
    ids = {e.id for e in seen.there if e.id.startswith(beginning)}
    if not numbers:
        ids = {each for each in ids if not each.isdecimal()}
    if len(ids) > 1:
        shown = one_line(beginning, 80)
        raise NotFoundError(f"{len(ids)} ids begin with {shown!r}.", "Give more of the id.")
    return next(iter(ids), "")


# One memory, and what is known of it here --------------------------------------------------------


class _Planned(NamedTuple):
    """A memory to be deleted: what the ledger knows it as, and what restores it."""

    memory: ServerMemory
    names: Sequence[Name]
    kept: FoundItem


def _plan(settings: Settings, reader: Reader, memory: ServerMemory, text: str = "") -> _Planned:
    """Say what becomes of a memory; with a `text` to replace it, that has the kept one's id.

    Raises Mem0TrayError where it waits here too.
    """
    server = chosen_server(settings, settings.locations()).name
    digest = items.digest(memory.project, memory.text)
    infers = settings.server.infer and server != LOCAL_URL
    rows = _known_as(reader, memory, digest, server, by_text=infers)
    if any(row.state in _WAITS for row in rows):
        raise Mem0TrayError(
            Reason("This memory waits here as well, and would be sent again."),
            Reason("Delete first what waits: `mem0tray delete {id}`.", id=rows[0].id),
        )
    base = rows[-1].id if rows else memory.key or items.id_from(server, digest)
    names = dict.fromkeys([*(row.name for row in rows), (base, digest)])
    used, its = items.id_again(base), (digest, items.digest(memory.project, text or memory.text))
    while any((row := reader.known(used, each)) and row.state == items.DISCARDED for each in its):
        used = items.id_again(used)
    raw = document.dump(add.entry(used, memory.project, memory.text, int(memory.moment or 0)))
    return _Planned(memory, list(names), as_found(raw, QUEUE_LIST))


def _known_as(
    reader: Reader, memory: ServerMemory, digest: bytes, server: str, *, by_text: bool
) -> list[Known]:
    """Find what the ledger knows of it: by our key, whatever its text is by now, or by its text.

    `by_text`: several memories of the server's were made of one of ours.
    """
    ids = ids_of_key(memory.key, digest) if memory.key and not by_text else []
    rows = [row for name in ids for row in reader.by_id(name)]
    rows = [row for row in rows if row.digest == digest] or rows[:1]
    if any(row.state != items.DISCARDED for row in rows):
        return rows
    return [*rows, *reader.with_digest(digest, server)]


# Deleting -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class Removed:
    """What a deletion did: `doubtful` are those of which the server did not say what it did.

    `refused` are still there, each with the reason. `heard`: the ledger has it.
    """

    backup: Path = field(default_factory=Path)
    deleted: list[ServerMemory] = field(default_factory=list)
    doubtful: list[tuple[ServerMemory, Outcome]] = field(default_factory=list)
    refused: list[tuple[ServerMemory, Outcome]] = field(default_factory=list)
    heard: bool = True

    def check(self, server: str) -> None:
        """Raise Mem0TrayError unless the server has deleted them all."""
        there = in_sentence(server, first=True)
        for _, said in self.doubtful:
            raise Mem0TrayError(
                Reason(
                    "{server} did not say whether it has deleted the memory: {why}."
                    " A copy is kept.",
                    server=there,
                    why=said.message.rstrip("."),
                ),
                Reason("Look whether it is still there, and delete it again if it is."),
            )
        for _, said in self.refused:
            raise Mem0TrayError(
                Reason(
                    "{server} did not delete the memory: {why}. It still has it.",
                    server=there,
                    why=said.message.rstrip("."),
                ),
                Reason("Nothing has changed. Try again, or delete it with the server's own tools."),
            )


def delete(settings: Settings, memories: Sequence[ServerMemory]) -> Removed:
    """Write all of them to a backup, then delete them on the server. Raises Mem0TrayError."""
    paths = settings.locations()
    keep_in_step(paths, settings)
    with _opened(settings) as client, Reader(paths.ledger, needed=True) as reader:
        plans = [_plan(settings, reader, each) for each in memories]
        backup = backups.free_name(paths, time.time())
        backups.write_dated(backup, [each.kept.raw for each in plans])
        try:
            result = _remove(settings, client, plans, backup)
        except Mem0TrayError:
            backup.unlink(missing_ok=True)  # the backup of a deletion that never was
            raise
    there = {memory.id for memory, _ in result.refused}
    left = [each.kept.raw for each in plans if each.memory.id not in there]
    if not left:
        backup.unlink(missing_ok=True)
    elif there:
        backups.write_dated(backup, left)
    return result


def _remove(settings: Settings, client: Client, plans: Sequence[_Planned], backup: Path) -> Removed:
    """Let the ledger know, then delete on the server; take back what the server refuses."""
    server = chosen_server(settings, settings.locations()).name

    def order(verb: str, those: Sequence[_Planned]) -> dict[Name, str] | None:
        names = [name for each in those for name in each.names]
        asked = orders.about(verb, names, backup.name, server)
        answer = apply(settings.locations(), settings, asked)
        return answer.results if answer.heard else None

    results = order(orders.REMOVE, plans)
    if results is not None and orders.THERE in results.values():  # it came back just now
        order(orders.KEEP, plans)
        raise Mem0TrayError(Reason("This memory waits here as well, and would be sent again."))
    done = Removed(backup, heard=results is not None)
    for each in plans:
        said = _forgotten(client, each.memory)
        if said.is_success:
            done.deleted.append(each.memory)
        else:
            (done.doubtful if said.may_have_it else done.refused).append((each.memory, said))
    there = {memory.id for memory, _ in done.refused}
    if there:
        with suppress(Mem0TrayError):  # the ledger then says less than the server has
            order(orders.KEEP, [each for each in plans if each.memory.id in there])
    return done


def _forgotten(client: Client, memory: ServerMemory) -> Outcome:
    """Delete a memory; where that is in doubt, look whether it has gone."""
    said = client.forget(memory, TIMEOUT)
    if said.may_have_it and not said.is_success and client.one(memory.id, TIMEOUT) is None:
        return Outcome(items.Kind.DELIVERED, said.status, "")
    return said


# Correcting ---------------------------------------------------------------------------------------


class Corrected(NamedTuple):
    """A correction: `kept` has the old text, the new one waits under `id`."""

    kept: Path
    id: str
    removed: Removed


def correct(settings: Settings, memory: ServerMemory, text: str) -> Corrected:
    """Queue a text in the place of what the server has, which is then deleted there.

    Raises Mem0TrayError: the new text does not wait then, unless the message says otherwise.
    """
    paths = settings.locations()
    keep_in_step(paths, settings)
    with _opened(settings) as client, Reader(paths.ledger, needed=True) as reader:
        plan = _plan(settings, reader, memory, text)
        kept = backups.keep_text(paths, plan.kept, settings.retention.discarded)
        name = plan.kept.id, items.digest(memory.project, text)
        try:
            if reader.known(*name) is None:  # else a former run was killed behind this
                add.add(paths, add.entry(plan.kept.id, memory.project, text))
            removed = _remove(settings, client, [plan], kept)
        except Mem0TrayError:
            _take_back(settings, name)
            kept.unlink(missing_ok=True)
            raise
    if removed.refused:
        if not _take_back(settings, name):
            raise Mem0TrayError(
                Reason("The server has the new text, and did not delete the old one: it has both."),
                Reason("Delete the old one again."),
            )
        kept.unlink(missing_ok=True)
        removed.check(chosen_server(settings, paths).shown)
    return Corrected(kept, plan.kept.id, removed)


def _take_back(settings: Settings, name: Name) -> bool:
    """Delete the new text of a correction that failed; return whether it waited still."""
    keep_in_step(settings.locations(), settings)
    answer = apply(settings.locations(), settings, orders.about(orders.EDIT, [name]))
    return answer.of(name) in (orders.DONE, orders.GONE)


def undo(settings: Settings, old: FoundItem) -> Corrected | None:
    """Correct a memory back to the text that it had; None if it is not such a one."""
    content, digest = old.content, old.identity[1]
    with Reader(settings.locations().ledger) as reader:
        before = reader.known(items.id_before(old.id), digest)
        texts = {row.digest for row in reader.by_id(old.id) if row.state == items.DELIVERED}
    if content is None or before is None or before.reason != items.REMOVED or digest in texts:
        return None
    for each in recall.recall(settings, old.project, _LOOKED_AT).there:
        if each.id and items.digest(each.project, each.text) in texts:
            (found,) = find(settings, [each.id])
            return correct(settings, found, content)
    return None
