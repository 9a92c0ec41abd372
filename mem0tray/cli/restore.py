"""`mem0tray edit` and `mem0tray restore`: another text for a memory, and deleted ones put back."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import click

from mem0tray.actions import backups, look_up, verbs, waiting
from mem0tray.actions.backups import RestoreSource
from mem0tray.actions.one_writer import keep_in_step
from mem0tray.actions.verbs import Changed, Restored
from mem0tray.actions.waiting import FoundItem
from mem0tray.cli import arguments, output
from mem0tray.cli.output import Style
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core import text
from mem0tray.core.errors import Mem0TrayError, NotFoundError
from mem0tray.core.text import one_line, plural, short_id
from mem0tray.files import atomic, orders, private_folders
from mem0tray.system import programs, regular_file
from mem0tray.system.paths import Paths
from mem0tray.system.programs import ends_in_order

_NOTHING_CHANGED: Final = (
    "Nothing was changed. Is $VISUAL or $EDITOR an editor that waits until you are done?"
)
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

    It stays the same memory, under the same id. The old text is kept: the command that puts
    it back is shown, also by `restore --list`. Nothing changes when the editor fails or
    nothing is saved.
    """
    settings = arguments.load_there()
    found = _editable(look_up.look_up(settings, name))
    with waiting.opened(settings) as seen:
        called = seen.handles([found])[found.id]
    paths, before = settings.locations(), found.content or ""
    shown = before if before.endswith("\n") else f"{before}\n"  # what editors expect
    with ends_in_order(), _opened(paths, found, shown) as file:
        programs.edit(file, if_failed=_NOTHING_CHANGED)
        after = _read(file)
        new = after if before.endswith("\n") else after.removesuffix("\n").removesuffix("\r")
        if new == before or after == shown:
            output.say(f"{short_id(found.id)} is unchanged.")
            return
        if not new.strip():
            raise Mem0TrayError(
                "The text is empty; nothing was changed.",
                f"To delete the memory: `mem0tray delete {called}`.",
            )
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
        remedy = "The server alone has it now."
    raise NotFoundError(f"{name} cannot be edited: its text is {where}.", remedy)


@contextmanager
def _opened(paths: Paths, found: FoundItem, text: str) -> Iterator[Path]:
    """Put the text into a file (0600) for an editor, in a folder of its own that goes with it.

    When an error leads out, a text that was changed stays, and is named. Raises Mem0TrayError.
    """
    private_folders.make_private_folder(paths.edits)
    folder = Path(tempfile.mkdtemp(prefix="open-", dir=paths.edits))
    path = folder / f"{''.join(sign if sign.isalnum() else '_' for sign in found.id[:8])}.txt"
    data, is_kept = text.encode("utf-8", "surrogatepass"), False
    try:
        atomic.replace(path, data)
        yield path
    except BaseException as error:
        with suppress(OSError):
            is_kept = regular_file.read_bytes(path).strip() not in (data.strip(), b"")
        if is_kept and isinstance(error, Mem0TrayError):
            remedy = error.remedy
            if isinstance(error, NotFoundError):
                add = f"mem0tray add --project {programs.quote(found.project or 'P')} -"
                remedy = f"To queue it: `{add} < {programs.quote(str(path))}`."
            raise Mem0TrayError(f"{error.message} Your text is in {path}.", remedy) from error
        if is_kept:  # by a signal, perhaps after the change
            show = f"`mem0tray show {short_id(found.id)}` shows the memory's."
            output.remark(f"Your text is in {path}; {show}")
        raise
    finally:
        if not is_kept:
            shutil.rmtree(folder, ignore_errors=True)
            private_folders.drop_empty(paths.edits)


def _read(file: Path) -> str:
    try:
        return regular_file.read_bytes(file).decode("utf-8-sig", "surrogatepass")
    except OSError as error:
        raise atomic.unavailable(file, error) from error
    except UnicodeDecodeError as error:
        why = "What the editor saved is not UTF-8; nothing was changed."
        raise Mem0TrayError(why, "Save it as UTF-8.") from error


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
    if source.kind != backups.EDIT or not _undone(settings, source.pieces[0]):
        _print(source.name, verbs.restore(paths, settings, source))


def _undone(settings: Settings, old: FoundItem) -> bool:
    done = verbs.undo(settings, old)
    if done is None:
        return False
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
        pieces: Sequence[FoundItem] = getattr(done, became)
        if pieces:
            output.say_beside("  ", plural(len(pieces), *words))
    if not done.heard:
        output.remark(verbs.NOT_HEARD)
    if not (done.dead or done.fresh):
        output.say("`mem0tray restore --list` shows what else can be restored.")
