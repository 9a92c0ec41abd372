"""`mem0tray delete`: back up, then delete."""

from typing import Any, Final

import click

from mem0tray.actions import look_up, waiting
from mem0tray.actions.forget import Forgotten, forget
from mem0tray.actions.verbs import Deleted, delete
from mem0tray.actions.waiting import FoundItem, resolve
from mem0tray.cli import arguments, context, interaction, memory_words, output
from mem0tray.cli.arguments import project_option
from mem0tray.cli.command_help import Command
from mem0tray.config.settings import Settings
from mem0tray.core import times
from mem0tray.core.text import plural, short_id

_SHOWN: Final = 20  # items shown of those to be deleted


@click.command(
    "delete",
    cls=Command,
    examples={
        "mem0tray delete 04f96029": "asks first",
        "mem0tray delete -y 04f96029 5b1c": "does not ask",
        "mem0tray delete -p garden": "all of a project",
        "mem0tray delete --forget 04f96029": "for good: the text too",
    },
)
@click.argument("ids", nargs=-1, metavar="[ID]...", shell_complete=arguments.ids)
@project_option("All items of this project.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--forget", "for_good", is_flag=True, help="Erase the text everywhere, for good.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print one JSON document; with --yes.")
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
    settings = context.load_there()
    paths = settings.locations()
    with memory_words.explained(paths):
        over = _over(settings, ids, project) if for_good else {}
        left = tuple(name for name in ids if name not in over)
        chosen = _chosen(settings, left, project) if left or not over else []
    past = [each for found in over.values() for each in found]
    if not yes and not _agreed(chosen, past, for_good=for_good):
        output.remark("Nothing was deleted.")
        return 1
    done = delete(paths, settings, chosen, for_good=for_good) if chosen else Deleted()
    erased = Deleted(items=[*done.items, *done.delivered, *done.in_flight, *past])
    forgotten = forget(paths, settings, erased) if for_good else None
    if as_json:
        output.print_json(_document(done, past, forgotten))
    elif forgotten is not None:
        _tell_forgotten(done, past, forgotten)
    else:
        _tell(done)
    _tell_not_deleted(done)
    return 1 if done.delivered or done.in_flight or not erased.items else 0


def _over(
    settings: Settings, ids: tuple[str, ...], project: str | None
) -> dict[str, list[FoundItem]]:
    """By name typed, the memories that no longer wait, where it names none that waits.

    Raises NotFoundError.
    """
    with waiting.opened(settings) as seen:
        gone = [name for name in ids if not seen.candidates([name])]
    found = {
        name: [each.found for each in look_up.look_up(settings, name) if each.is_over]
        for name in gone
    }
    return {
        name: of_it
        for name, those in found.items()
        if (of_it := [each for each in those if project in (None, each.project)])
    }


def _chosen(settings: Settings, ids: tuple[str, ...], project: str | None) -> list[FoundItem]:
    """The items meant. Raises NotFoundError, also if an id is of another project."""
    with waiting.opened(settings) as seen:
        if project is None:
            return seen.resolve(ids)
        of_it = seen.of_project(project)
    return resolve(ids, of_it) if ids else of_it


def _document(done: Deleted, past: list[FoundItem], forgotten: Forgotten | None) -> dict[str, Any]:
    is_restorable = done.items or done.in_flight
    return {
        "deleted": [_named(each) for each in done.items],
        "no_longer_waiting": [{"id": each.id, "project_id": each.project or None} for each in past],
        "gone": [_named(each) for each in done.gone],
        "delivered": [_named(each) for each in done.delivered],
        "being_sent": [_named(each) for each in done.in_flight],
        "perhaps_delivered": [_named(each) for each in done.perhaps],
        "heard": done.heard,
        "backup": str(done.backup) if is_restorable and forgotten is None else None,
        "forgotten": None
        if forgotten is None
        else {"erased": forgotten.erased, "not_erased": forgotten.unreachable},
    }


def _named(found: FoundItem) -> dict[str, Any]:
    return {
        "id": found.id,
        "project_id": found.project or None,
        "place": "dlq" if found.is_dead else "queue",
    }


def _agreed(chosen: list[FoundItem], past: list[FoundItem], *, for_good: bool) -> bool:
    """Show what would be deleted, and ask. Raises Mem0TrayError if nobody can answer."""
    number = len(chosen) + len(past)
    for each in [*chosen, *past][:_SHOWN]:
        date = times.clock(each.item.timestamp if each.item is not None else None)
        kind = "dead letter" if each.is_dead else "waiting entry"
        if each.place == look_up.LEDGER:
            kind = "no longer waiting"
        output.say(f"{each.project or '(no project)'}, {each.id}, {date}, {kind}")
        if each.item is not None:
            output.say_beside("  ", memory_words.excerpt(each.item.content))
    if number > _SHOWN:
        output.say(f"… and {number - _SHOWN:,} more.")
    return interaction.consents(
        f"Delete {plural(number, 'item')}{' for good' if for_good else ''}?",
        "nothing was deleted.",
        "Use --yes to delete without asking.",
    )


def _tell(done: Deleted) -> None:
    if done.items:
        output.say(f"Deleted {plural(len(done.items), 'item')}. Backup: {done.backup}")
        output.say(f"`mem0tray restore {done.backup.name}` puts back what is in it.")


def _tell_not_deleted(done: Deleted) -> None:
    """Tell on standard error what was not deleted as one might expect."""
    for each in done.gone:
        output.remark(f"{short_id(each.id)} was no longer there.")
    for each in done.delivered:
        output.remark(f"{short_id(each.id)} is not deleted: it was delivered meanwhile.")
    for each in done.in_flight:
        name = short_id(each.id)
        output.remark(
            f"{name} is being sent at this moment: if the server takes it, it is delivered and not"
            f" deleted, and else it is deleted. `mem0tray show {name}` says what became of it."
        )
    for each in done.perhaps:
        output.remark(
            f"The server may have {short_id(each.id)}: an attempt to send it failed in a way that"
            " leaves this open."
        )
    if not done.heard:
        output.remark(memory_words.NOT_HEARD)


def _tell_forgotten(done: Deleted, past: list[FoundItem], result: Forgotten) -> None:
    if done.items:
        output.say(f"Deleted {plural(len(done.items), 'item')} for good, without a backup.")
    for each in past:
        output.say(f"{short_id(each.id)} no longer waited; its text is erased for good.")
    for place in result.erased:
        output.say_beside("  erased from ", place)
    for place in result.unreachable:
        output.say_beside("  not erased: ", place)
