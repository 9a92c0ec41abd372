"""`mem0tray delete`: back up, then delete."""

import sys

import click

from mem0tray.actions.delete import Deleted, delete
from mem0tray.actions.find import Found, everything, resolve
from mem0tray.actions.forget import Forgotten, forget
from mem0tray.cli import candidates, context, output
from mem0tray.cli.command_help import Command
from mem0tray.errors import Mem0TrayError
from mem0tray.text import plural, short_id


@click.command(
    "delete",
    cls=Command,
    examples={
        "mem0tray delete 04f96029": "asks first",
        "mem0tray delete -y 04f96029 5b1c": "does not ask",
        "mem0tray delete --forget 04f96029": "for good: the text too",
    },
)
@click.argument("ids", nargs=-1, required=True, metavar="ID...", shell_complete=candidates.ids)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--forget", "for_good", is_flag=True, help="Erase the text everywhere, for good.")
def command(ids: tuple[str, ...], *, yes: bool, for_good: bool) -> int:
    """Back up, then delete dead letters or waiting entries, by id or the beginning of one."""
    settings = context.load_there()
    paths = settings.locations()
    chosen = resolve(ids, everything(paths))
    if not yes and not _agreed(chosen, for_good=for_good):
        output.say("mem0tray: nothing was deleted.", error=True)
        return 1
    done = delete(paths, chosen, for_good=for_good)
    if for_good:
        _tell_forgotten(done, forget(paths, settings, done))
    else:
        _tell(done)
    return 0 if done.items else 1


def _agreed(chosen: list[Found], *, for_good: bool) -> bool:
    """Show what would go, and ask. Raises Mem0TrayError where nobody can answer."""
    for each in chosen:
        date = output.clock(each.item.timestamp if each.item is not None else None)
        kind = "dead letter" if each.is_dead else "waiting entry"
        output.say(f"{each.project or '(no project)'}, {each.id}, {date}, {kind}")
        if each.item is not None:
            output.say_beside("  ", output.excerpt(each.item.content))
    ask = f"Delete {plural(len(chosen), 'item')}{' for good' if for_good else ''}? [y/N] "
    click.echo(ask, nl=False)
    answer = sys.stdin.readline()
    if not answer:
        click.echo()
        raise Mem0TrayError(
            "Nobody is there to answer; nothing was deleted.", "Use --yes to delete without asking."
        )
    return answer.strip().lower() in ("y", "yes")


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
