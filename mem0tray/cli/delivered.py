"""`mem0tray delete` and `edit` of memories that the server has."""

from collections.abc import Iterable, Sequence
from typing import Any

from mem0tray.actions import delivered, look_up, verbs, waiting
from mem0tray.actions.delivered import CannotDeleteError, Corrected, Removed
from mem0tray.actions.waiting import FoundItem
from mem0tray.cli import output
from mem0tray.cli.editor import rewritten
from mem0tray.config.server_choice import chosen_server, in_sentence
from mem0tray.config.settings import Settings
from mem0tray.core import text
from mem0tray.core.errors import Mem0TrayError, NotFoundError, UnknownIdError
from mem0tray.core.text import one_line, plural
from mem0tray.ledger.reader import Reader
from mem0tray.server.model import ServerMemory
from mem0tray.system import programs


def meant(
    settings: Settings, names: Sequence[str], project: str | None = None
) -> list[ServerMemory]:
    """Find what the server has under whole numbers that no memory here has as its whole id.

    The embedded server's ids are such numbers, and any may be the beginning of an id here.
    """
    with waiting.opened(settings) as seen:
        exact = {each.id for each in seen.candidates(names)}
    if not all(name.isdecimal() and name not in exact for name in names):
        return []
    try:
        return delivered.find(settings, names, project)
    except Mem0TrayError:
        return []


def sought(
    settings: Settings, names: Sequence[str], project: str | None, unknown: NotFoundError
) -> list[ServerMemory]:
    """Find on the server what does not wait here, as `unknown` says, which is raised otherwise."""
    with waiting.opened(settings) as seen:
        here = seen.candidates(names)
    if here and not isinstance(unknown, UnknownIdError):
        raise unknown
    with Reader(settings.locations().ledger) as reader:
        is_known = any(look_up.no_longer_waiting(reader, name) for name in names)
    if is_known or not chosen_server(settings, settings.locations()).name:
        raise unknown
    try:
        with output.waiting():
            found = delivered.find(settings, names, project)
    except UnknownIdError:
        raise unknown from None
    except (NotFoundError, CannotDeleteError):
        raise
    except Mem0TrayError as error:
        raise Mem0TrayError(f"{unknown.message} {error.message}", error.remedy) from error
    if here:
        raise NotFoundError(
            "Some of these memories wait here, and some are on the server.",
            "Delete the ones and the others with a command each.",
        )
    return found


def delete(settings: Settings, found: Sequence[ServerMemory], *, yes: bool, as_json: bool) -> int:
    """Delete memories on the server, after a question; return the exit code."""
    shown = chosen_server(settings, settings.locations()).shown
    if not yes:
        _show(found)
        number = plural(len(found), "memory", "memories")
        output.confirm(f"Delete {number} on the server ({shown})? A copy is kept here.")
    with output.waiting():
        done = delivered.delete(settings, found)
    if as_json:
        output.print_json(_document(done))
    elif done.deleted:
        number = plural(len(done.deleted), "memory", "memories")
        output.say(f"Deleted {number} on the server. Backup: {done.backup}")
        output.say(f"`mem0tray restore {done.backup.name}` sends again what is in it.")
    _warn(done)
    done.check(shown)
    return 0


def edit(settings: Settings, found: ServerMemory) -> None:
    """Correct a memory on the server with the text that an editor gives."""
    called = programs.quote(one_line(found.id, 80))
    with rewritten(settings.locations(), found.id, found.project, found.text, called) as new:
        if new is None:
            return
        with output.waiting():
            done = delivered.correct(settings, found, new)
    _print_corrected(settings, done)
    output.say(f"`mem0tray restore {done.kept.name}` puts the old text back.")
    done.removed.check(chosen_server(settings, settings.locations()).shown)


def undone(settings: Settings, old: FoundItem) -> bool:
    """Correct a memory on the server back to its old text; return whether it has another."""
    with output.waiting():
        done = delivered.undo(settings, old)
    if done is None:
        return False
    _print_corrected(settings, done)
    output.say(f"`mem0tray restore {done.kept.name}` takes that back.")
    return True


def _print_corrected(settings: Settings, done: Corrected) -> None:
    output.say(f"The text waits to be delivered, as {one_line(done.id, 80)}.")
    if done.removed.deleted:
        shown = in_sentence(chosen_server(settings, settings.locations()).shown, first=True)
        output.say(f"{shown} has deleted the one before, which is kept here: {done.kept}")
    _warn(done.removed)


def _warn(done: Removed) -> None:
    if not done.heard:
        output.remark(verbs.NOT_HEARD)


def _show(found: Iterable[ServerMemory]) -> None:
    for each in found:
        date = text.clock(each.moment)
        output.say(f"{each.project or '(no project)'}, {each.id}, {date}, on the server")
        output.say_beside("  ", text.excerpt(each.text))


def _document(done: Removed) -> dict[str, Any]:
    def named(found: Iterable[ServerMemory]) -> list[dict[str, str | None]]:
        return [
            {"id": each.id, "project_id": each.project or None, "place": "server"} for each in found
        ]

    kept = bool(done.deleted or done.doubtful)
    return {
        "deleted": named(done.deleted),
        "gone": [],
        "delivered": named(each for each, _ in done.refused),
        "being_sent": [],
        "perhaps_delivered": named(each for each, _ in done.doubtful),
        "no_longer_waiting": [],
        "heard": done.heard,
        "backup": str(done.backup) if kept else None,
        "forgotten": None,
    }
