"""Retry dead letters now, and send what is held because another worker has perhaps delivered it."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from mem0tray.actions import waiting
from mem0tray.actions.apply import apply
from mem0tray.actions.find import DLQ_LIST, QUEUE_LIST, FoundItem, resolve
from mem0tray.actions.waiting import WaitingItems
from mem0tray.config.settings import Settings
from mem0tray.core.errors import NotFoundError
from mem0tray.core.reasons import Reason
from mem0tray.core.text import short_id
from mem0tray.files import orders
from mem0tray.files.orders import DONE
from mem0tray.server.remedy import REWORD

_CALLED: Final = 1000  # memories that are called by their shortest names


class Retried(NamedTuple):
    """The items retried; `called` has the names in a command of the first ones, by id."""

    items: Sequence[FoundItem] = ()
    called: Mapping[str, str] = {}


def retry_ids(settings: Settings, names: Sequence[str]) -> Retried:
    """Retry the dead and held items of these ids or prefixes. Raises NotFoundError."""
    with waiting.opened(settings) as seen:
        found = seen.candidates(names)
        try:
            chosen = resolve(names, [each for each in found if each.is_dead or each.is_held])
        except NotFoundError:
            _explain_waiting(seen, names)
            seen.step.check_all()
            raise
        for each in chosen:
            if each.item is None:
                raise NotFoundError(
                    Reason("{id} cannot be retried: its content is no text.", id=short_id(each.id)),
                    REWORD.replaced("id", short_id(each.id)),
                )
        return _retry(settings, seen, chosen)


def _explain_waiting(seen: WaitingItems, names: Sequence[str]) -> None:
    """Raise an error that says so if a named item is no dead letter, but waits in the queue."""
    try:
        found = resolve(names, seen.candidates(names, [QUEUE_LIST]))
    except NotFoundError:
        return
    raise NotFoundError(
        Reason("{id} is no dead letter: it waits in the queue.", id=short_id(found[0].id)),
        Reason("It is sent automatically, as soon as the server takes it."),
    )


def retry_project(settings: Settings, project: str) -> Retried:
    """Retry every dead letter of a project, and what is held. Raises NotFoundError."""
    with waiting.opened(settings) as seen:
        found = seen.of_project(project)
        return _retry(settings, seen, [each for each in found if each.is_dead or each.is_held])


def retry_all(settings: Settings, *, held: bool = True) -> Retried:
    """Retry every dead letter, and what is `held`, which the menu does not show."""
    with waiting.opened(settings) as seen:
        entries = seen.items(QUEUE_LIST) if held else []
        chosen = [*seen.items(DLQ_LIST), *(each for each in entries if each.is_held)]
        return _retry(settings, seen, chosen)


def _retry(settings: Settings, seen: WaitingItems, chosen: Sequence[FoundItem]) -> Retried:
    found = {each.identity: each for each in chosen if each.item is not None}
    if not found:
        return Retried()
    called = seen.handles(chosen[:_CALLED])
    answer = apply(settings.locations(), settings, orders.about(orders.RETRY, found))
    return Retried([e for name, e in found.items() if answer.of(name) == DONE], called)
