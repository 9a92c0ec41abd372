"""`mem0tray delete`: back up, then delete."""

from typing import Any, Final

import click

from mem0tray.actions import look_up, waiting
from mem0tray.actions.forget import Forgotten, forget
from mem0tray.actions.verbs import NOT_HEARD, Deleted, delete
from mem0tray.actions.waiting import DLQ_LIST, QUEUE_LIST, FoundItem, resolve
from mem0tray.cli import arguments, output
from mem0tray.config.settings import Settings
from mem0tray.core import text
from mem0tray.core.text import plural, short_id

_SHOWN: Final = 20  # items shown of those to be deleted
_KINDS: Final = {
    DLQ_LIST: "dead letter",
    QUEUE_LIST: "waiting entry",
    look_up.LEDGER: "no longer waiting",
}
_IN_FLIGHT: Final = (
    "{name} is being sent at this moment: if the server takes it, it is delivered and not deleted,"
    " and else it is deleted. `mem0tray show {name}` says what became of it."
)
_PERHAPS: Final = (
    "The server may have {name}: an attempt to send it failed in a way that leaves this open."
)


@arguments.command(
    "delete",
    {
        "mem0tray delete 04f96029": "asks first",
        "mem0tray delete -y 04f96029 5b1c": "does not ask",
        "mem0tray delete -p garden": "all of a project",
        "mem0tray delete --forget 04f96029": "for good: the text too",
    },
)
@click.argument("ids", nargs=-1, metavar="[ID]...", shell_complete=arguments.ids)
@arguments.project_option("All items of this project.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--forget", "for_good", is_flag=True, help="Erase the text everywhere, for good.")
@arguments.json_option("Print one JSON document; with --yes.")
def command(
    ids: tuple[str, ...], project: str | None, *, yes: bool, for_good: bool, as_json: bool
) -> int:
    """Back up, then delete dead letters or waiting entries, by id or the beginning of one.

    With --project alone it deletes all items of that project; with ids too, only those of them
    that belong to it. Exits with 1 if something was not deleted: it was delivered meanwhile, or
    is being sent just now, and will then be deleted only if the server does not take it.

    With --forget there is no backup, and the id may also be that of a memory delivered or
    deleted before, whose text other files may still hold.
    """
    if not ids and project is None:
        raise click.UsageError("Name ids, or give --project.")
    if as_json and not yes:
        raise click.UsageError("--json cannot ask: it goes with --yes.")
    settings = arguments.load_there()
    paths = settings.locations()
    with look_up.explained(paths):
        chosen, past = _chosen(settings, ids, project, for_good=for_good)
    if not yes and not _agreed([*chosen, *past], for_good=for_good):
        output.remark("Nothing was deleted.")
        return 1
    done = delete(paths, settings, chosen, for_good=for_good) if chosen else Deleted()
    erased = [*done.items, *done.delivered, *done.in_flight, *past]
    forgotten = forget(paths, settings, erased, heard=done.heard) if for_good else None
    if as_json:
        output.print_json(_document(done, past, forgotten))
    else:
        _print(done, past, forgotten)
    _warn_of_the_others(done)
    return 1 if done.delivered or done.in_flight or not erased else 0


def _chosen(
    settings: Settings, ids: tuple[str, ...], project: str | None, *, for_good: bool
) -> tuple[list[FoundItem], list[FoundItem]]:
    """Find the items that are meant; `for_good`: also those that no longer wait.

    Raises NotFoundError, also if an id is of another project.
    """
    past: list[FoundItem] = []
    left = list(ids)
    with waiting.opened(settings) as seen:
        gone = [name for name in ids if not seen.candidates([name])] if for_good else []
    for name in gone:
        over = [each for each in look_up.look_up(settings, name) if each.is_over]
        of_it = [each for each in over if project in (None, each.project)]
        if of_it:
            past += of_it
            left.remove(name)
    if past and not left:
        return [], past
    with waiting.opened(settings) as seen:
        if project is None:
            return seen.resolve(left), past
        found = seen.of_project(project)
    return resolve(left, found) if ids else found, past


def _document(done: Deleted, past: list[FoundItem], forgotten: Forgotten | None) -> dict[str, Any]:
    is_restorable = bool(done.items or done.in_flight) and forgotten is None
    lists = {
        "deleted": done.items,
        "gone": done.gone,
        "delivered": done.delivered,
        "being_sent": done.in_flight,
        "perhaps_delivered": done.perhaps,
    }
    erased = None
    if forgotten is not None:
        erased = {"erased": forgotten.erased, "not_erased": forgotten.unreachable}
    return {
        **{name: [each.named for each in found] for name, found in lists.items()},
        "no_longer_waiting": [{"id": each.id, "project_id": each.project or None} for each in past],
        "heard": done.heard,
        "backup": str(done.backup) if is_restorable else None,
        "forgotten": erased,
    }


def _agreed(chosen: list[FoundItem], *, for_good: bool) -> bool:
    """Show what would be deleted, and ask. Raises Mem0TrayError if nobody can answer."""
    for each in chosen[:_SHOWN]:
        date = text.clock(each.item.timestamp if each.item is not None else None)
        output.say(f"{each.project or '(no project)'}, {each.id}, {date}, {_KINDS[each.place]}")
        if each.item is not None:
            output.say_beside("  ", text.excerpt(each.item.content))
    if len(chosen) > _SHOWN:
        output.say(f"… and {len(chosen) - _SHOWN:,} more.")
    return output.consents(
        f"Delete {plural(len(chosen), 'item')}{' for good' if for_good else ''}?",
        "nothing was deleted.",
        "Use --yes to delete without asking.",
    )


def _print(done: Deleted, past: list[FoundItem], forgotten: Forgotten | None) -> None:
    deleted = f"Deleted {plural(len(done.items), 'item')}"
    if done.items and forgotten is None:
        output.say(f"{deleted}. Backup: {done.backup}")
        output.say(f"`mem0tray restore {done.backup.name}` puts back what is in it.")
    if forgotten is None:
        return
    if done.items:
        output.say(f"{deleted} for good, without a backup.")
    for each in past:
        output.say(f"{short_id(each.id)} no longer waited; its text is erased for good.")
    for place in forgotten.erased:
        output.say_beside("  erased from ", place)
    for place in forgotten.unreachable:
        output.say_beside("  not erased: ", place)


def _warn_of_the_others(done: Deleted) -> None:
    """Say on standard error what was not deleted as one might expect."""
    for found, words in (
        (done.gone, "{name} was no longer there."),
        (done.delivered, "{name} is not deleted: it was delivered meanwhile."),
        (done.in_flight, _IN_FLIGHT),
        (done.perhaps, _PERHAPS),
    ):
        for each in found:
            output.remark(words.format(name=short_id(each.id)))
    if not done.heard:
        output.remark(NOT_HEARD)
