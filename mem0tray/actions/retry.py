"""Retry dead letters now: their `last_attempt` becomes 0 in the file.

The worker is asked to retry those that no file shows yet, and to send what is held because
another worker has perhaps delivered it.
"""

from collections.abc import Callable, Sequence
from typing import Final

from mem0tray.actions import dead_letters, read_files
from mem0tray.actions.change_files import DlqEdit, change_dlq
from mem0tray.actions.find import FoundItem, listing, resolve
from mem0tray.core import item as items
from mem0tray.core.errors import NotFoundError
from mem0tray.core.item import Item
from mem0tray.core.reasons import Reason
from mem0tray.core.text import short_id
from mem0tray.files import orders, receipts
from mem0tray.ledger.reader import Reader
from mem0tray.server.remedy import REWORD
from mem0tray.system.paths import Paths

_NOW: Final = {"last_attempt": 0}


def retry_ids(paths: Paths, names: Sequence[str]) -> list[Item]:
    """Retry the dead and held items of these ids or prefixes; return them. Raises NotFoundError."""
    dead = listing(dead_letters.to_act_on(paths), read_files.DLQ_LIST).found
    held = held_entries(paths)
    try:
        chosen = resolve(names, [*dead, *held])
    except NotFoundError as error:
        _explain_waiting(paths, names, error)
        raise
    for each in chosen:
        if each.item is None:
            raise NotFoundError(
                Reason("{id} cannot be retried: its content is no text.", id=short_id(each.id)),
                REWORD.replaced("id", short_id(each.id)),
            )
    wanted = {each.identity for each in chosen}
    return _retry(paths, lambda item: item.name in wanted, held)


def _explain_waiting(paths: Paths, names: Sequence[str], error: NotFoundError) -> None:
    """Raise an error that says so if a named item is no dead letter, but waits in the queue."""
    fresh: list[FoundItem] = listing(read_files.fresh_entries(paths), read_files.QUEUE_LIST).found
    try:
        found = resolve(names, fresh)
    except NotFoundError:
        return
    raise NotFoundError(
        Reason("{id} is no dead letter: it waits in the queue.", id=short_id(found[0].id)),
        Reason("It is sent automatically, as soon as the server takes it."),
    ) from error


def retry_project(paths: Paths, project: str) -> list[Item]:
    """Retry every dead letter of a project, and what is held; return the items."""
    return _retry(paths, lambda item: item.project == project, held_entries(paths))


def retry_all(paths: Paths) -> list[Item]:
    """Retry every dead letter, and what is held; return the items."""
    return _retry(paths, lambda _: True, held_entries(paths))


def retry_dead(paths: Paths) -> list[Item]:
    """Retry every dead letter but no held entry, as the menu shows none; return the items."""
    return _retry(paths, lambda _: True, ())


def held_entries(paths: Paths) -> list[FoundItem]:
    """Fresh entries that another worker has perhaps delivered."""
    fresh = listing(read_files.fresh_entries(paths), read_files.QUEUE_LIST).found
    with Reader(paths.ledger) as reader:
        known = reader.fresh_entries()
    return [each for each in fresh if (row := known.get(each.identity)) and row.is_held]


def _retry(paths: Paths, wanted: Callable[[Item], bool], held: Sequence[FoundItem]) -> list[Item]:
    chosen: list[Item] = []
    unshown: list[Item] = []

    def change(edit: DlqEdit) -> None:
        chosen.clear()
        with Reader(paths.ledger) as reader:
            raws = dead_letters.unshown(paths, reader, edit.items)
        unshown[:] = [each for each in map(items.parse, raws) if each is not None and wanted(each)]
        for at, raw in enumerate(edit.items):
            item = items.parse(raw)
            if item is not None and wanted(item):
                edit.items[at] = items.with_fields(raw, dict(_NOW))
                chosen.append(item)
        edit.due = [item.name for item in chosen]
        edit.wanted = bool(chosen)

    change_dlq(paths, change, verb=receipts.RETRY)
    sent = [each.item for each in held if each.item is not None and wanted(each.item)]
    orders.give(paths, orders.SEND, [each.name for each in (*unshown, *sent)])
    return [*chosen, *unshown, *sent]
