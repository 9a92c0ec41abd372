"""Retry dead letters now, and send what is held because another worker has perhaps delivered it."""

from collections.abc import Sequence

from mem0tray.actions import dead_letters, read_files
from mem0tray.actions.apply import apply
from mem0tray.actions.find import FoundItem, listing, resolve
from mem0tray.config.settings import Settings
from mem0tray.core.errors import NotFoundError
from mem0tray.core.item import Item
from mem0tray.core.reasons import Reason
from mem0tray.core.text import short_id
from mem0tray.files import orders
from mem0tray.files.orders import DONE
from mem0tray.ledger.reader import Reader
from mem0tray.server.remedy import REWORD
from mem0tray.system.paths import Paths


def retry_ids(paths: Paths, settings: Settings, names: Sequence[str]) -> list[Item]:
    """Retry the dead and held items of these ids or prefixes; return them. Raises NotFoundError."""
    try:
        chosen = resolve(names, [*_dead(paths), *held_entries(paths)])
    except NotFoundError as error:
        _explain_waiting(paths, names, error)
        raise
    for each in chosen:
        if each.item is None:
            raise NotFoundError(
                Reason("{id} cannot be retried: its content is no text.", id=short_id(each.id)),
                REWORD.replaced("id", short_id(each.id)),
            )
    return _retry(paths, settings, chosen)


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


def retry_project(paths: Paths, settings: Settings, project: str) -> list[Item]:
    """Retry every dead letter of a project, and what is held; return the items."""
    found = [*_dead(paths), *held_entries(paths)]
    return _retry(paths, settings, [each for each in found if each.project == project])


def retry_all(paths: Paths, settings: Settings) -> list[Item]:
    """Retry every dead letter, and what is held; return the items."""
    return _retry(paths, settings, [*_dead(paths), *held_entries(paths)])


def retry_dead(paths: Paths, settings: Settings) -> list[Item]:
    """Retry every dead letter but no held entry, as the menu shows none; return the items."""
    return _retry(paths, settings, _dead(paths))


def held_entries(paths: Paths) -> list[FoundItem]:
    """Fresh entries that another worker has perhaps delivered."""
    fresh = listing(read_files.fresh_entries(paths), read_files.QUEUE_LIST).found
    with Reader(paths.ledger) as reader:
        known = reader.fresh_entries()
    return [each for each in fresh if (row := known.get(each.identity)) and row.is_held]


def _dead(paths: Paths) -> list[FoundItem]:
    return listing(dead_letters.to_act_on(paths), read_files.DLQ_LIST).found


def _retry(paths: Paths, settings: Settings, chosen: Sequence[FoundItem]) -> list[Item]:
    found = {each.item.name: each.item for each in chosen if each.item is not None}
    if not found:
        return []
    answer = apply(paths, settings, orders.about(orders.RETRY, found))
    return [item for name, item in found.items() if answer.of(name) == DONE]
