"""`mem0tray delete`: back up, then delete."""

from typing import Any, Final

import click

from mem0tray.actions.delete import Deleted, delete
from mem0tray.actions.find import FoundItem, everything, resolve
from mem0tray.actions.forget import Forgotten, forget
from mem0tray.cli import candidates, context, no_longer_waiting, output
from mem0tray.cli.command_help import Command
from mem0tray.core.errors import Mem0TrayError, NotFoundError
from mem0tray.core.text import one_line, plural, short_id

_SHOWN: Final = 20  # of what is to be deleted


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
@click.argument("ids", nargs=-1, metavar="[ID]...", shell_complete=candidates.ids)
@click.option(
    "-p",
    "--project",
    metavar="P",
    help="All of this project.",
    shell_complete=candidates.projects,
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--forget", "for_good", is_flag=True, help="Erase the text everywhere, for good.")
@click.option("-j", "--json", "as_json", is_flag=True, help="As one JSON document; with --yes.")
def command(
    ids: tuple[str, ...], project: str | None, *, yes: bool, for_good: bool, as_json: bool
) -> int:
    """Back up, then delete dead letters or waiting entries, by id or the beginning of one.

    With --project alone all of that project, with ids only those of them that are of it.
    """
    if not ids and project is None:
        raise click.UsageError("Name ids, or give --project.")
    if as_json and not yes:
        raise click.UsageError("--json cannot ask: it goes with --yes.")
    settings = context.load_there()
    paths = settings.locations()
    with no_longer_waiting.explained(paths):
        chosen = _chosen(everything(paths), ids, project)
    if not yes and not _agreed(chosen, for_good=for_good):
        output.remark("Nothing was deleted.")
        return 1
    done = delete(paths, chosen, for_good=for_good)
    forgotten = forget(paths, settings, done) if for_good else None
    if as_json:
        output.print_json(_document(done, forgotten))
        if not done.items:
            raise Mem0TrayError("Nothing was there any more: delivered meanwhile, most likely.")
    elif forgotten is not None:
        _tell_forgotten(done, forgotten)
    else:
        _tell(done)
    return 0 if done.items else 1


def _chosen(there: list[FoundItem], ids: tuple[str, ...], project: str | None) -> list[FoundItem]:
    """What is meant. Raises NotFoundError, also where an id is of another project."""
    if project is None:
        return resolve(ids, there)
    of_it = [each for each in there if each.project == project]
    if not of_it:
        raise NotFoundError(
            f"Nothing of the project {one_line(project, 80)!r} waits.",
            "`mem0tray stats` shows the projects.",
        )
    return resolve(ids, of_it) if ids else of_it


def _document(done: Deleted, forgotten: Forgotten | None) -> dict[str, Any]:
    return {
        "deleted": [_named(each) for each in done.items],
        "gone": [_named(each) for each in done.gone],
        "backup": str(done.backup) if done.items and forgotten is None else None,
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


def _agreed(chosen: list[FoundItem], *, for_good: bool) -> bool:
    """Show what would go, and ask. Raises Mem0TrayError where nobody can answer."""
    for each in chosen[:_SHOWN]:
        date = output.clock(each.item.timestamp if each.item is not None else None)
        kind = "dead letter" if each.is_dead else "waiting entry"
        output.say(f"{each.project or '(no project)'}, {each.id}, {date}, {kind}")
        if each.item is not None:
            output.say_beside("  ", output.excerpt(each.item.content))
    if len(chosen) > _SHOWN:
        output.say(f"… and {len(chosen) - _SHOWN:,} more.")
    return output.agreed(
        f"Delete {plural(len(chosen), 'item')}{' for good' if for_good else ''}?",
        "nothing was deleted.",
        "Use --yes to delete without asking.",
    )


def _tell(done: Deleted) -> None:
    _tell_gone(done)
    if done.items:
        output.say(f"Deleted {plural(len(done.items), 'item')}. Backup: {done.backup}")
        output.say(f"`mem0tray restore {done.backup.name}` puts back what is in it.")


def _tell_gone(done: Deleted) -> None:
    for each in done.gone:
        output.say(f"{short_id(each.id)} was no longer there: delivered meanwhile, most likely.")


def _tell_forgotten(done: Deleted, result: Forgotten) -> None:
    _tell_gone(done)
    output.say(f"Deleted {plural(len(done.items), 'item')} for good, without a backup.")
    for place in result.erased:
        output.say_beside("  erased from ", place)
    for place in result.unreachable:
        output.say_beside("  not erased: ", place)
