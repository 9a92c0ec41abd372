"""Correcting and deleting what a server has: the text is kept here first.

The ledger learns of a deletion before the server does, so that a kill at any point leaves the
memory there, or a copy that `restore` sends again under the next id, and nothing that brings it
back by itself.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from mem0tray.actions import add, backups, chosen_client, look_up, recall, waiting
from mem0tray.actions.add_lines import ids_of_key
from mem0tray.actions.look_up import Here
from mem0tray.actions.one_writer import Answer, keep_in_step, submit
from mem0tray.actions.verbs import Deleted
from mem0tray.actions.waiting import QUEUE_LIST, SERVER, FoundItem, WaitingItems, as_found
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
_WAITS_HERE: Final = Reason("This memory waits here as well, and would be sent again.")
_NOT_HEARD: Final = Reason("The worker does not answer, or the disk is full; nothing was changed.")
_RESTART: Final = Reason("Restart mem0tray, and try again.")
CHANGED: Final = Reason("Its text was changed meanwhile: look at it again.")


@contextmanager
def _opened(settings: Settings) -> Iterator[Client]:
    server = chosen_server(settings, settings.locations())
    with chosen_client.opened(settings, settings.locations()) as client:
        if client is None:
            raise UnknownIdError(Reason("The server has no memories yet."))
        if not client.deletes:
            shown = in_sentence(server.shown, first=True)
            what = Reason("{server} cannot correct or delete single memories.", server=shown)
            raise Mem0TrayError(what, Reason("Delete it with the server's own tools."))
        yield client


def find(settings: Settings, memory_id: str) -> ServerMemory:
    """Find the memory with this id of the server's.

    Raises UnknownIdError; else Mem0TrayError: the server does not answer, or cannot delete single
    memories.
    """
    with _opened(settings) as client:
        return _found(settings, client, memory_id)


class Sought(NamedTuple):
    """What ids name: what waits here, what no longer does, and what the server alone has."""

    waits: list[FoundItem]
    over: list[Here]
    there: list[ServerMemory]


def sought(
    settings: Settings, names: Sequence[str], project: str | None = None, *, for_good: bool = False
) -> Sought:
    """Find the one memory of each id, wherever it is; or else the one whose id begins so.

    What was delivered is looked for on the server, unless its text is to go here `for_good`.
    Raises NotFoundError where several begin so, or UnknownIdError where none does; and
    Mem0TrayError if the server, which alone may have it, does not answer.
    """
    result = Sought([], [], [])
    with waiting.opened(settings) as seen:
        found = {name: _here(seen, name, project) for name in dict.fromkeys(names)}
    unsure = [
        name
        for name, here in found.items()
        if not isinstance(here, Here) or here.id != name or not (here.waits or for_good)
    ]
    there, trouble = _exactly(settings, unsure, project, found)
    for name, here in found.items():
        if name in there:
            result.there.append(there[name])
        elif isinstance(here, Here):
            result.waits.extend(here.waits)
            if not here.waits:
                result.over.append(here)
        elif not isinstance(here, UnknownIdError):
            raise here
        elif trouble is not None:
            raise Mem0TrayError(here.message, trouble.reason) from trouble
        else:
            result.there.append(_beginning(settings, name, project, here))
    return result


def _here(seen: WaitingItems, name: str, project: str | None) -> Here | NotFoundError:
    try:
        return look_up.here(seen, name, project)
    except NotFoundError as error:
        return error


def _exactly(
    settings: Settings, names: Sequence[str], project: str | None, found: Mapping[str, object]
) -> tuple[dict[str, ServerMemory], Mem0TrayError | None]:
    """Find the memories with just these ids on the server; also return why it did not say."""
    waits = all(isinstance(here := found[name], Here) and here.waits for name in names)
    chosen = chosen_server(settings, settings.locations()).name
    # An embedded server at rest is not started to see if it has an id that is cut off here.
    if not names or not chosen or (waits and chosen_client.at_rest(settings)):
        return {}, None
    there = {}
    try:
        with _opened(settings) as client:
            for name in names:
                with suppress(UnknownIdError):
                    said = _found(settings, client, name)
                    if project in (None, said.project):
                        there[name] = said
    except UnknownIdError:
        return {}, None
    except Mem0TrayError as error:
        return there, error
    return there, None


def _beginning(
    settings: Settings, name: str, project: str | None, unknown: UnknownIdError
) -> ServerMemory:
    """Find the one memory whose id on the server begins so, among the newest."""
    if not chosen_server(settings, settings.locations()).name:
        raise unknown
    if project is None:
        seen = recall.latest(settings, _LOOKED_AT, time.monotonic() + recall.TIMEOUT)
    else:
        seen = recall.recall(settings, project, _LOOKED_AT)
    begins = {each.id for each in seen.there if name and each.id.startswith(name)}
    if len(begins) > 1:
        shown = one_line(name, 80)
        raise NotFoundError(f"{len(begins)} ids begin with {shown!r}.", "Give more of the id.")
    if not begins:
        raise unknown
    return find(settings, begins.pop())


def _found(settings: Settings, client: Client, memory_id: str) -> ServerMemory:
    said = client.one(memory_id, TIMEOUT)
    if isinstance(said, Outcome):
        shown = chosen_server(settings, settings.locations()).shown
        raise Mem0TrayError(recall.why_not_shown(shown, said))
    if said is None or said.id != memory_id:  # the embedded server knows each by two
        what = Reason(
            "The server has no memory with the id {id}.", id=repr(one_line(memory_id, 80))
        )
        raise UnknownIdError(what, Reason("`mem0tray recall --ids` shows the ids."))
    return said


# One memory, and what is known of it here --------------------------------------------------------


class _Planned(NamedTuple):
    """A memory to be deleted: what the ledger knows it as, and what restores it."""

    memory: ServerMemory
    names: Sequence[Name]
    kept: FoundItem


def _plan(
    settings: Settings, client: Client, reader: Reader, memory: ServerMemory, text: str = ""
) -> _Planned:
    """Say what becomes of a memory; with a `text` to replace it, that has the kept one's id.

    Raises Mem0TrayError where it waits here too, or is no longer there as it was shown.
    """
    now = _found(settings, client, memory.id)
    if (now.project, now.text) != (memory.project, memory.text):
        raise NotFoundError(CHANGED)
    server = chosen_server(settings, settings.locations()).name
    digest = items.digest(memory.project, memory.text)
    infers = settings.server.infer and server != LOCAL_URL
    rows = _known_as(reader, memory, digest, server, by_text=infers)
    if any(row.state in (items.FRESH, items.DEAD) for row in rows):
        remedy = Reason("Delete first what waits: `mem0tray delete {id}`.", id=rows[0].id)
        raise Mem0TrayError(_WAITS_HERE, remedy)
    base = rows[-1].id if rows else memory.key or items.id_from(server, digest)
    lost = _lost(client, reader, memory, (base, digest), server)
    names = dict.fromkeys([*(row.name for row in rows), (base, digest), *lost])
    used, its = items.id_again(base), (digest, items.digest(memory.project, text or memory.text))
    while any((row := reader.known(used, each)) and row.state == items.DISCARDED for each in its):
        used = items.id_again(used)
    raw = document.dump(add.entry(used, memory.project, memory.text, int(memory.moment or 0)))
    return _Planned(memory, list(names), as_found(raw, QUEUE_LIST))


def _lost(
    client: Client, reader: Reader, memory: ServerMemory, name: Name, server: str
) -> Iterator[Name]:
    """Yield the earlier ids of a memory that was sent again, if the server has lost those."""
    before, digest = name
    while before := items.id_before(before):
        keys = [row.key for row in reader.by_id(before) if row.digest == digest]
        for taken in reader.memories(keys, server):
            if client.find(memory.project, taken.key, TIMEOUT) == []:
                yield before, digest


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


def as_item(memory: ServerMemory) -> FoundItem:
    """Make an item of a memory, under the server's own id."""
    raw = items.entry(memory.id, memory.project, memory.text, int(memory.moment or 0))
    return as_found(document.dump(raw), SERVER)


def delete(settings: Settings, memories: Sequence[ServerMemory]) -> Deleted:
    """Write all of them to a backup, then delete them on the server. Raises Mem0TrayError."""
    paths = settings.locations()
    keep_in_step(paths, settings)
    with _opened(settings) as client, Reader(paths.ledger, needed=True) as reader:
        plans = [_plan(settings, client, reader, each) for each in memories]
        backup = backups.free_name(paths, time.time())
        backups.write_dated(backup, [each.kept.raw for each in plans])
        try:
            result = _remove(settings, client, plans, backup)
        except Mem0TrayError:
            backup.unlink(missing_ok=True)  # the backup of a deletion that never was
            raise
    refused = {each.id for each in result.delivered}
    left = [each.kept.raw for each in plans if each.memory.id not in refused]
    if not left:
        backup.unlink(missing_ok=True)
    elif refused:
        backups.write_dated(backup, left)
    return result


def _remove(settings: Settings, client: Client, plans: Sequence[_Planned], backup: Path) -> Deleted:
    """Let the ledger know, then delete on the server; take back what the server refuses."""
    server = chosen_server(settings, settings.locations())

    def order(verb: str, those: Sequence[_Planned]) -> Answer:
        names = [name for each in those for name in each.names]
        asked = orders.about(verb, names, backup.name, server.name)
        return submit(settings.locations(), settings, asked)

    answer = order(orders.REMOVE, plans)
    is_back = orders.THERE in answer.results.values()  # just now
    if is_back or not answer.heard:  # by a worker that hangs, or that knows no such order
        order(orders.KEEP, plans)
        raise Mem0TrayError(_WAITS_HERE) if is_back else Mem0TrayError(_NOT_HEARD, _RESTART)
    done, refused = Deleted(backup), []
    for each in plans:
        said, item = _deleted(client, each.memory), as_item(each.memory)
        is_kept = not (said.is_success or said.may_have_it)
        (done.delivered if is_kept else done.items).append(item)
        if is_kept:
            refused.append(each)
        elif not said.is_success:
            done.perhaps.append(item)
        if not said.is_success:
            done.trouble = done.trouble or _trouble(server.shown, said, is_kept=is_kept)
    if refused:
        with suppress(Mem0TrayError):  # the ledger then says less than the server has
            order(orders.KEEP, refused)
    return done


def _deleted(client: Client, memory: ServerMemory) -> Outcome:
    """Delete a memory; where that is in doubt, look whether it has gone."""
    said = client.delete(memory, TIMEOUT)
    if said.may_have_it and not said.is_success and client.one(memory.id, TIMEOUT) is None:
        return Outcome(items.Kind.DELIVERED, said.status, "")
    return said


def _trouble(shown: str, said: Outcome, *, is_kept: bool) -> Mem0TrayError:
    names = {"server": in_sentence(shown, first=True), "why": said.message.rstrip(".")}
    if is_kept:
        return Mem0TrayError(
            Reason("{server} did not delete the memory: {why}. It still has it.", **names),
            Reason("Nothing has changed. Try again, or delete it with the server's own tools."),
        )
    return Mem0TrayError(
        Reason("{server} did not say if it deleted the memory: {why}. A copy is kept.", **names),
        Reason("Look whether it is still there, and delete it again if it is."),
    )


# Correcting ---------------------------------------------------------------------------------------


class Corrected(NamedTuple):
    """A correction: `kept` has the old text, the new one waits under `id`."""

    kept: Path
    id: str
    removed: Deleted


def correct(settings: Settings, memory: ServerMemory, text: str) -> Corrected:
    """Queue a text in the place of what the server has, which is then deleted there.

    Raises Mem0TrayError: the new text does not wait then, unless the message says otherwise.
    """
    paths = settings.locations()
    keep_in_step(paths, settings)
    with _opened(settings) as client, Reader(paths.ledger, needed=True) as reader:
        plan = _plan(settings, client, reader, memory, text)
        name = plan.kept.id, items.digest(memory.project, text)
        kept = backups.keep_text(paths, plan.kept, name[1], settings.retention.discarded)
        try:
            if reader.known(*name) is None:  # else a former run was killed behind this
                add.add(paths, add.entry(plan.kept.id, memory.project, text))
            removed = _remove(settings, client, [plan], kept)
            if removed.delivered and removed.trouble is not None:
                raise removed.trouble
        except Mem0TrayError as error:
            kept.unlink(missing_ok=True)
            if not _take_back(settings, name):
                what = Reason("The server has the new text, and the old one too.")
                raise Mem0TrayError(what, error.reason) from error
            raise
    return Corrected(kept, plan.kept.id, removed)


def _take_back(settings: Settings, name: Name) -> bool:
    """Delete the new text of a correction that failed; return whether it waited still."""
    keep_in_step(settings.locations(), settings)
    answer = submit(settings.locations(), settings, orders.about(orders.EDIT, [name]))
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
            return correct(settings, find(settings, each.id), content)
    return None
