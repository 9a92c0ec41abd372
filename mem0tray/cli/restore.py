"""`mem0tray restore`: put deleted memories back."""

from collections.abc import Sequence
from typing import Any, Final

import click

from mem0tray.actions import backups, verbs, waiting
from mem0tray.actions.backups import Piece, RestoreSource
from mem0tray.actions.in_step import keep_in_step
from mem0tray.actions.verbs import Restored, restorable, restore
from mem0tray.cli import arguments, context, output
from mem0tray.cli.command_help import Command
from mem0tray.cli.edit_ import tell_old
from mem0tray.cli.memory_words import NOT_HEARD
from mem0tray.config.settings import Settings
from mem0tray.core import times
from mem0tray.core.errors import NotFoundError
from mem0tray.core.text import one_line, plural, short_id
from mem0tray.system.paths import Paths

_ROOM: Final = 55  # characters beside a name: time, number, and the beginning of what it is


@click.command(
    "restore",
    cls=Command,
    examples={
        "mem0tray restore": "what the last delete removed",
        "mem0tray restore --list": "everything that can be put back",
        "mem0tray restore --list --json": "the same for a program",
    },
)
@click.argument("backup", required=False, metavar="[BACKUP]", shell_complete=arguments.backups)
@click.option("-l", "--list", "as_list", is_flag=True, help="Show what can be restored.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print one JSON document; with --list.")
def command(backup: str | None, *, as_list: bool, as_json: bool) -> None:
    """Put back the items of BACKUP (a name from --list, or a file); else of the last delete.

    Items that are there already, or were delivered, are left as they are, and named: a second
    restore puts nothing back. --list names earlier deletions too.
    """
    if as_list and backup is not None:
        raise click.UsageError("--list shows everything; it does not go with BACKUP.")
    if as_json and not as_list:
        raise click.UsageError("--json goes with --list.")
    settings = context.load_there()
    paths = settings.locations()
    if as_list:
        keep_in_step(paths, settings)
        found = backups.sources(paths)
        wanted = restorable(settings, found)
        counts = [len(each) for each in wanted]
        if as_json:
            made = zip(found, counts, strict=True)
            output.print_json([_document(source, count) for source, count in made])
        else:
            _print_sources(found, counts)
            _print_sum(sum(counts), len(set().union(*wanted)))
        return
    keep_in_step(paths, settings)
    source = _source(paths, backup)
    if source.kind == backups.EDIT and _undone(settings, source):
        return
    _tell(source.name, restore(paths, settings, source))


def _source(paths: Paths, backup: str | None) -> RestoreSource:
    """The named source, else the last deletion. Raises NotFoundError if it is empty."""
    source = backups.last_delete(paths) if backup is None else backups.named(paths, backup)
    if not source.pieces:
        raise NotFoundError(
            f"There is no memory in {one_line(source.name, 200)}.",
            "`mem0tray restore --list` shows what can be restored.",
        )
    return source


def _undone(settings: Settings, source: RestoreSource) -> bool:
    """Give a memory that still waits the text from before an edit."""
    (old,) = waiting.listing([source.pieces[0].raw], source.pieces[0].place)
    done = verbs.undo(settings, old)
    if done is None:
        return False
    output.say(f"{short_id(old.id)} has the text again that it had before.")
    tell_old(short_id(old.id), done)
    output.say(f"`mem0tray restore {done.kept.name}` takes that back.")
    return True


def _document(source: RestoreSource, count: int) -> dict[str, Any]:
    """A source for --json: its name, its kind (see `restore_sources`), and its content.

    `restorable`: how many of its items would be put back. `time` in Unix seconds; no text of a
    memory.
    """
    return {
        "name": source.name,
        "kind": source.kind,
        "time": source.at,
        "note": source.note,
        "restorable": count,
        "items": [_item(piece) for piece in source.pieces],
    }


def _item(piece: Piece) -> dict[str, Any]:
    found = waiting.listing([piece.raw], piece.place)  # empty if it has not even an id
    return {
        "id": found[0].id if found else None,
        "project_id": (found[0].project if found else "") or None,
        "place": "dlq" if piece.place == waiting.DLQ_LIST else "queue",
    }


def _print_sources(found: Sequence[RestoreSource], counts: Sequence[int]) -> None:
    """Print a line for each source, with how many of its items would be put back."""
    if not found:
        output.say("There is nothing to restore.")
        return
    if _is_too_narrow(found):
        # No source is left out, and no name is cut, as people type it.
        for source, number in zip(found, counts, strict=True):
            output.say(source.name)
            count = plural(number, "item")
            output.say_beside("    ", f"{times.clock(source.at)}, {count}: {_what(source, number)}")
        return
    rows = [
        (source.name, times.clock(source.at), f"{number:,}", _what(source, number))
        for source, number in zip(found, counts, strict=True)
    ]
    output.print_table(("NAME", "TIME", "ITEMS", "WHAT"), rows, right={"ITEMS"}, cut={"WHAT"})


def _print_sum(counted: int, number: int) -> None:
    """How many memories all these are, where the counts of the lines say more."""
    if counted > number:
        said = (
            f"In all {plural(number, 'memory', 'memories')}: what stands in more than one of these"
        )
        output.say_beside("", f"{said} is put back once.")


def _is_too_narrow(found: Sequence[RestoreSource]) -> bool:
    """Whether there is too little room for one line each that says what it is."""
    longest = max(len(source.name) for source in found)
    room = output.width()
    return room is not None and room < longest + _ROOM


def _what(source: RestoreSource, number: int) -> str:
    if not source.pieces:
        return f"no memory in it ({source.note})"
    return source.note if number else f"nothing to put back ({source.note})"


def _tell(name: str, done: Restored) -> None:
    output.say(f"From {name}:")
    _line(done.dead, "dead letter restored", "dead letters restored")
    _line(done.fresh, "waiting entry restored", "waiting entries restored")
    _line(
        done.beside,
        "of these is another version of one that is there; both stay",
        "of these are other versions of ones that are there; both stay",
    )
    _line(done.there, "was there already", "were there already")
    _line(done.delivered, "is delivered already: not restored", "are delivered already")
    _line(
        done.hopeless,
        "cannot be loaded by any JSON program; it stays where it is",
        "cannot be loaded by any JSON program; they stay where they are",
    )
    if not done.heard:
        output.remark(NOT_HEARD)
    if not (done.dead or done.fresh):
        output.say("`mem0tray restore --list` shows what else can be restored.")


def _line(pieces: Sequence[Piece], one: str, many: str) -> None:
    if pieces:
        output.say_beside("  ", plural(len(pieces), one, many))
