"""Retry dead letters now: their `last_attempt` becomes 0 in the file."""

from collections.abc import Callable, Sequence
from typing import Final

from mem0tray import item as items
from mem0tray.actions import files
from mem0tray.actions.edit import DlqEdit, change_dlq
from mem0tray.actions.find import Found, listing, resolve
from mem0tray.errors import NotFoundError
from mem0tray.files import receipts
from mem0tray.item import Item
from mem0tray.paths import Paths
from mem0tray.text import short_id

_NOW: Final = {"last_attempt": 0}


def retry_ids(paths: Paths, names: Sequence[str]) -> list[Item]:
    """Retry the dead letters of these ids or prefixes; which. Raises NotFoundError."""
    dead = listing(files.dead_letters(paths), files.DLQ).found
    try:
        chosen = resolve(names, dead)
    except NotFoundError as error:
        _explain_waiting(paths, names, error)
        raise
    for each in chosen:
        if each.item is None:
            raise NotFoundError(
                f"{short_id(each.id)} cannot be retried: its content is no text.",
                f"Mend it in {paths.dlq.name}, or delete it.",
            )
    wanted = {(each.id, each.item.digest) for each in chosen if each.item is not None}
    return _retry(paths, lambda item: (item.id, item.digest) in wanted)


def _explain_waiting(paths: Paths, names: Sequence[str], error: NotFoundError) -> None:
    """Say so when what was named is no dead letter but waits for its first delivery."""
    waiting: list[Found] = listing(files.waiting_entries(paths), files.QUEUE).found
    try:
        found = resolve(names, waiting)
    except NotFoundError:
        return
    raise NotFoundError(
        f"{short_id(found[0].id)} is no dead letter: it waits in the queue.",
        "It is sent by itself, as soon as the server takes it.",
    ) from error


def retry_project(paths: Paths, project: str) -> list[Item]:
    """Retry every dead letter of a project; which."""
    return _retry(paths, lambda item: item.project == project)


def retry_all(paths: Paths) -> list[Item]:
    """Retry every dead letter; which."""
    return _retry(paths, lambda _: True)


def _retry(paths: Paths, wanted: Callable[[Item], bool]) -> list[Item]:
    chosen: list[Item] = []

    def change(edit: DlqEdit) -> None:
        chosen.clear()
        for at, raw in enumerate(edit.items):
            item = items.parse(raw)
            if item is not None and wanted(item):
                edit.items[at] = items.with_fields(raw, dict(_NOW))
                chosen.append(item)
        edit.wanted = bool(chosen)

    change_dlq(paths, change, verb=receipts.RETRY)
    return chosen
