"""`mem0tray recall`, `search` and `projects`: what the server has, with what still waits here."""

from collections.abc import Callable
from typing import Any, Final

import click

from mem0tray.actions import recall as reading
from mem0tray.actions.recall import KnownMemory, KnownProjects, WasRead
from mem0tray.cli import arguments, interaction, output
from mem0tray.cli.arguments import project_meant, project_option
from mem0tray.cli.command_help import Command, UsageError
from mem0tray.cli.interaction import waiting
from mem0tray.cli.output import Style
from mem0tray.core import text
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.text import lines, one_line

_MOST: Final = 1000  # memories that are shown at once
_RECALLED: Final = 20  # memories, unless a limit is given
_SEARCHED: Final = 10
_INDENT: Final = "  "

_Function = Callable[..., Any]

_project = project_option("The project. Default: that of the folder, as for `add`.")
_json = click.option("-j", "--json", "as_json", is_flag=True, help="Print one JSON document.")


def _limit(default: int) -> Callable[[_Function], _Function]:
    return click.option(
        "-n",
        "--limit",
        type=click.IntRange(1, _MOST),
        default=default,
        metavar="N",
        help=f"At most this many of the server's, and as many that wait. Default: {default}.",
    )


@click.command(
    "recall",
    cls=Command,
    examples={
        "mem0tray recall": "of this folder's project",
        "mem0tray recall -p garden -n 5": "five of one project",
        "mem0tray recall -p garden --json": "for a program",
    },
)
@_project
@_limit(_RECALLED)
@_json
def recall(*, project: str | None, limit: int, as_json: bool) -> None:
    """Show a project's memories on the server, the newest first.

    Memories that still wait here come before them, marked. Exits with 1 where the server does
    not answer, or cannot show memories: only what waits here is shown then.
    """
    settings = arguments.load()
    name = project_meant(project)
    with waiting():
        found = reading.recall(settings, name, limit)
    _show(name, found, "was found", as_json=as_json)


@click.command(
    "search",
    cls=Command,
    examples={
        "mem0tray search roses": "in this folder's project",
        'mem0tray search -p garden "water in the morning"': "",
    },
)
@_project
@_limit(_SEARCHED)
@_json
@click.argument("words", nargs=-1, required=True, metavar="QUERY")
def search(words: tuple[str, ...], *, project: str | None, limit: int, as_json: bool) -> None:
    """Search a project's memories on the server, the best match first.

    The server searches by meaning or by words, as it can; the embedded one by words and their
    beginnings, ignoring case and accents. Memories that still wait here are searched by words,
    and come before the others, marked. Exit codes are those of `recall`.
    """
    settings = arguments.load()
    name = project_meant(project)
    query = " ".join(words)
    if not query.strip():
        raise UsageError("There is nothing to search for.", "Give a word or more.")
    with waiting():
        found = reading.search(settings, name, query, limit)
    _show(name, found, "matches that", as_json=as_json)


def _show(project: str, found: WasRead, verb: str, *, as_json: bool) -> None:
    """Print what was found, `verb` if that is nothing. Raises Mem0TrayError if it is not all."""
    if as_json:
        output.print_json(_document(project, found))
    else:
        _print(project, found, verb)
    if found.note:
        output.remark(found.note)
    if found.trouble or found.unread:
        rest = "Shown is only what waits here." if found.trouble else ""
        raise Mem0TrayError(" ".join(filter(None, (found.trouble, rest, found.unread))))


def _print(project: str, found: WasRead, verb: str) -> None:
    for each in (*found.waiting, *found.there):
        _print_memory(each)
    if not (found.waiting or found.there or found.trouble):
        output.say(f"Nothing of the project {one_line(project, 80)!r} {verb}.")


def _print_memory(memory: KnownMemory) -> None:
    """Print the whole text, its further lines below its first."""
    style = Style.WARNING if memory.state else Style.PLAIN
    mark = f"{memory.state}: " if memory.state else ""
    first, *rest = lines(memory.text).strip("\n").split("\n")
    output.write(f"{output.paint(f'{output.sign(style)} {mark}', style)}{first}")
    for line in rest:
        output.write(f"{_INDENT}{line}".rstrip())


def _document(project: str, found: WasRead) -> dict[str, Any]:
    return {
        "project_id": project,
        "destination": found.destination or None,
        "answered": not found.trouble,
        "reason": found.trouble or None,
        "note": found.note or None,
        "memories": [
            {
                "memory": each.text,
                "id": each.id or None,
                "created_at": each.created or None,
                "score": each.score,
                "state": each.state or "delivered",
            }
            for each in (*found.waiting, *found.there)
        ],
    }


_NUMBERS: Final = ("ON THE SERVER", "WAITING", "DEAD LETTERS", "DELIVERED")


@click.command(
    "projects",
    cls=Command,
    examples={"mem0tray projects": "", "mem0tray projects --json": "for a program"},
)
@click.option("-j", "--json", "as_json", is_flag=True, help="Print one JSON document.")
def projects(*, as_json: bool) -> None:
    """List the projects, with how many memories of each there are.

    It counts memories on the server, where that can be asked; entries that wait here, and dead
    letters; and how many were delivered, to any server. Exits with 1 where the server does not
    answer: only what is known here is shown then.
    """
    settings = arguments.load()
    with interaction.waiting():
        found = reading.known_projects(settings)
    if as_json:
        output.print_json(_projects_document(found))
    else:
        _print_projects(found)
    if found.trouble or found.unread:
        rest = "Shown is only what is known here." if found.trouble else ""
        raise Mem0TrayError(" ".join(filter(None, (found.trouble, rest, found.unread))))


def _print_projects(found: KnownProjects) -> None:
    if found.projects:
        rows = [
            (
                name,
                text.NEVER if there is None else f"{there:,}",
                f"{fresh:,}",
                f"{dead:,}",
                f"{delivered:,}",
            )
            for name, fresh, dead, delivered, there in found.projects
        ]
        output.print_table(("PROJECT", *_NUMBERS), rows, right=_NUMBERS)
    elif not (found.trouble or found.unread):
        output.say("No project is known.")
    if not (found.whole or found.trouble):
        output.remark("The server does not name all of its projects.")


def _projects_document(found: KnownProjects) -> dict[str, Any]:
    return {
        "destination": found.destination or None,
        "answered": not found.trouble,
        "reason": found.trouble or None,
        "complete": found.whole,
        "projects": [
            {
                "project_id": each.project,
                "on_server": each.there,
                "waiting": each.fresh,
                "dead": each.dead,
                "delivered": each.delivered,
            }
            for each in found.projects
        ],
    }
