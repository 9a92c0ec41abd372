"""`mem0tray edit`: the text of one memory in the user's editor."""

from pathlib import Path
from typing import Final

import click

from mem0tray.actions import look_up, verbs, waiting
from mem0tray.actions.look_up import Version
from mem0tray.actions.verbs import Changed, GoneError
from mem0tray.actions.waiting import FoundItem
from mem0tray.cli import arguments, context, output
from mem0tray.cli.command_help import Command
from mem0tray.cli.memory_words import NOT_HEARD
from mem0tray.cli.output import Style
from mem0tray.config.settings import Settings
from mem0tray.core.errors import Mem0TrayError, NotFoundError
from mem0tray.core.text import short_id
from mem0tray.files import atomic
from mem0tray.system import programs, regular_file
from mem0tray.system.programs import ends_in_order

_NOT_HERE: Final = {
    "delivered": "It is delivered: its text is on the server alone.",
    "deleted": "It is deleted: put it back first, `mem0tray restore --list` shows how.",
    "edited": "It is edited: `mem0tray restore --list` shows how to put the old text back.",
    "quarantine": "It is in quarantine: put it back first, `mem0tray restore --list` shows how.",
}

_NOTHING_CHANGED: Final = (
    "Nothing was changed. Is $VISUAL or $EDITOR an editor that waits until you are done?"
)


@click.command(
    "edit",
    cls=Command,
    examples={
        "mem0tray edit 04f96029": "in $VISUAL or $EDITOR",
        "EDITOR=nano mem0tray edit 04f96029": "in the editor of your choice",
        "EDITOR='cp new.txt' mem0tray edit 04f96029": "in a script: the text of that file",
    },
)
@click.argument("name", metavar="ID", shell_complete=arguments.ids)
def command(name: str) -> None:
    """Change the text of a waiting memory or dead letter in $VISUAL or $EDITOR.

    It stays the same memory, under the same id. The old text is kept: the command that puts
    it back is shown, also by `restore --list`. Nothing changes when the editor fails or
    nothing is saved.
    """
    settings = context.load_there()
    found = _editable(look_up.look_up(settings, name))
    with waiting.opened(settings) as seen:
        called = seen.handles([found])[found.id]
    text = found.item.content if found.item is not None else ""
    done = _edited(settings, text, found, called)
    if done is None:
        output.say(f"{short_id(found.id)} is unchanged.")
        return
    _tell(called, done, found.project)


def _editable(versions: list[Version]) -> FoundItem:
    """The one text that can be changed. Raises NotFoundError."""
    there = look_up.still_waiting(versions)
    if not there:
        raise NotFoundError(
            f"{short_id(versions[0].found.id)} cannot be edited.",
            _NOT_HERE[versions[0].place],
        )
    if len(there) > 1:
        raise NotFoundError(
            f"{short_id(there[0].id)} stands for {len(there)} texts.",
            "Delete those that are not meant, or edit the file by hand.",
        )
    return there[0]


def _edited(settings: Settings, text: str, found: FoundItem, called: str) -> Changed | None:
    """The result of the text in the editor; None if it is unchanged.

    Half a character goes through the editor as its bytes. `called` is the memory's name in a
    command.
    """
    paths = settings.locations()
    before = text.encode("utf-8", "surrogatepass")
    whole = before.endswith(b"\n")
    shown = before if whole or not before else before + b"\n"  # what editors expect
    file, new = None, None
    try:
        with ends_in_order(), verbs.opened(paths, found.id, shown) as file:
            programs.edit(file, if_failed=_NOTHING_CHANGED)
            after = _read(file)
            if not whole:
                after = after.removesuffix(b"\n").removesuffix(b"\r")
            if after in (before, shown):
                return None
            new = _decoded(after, found)
            if new.strip():  # the open text goes once the new one is in place
                return verbs.edit_text(paths, settings, found, new)
    except Mem0TrayError as error:
        if file is None or not file.exists():
            raise
        raise _with_text_kept(found, file, error, is_new=new is not None) from error
    except (KeyboardInterrupt, SystemExit):  # by a signal
        if file is not None and file.exists():
            _tell_ended(called, file, is_new=new is not None)
        raise
    raise Mem0TrayError(
        "The text is empty; nothing was changed.",
        f"To delete the memory: `mem0tray delete {called}`.",
    )


def _read(file: Path) -> bytes:
    try:
        return regular_file.read_bytes(file)
    except OSError as error:
        raise atomic.unavailable(file, error) from error


def _decoded(data: bytes, found: FoundItem) -> str:
    try:
        return data.decode("utf-8-sig", "surrogatepass")
    except UnicodeDecodeError as error:
        raise Mem0TrayError(
            f"What the editor saved for {short_id(found.id)} is not UTF-8; nothing was changed.",
            "Save it as UTF-8.",
        ) from error


def _tell_ended(called: str, kept: Path, *, is_new: bool) -> None:
    """Say where the text is; a late signal may have come after the change."""
    if is_new:
        what = f"`mem0tray show {called}` says whether the text was changed by then."
    else:
        what = "Nothing was changed."
    output.remark(f"{what} What the editor saved is in {kept}.")


def _with_text_kept(
    found: FoundItem, kept: Path, error: Mem0TrayError, *, is_new: bool
) -> Mem0TrayError:
    """The error, with the file that has the text; `is_new`: the editor's text can be used."""
    if not is_new:
        return Mem0TrayError(f"{error.message} What the editor saved is in {kept}.", error.remedy)
    remedy = "" if isinstance(error, GoneError) else error.remedy
    project, file = programs.quote(found.project or "P"), programs.quote(str(kept))
    add = f"mem0tray add --project {project} - < {file}"
    return Mem0TrayError(
        f"{error.message} Nothing was changed; your text is in {kept}.",
        remedy or f"To queue it: `{add}`.",
    )


def _tell(name: str, done: Changed, project: str) -> None:
    """Tell the outcome; `name` is the memory's name in a command."""
    output.say(f"Changed the text of {name}. The old one: {done.kept}")
    tell_old(name, done)
    if not project.strip():
        output.say(
            "It names no project, and so it is not sent:"
            f" `mem0tray diagnose {name}` says what to do."
        )
    elif done.is_dead:
        output.say(f"`mem0tray retry {name}` sends it now.")
    output.say(f"`mem0tray restore {done.kept.name}` puts the old text back.")


def tell_old(name: str, done: Changed) -> None:
    """Tell what the worker made of the old text, if that is not what one expects."""
    if done.delivered:
        output.say(
            "The old text had been sent already: the server has it, and gets the new one as"
            " another memory.",
            Style.WARNING,
        )
    elif done.in_flight:
        output.say(
            "The old text is being sent at this moment. The new one is sent after the answer; if"
            f" the server takes the old one, it has both. `mem0tray show {name}` says more.",
            Style.WARNING,
        )
    elif done.perhaps:
        output.say(
            "The server may have the old text: an attempt to send it failed in a way that leaves"
            " this open. It gets the new one in any case.",
            Style.WARNING,
        )
    if not done.heard:
        output.remark(NOT_HEARD)
