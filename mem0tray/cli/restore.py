"""`mem0tray edit` and `mem0tray restore`: another text for a memory, and deleted ones put back."""

from typing import Any, Final

import click

from mem0tray.actions import backups, look_up, server_memories, verbs, waiting
from mem0tray.actions.backups import RestoreSource
from mem0tray.actions.one_writer import keep_in_step
from mem0tray.actions.server_memories import Corrected
from mem0tray.actions.verbs import Changed, Restored
from mem0tray.actions.waiting import FoundItem
from mem0tray.cli import arguments, output
from mem0tray.cli.editor import rewritten
from mem0tray.cli.output import Style
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core import text
from mem0tray.core.errors import NotFoundError
from mem0tray.core.text import one_line, plural, short_id
from mem0tray.files import orders
from mem0tray.server.model import ServerMemory
from mem0tray.system import programs

_OLD_TEXT: Final = {
    orders.DELIVERED: "The old text had been sent already: the server has it, and gets both.",
    orders.IN_FLIGHT: (
        "The old text is being sent at this moment. The new one is sent after the answer; if the"
        " server takes the old one, it has both: `mem0tray show {name}` says more."
    ),
    orders.PERHAPS: (
        "The server may have the old text: an attempt to send it failed in a way that leaves this"
        " open. It gets the new one in any case."
    ),
}
_BECAME: Final = {
    "dead": ("dead letter restored", "dead letters restored"),
    "fresh": ("waiting entry restored", "waiting entries restored"),
    "there": ("was there already", "were there already"),
    "delivered": ("is delivered already", "are delivered already"),
    "hopeless": ("kept, as no JSON program can load it", "kept, as no JSON program can load them"),
}


@arguments.command(
    "edit",
    {
        "mem0tray edit 04f96029": "in $VISUAL or $EDITOR",
        "EDITOR=nano mem0tray edit 04f96029": "in the editor of your choice",
        "EDITOR='cp new.txt' mem0tray edit 04f96029": "in a script: the text of that file",
    },
)
@click.argument("name", metavar="ID", shell_complete=arguments.ids)
def edit(name: str) -> None:
    """Change the text of a waiting memory or dead letter in $VISUAL or $EDITOR.

    It stays the same memory, under the same id. With the id that `recall --ids` shows it corrects
    a memory on the server, if that can delete single ones: the new text is sent, and the old one
    deleted there. The old text is kept: the command that puts it back is shown, also by
    `restore --list`. Nothing changes when the editor fails or nothing is saved.
    """
    settings = arguments.load_there()
    found = server_memories.sought(settings, [name])
    if found.there:
        _correct(settings, found.there[0])
    else:
        _edit(settings, _editable(look_up.look_up(settings, name)))


def _correct(settings: Settings, there: ServerMemory) -> None:
    paths, called = settings.locations(), programs.quote(one_line(there.id, 80))
    with rewritten(paths, there.id, there.project, there.text, called) as new:
        if new is not None:
            done = server_memories.correct(settings, there, new)
            _print_corrected(done, "puts the old text back")


def _print_corrected(done: Corrected, what: str) -> None:
    output.say(f"The text waits to be delivered, as {one_line(done.id, 80)}.")
    if not done.removed.perhaps:
        output.say(f"The server has deleted the one before, which is kept here: {done.kept}")
    output.say(f"`mem0tray restore {done.kept.name}` {what}.")
    if done.removed.trouble is not None:
        raise done.removed.trouble


def _edit(settings: Settings, found: FoundItem) -> None:
    with waiting.opened(settings) as seen:
        called = seen.handles([found])[found.id]
    paths = settings.locations()
    with rewritten(paths, found.id, found.project, found.content or "", called) as new:
        if new is None:
            return
        done = verbs.edit_text(paths, settings, found, new)
    output.say(f"Changed the text of {called}. The old one: {done.kept}")
    _print_old(called, done)
    if not found.project.strip():
        output.say(
            "It names no project, and so it is not sent:"
            f" `mem0tray diagnose {called}` says what to do."
        )
    elif found.is_dead:
        output.say(f"`mem0tray retry {called}` sends it now.")
    output.say(f"`mem0tray restore {done.kept.name}` puts the old text back.")


def _editable(versions: list[FoundItem]) -> FoundItem:
    there = [each for each in versions if each.waits]
    if len(there) == 1:
        return there[0]
    name, where = short_id(versions[0].id), versions[0].where
    if there:
        remedy = "Delete those that are not meant, or edit the file by hand."
        raise NotFoundError(f"{name} stands for {len(there)} texts.", remedy)
    remedy = "`mem0tray restore --list` shows what can be put back."
    if where == items.DELIVERED:
        remedy = "The server alone has it now: `mem0tray recall --ids` shows its id there."
    raise NotFoundError(f"{name} cannot be edited: its text is {where}.", remedy)


def _print_old(name: str, done: Changed) -> None:
    if done.outcome in _OLD_TEXT:
        output.say(_OLD_TEXT[done.outcome].format(name=name), Style.WARNING)
    if not done.heard:
        output.remark(verbs.NOT_HEARD)


@arguments.command(
    "restore",
    {
        "mem0tray restore": "what the last delete removed",
        "mem0tray restore --list": "everything that can be put back",
        "mem0tray restore --list --json": "the same for a program",
    },
)
@click.argument("backup", required=False, metavar="[BACKUP]")
@click.option("-l", "--list", "as_list", is_flag=True, help="Show what can be restored.")
@arguments.json_option("Print one JSON document; with --list.")
def command(backup: str | None, *, as_list: bool, as_json: bool) -> None:
    """Put back the items of BACKUP (a name from --list, or a file); else of the last delete.

    Items that are there already, or were delivered, are left as they are, and named: a second
    restore puts nothing back. --list names earlier deletions too.
    """
    if as_list and backup is not None:
        raise click.UsageError("--list shows everything; it does not go with BACKUP.")
    if as_json and not as_list:
        raise click.UsageError("--json goes with --list.")
    settings = arguments.load_there()
    paths = settings.locations()
    keep_in_step(paths, settings)
    if as_list:
        _list(settings, as_json=as_json)
        return
    source = backups.last_delete(paths) if backup is None else backups.named(paths, backup)
    if not source.pieces:
        raise NotFoundError(
            f"There is no memory in {one_line(source.name, 200)}.",
            "`mem0tray restore --list` shows what can be restored.",
        )
    if source.kind != backups.EDIT or not _undone(settings, source):
        _print(source.name, verbs.restore(paths, settings, source))


def _undone(settings: Settings, edit: RestoreSource) -> bool:
    done, old = verbs.undo(settings, edit), edit.pieces[0]
    if done is None:
        corrected = server_memories.undo(settings, old)
        if corrected is not None:
            _print_corrected(corrected, "takes that back")
        return corrected is not None
    output.say(f"{short_id(old.id)} has the text again that it had before.")
    _print_old(short_id(old.id), done)
    output.say(f"`mem0tray restore {done.kept.name}` takes that back.")
    return True


def _list(settings: Settings, *, as_json: bool) -> None:
    found = backups.sources(settings.locations())
    counts = verbs.restorable(settings, found)
    told = [_document(source, count) for source, count in zip(found, counts, strict=True)]
    if as_json:
        output.print_json(told)
        return
    for each in told:
        number, note = each["restorable"], each["note"]
        if not number:
            note = f"{'nothing to put back' if each['items'] else 'no memory in it'} ({note})"
        output.say(each["name"])
        output.say_beside("    ", f"{text.clock(each['time'])}, {plural(number, 'item')}: {note}")
    if not told:
        output.say("There is nothing to restore.")


def _document(source: RestoreSource, count: int) -> dict[str, Any]:
    """Make the document of a source, without the text of any memory; `time` in Unix seconds."""
    return {
        "name": source.name,
        "kind": source.kind,
        "time": source.at,
        "note": source.note,
        "restorable": count,
        "items": [each.named for each in source.pieces],
    }


def _print(name: str, done: Restored) -> None:
    output.say(f"From {name}:")
    for became, words in _BECAME.items():
        pieces: list[FoundItem] = getattr(done, became)
        if pieces:
            output.say_beside("  ", plural(len(pieces), *words))
    if not done.heard:
        output.remark(verbs.NOT_HEARD)
    if not (done.dead or done.fresh):
        output.say("`mem0tray restore --list` shows what else can be restored.")
