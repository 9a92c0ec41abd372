"""`mem0tray recall`, `search` and `projects`: what the server has, with what still waits here."""

from collections.abc import Callable
from typing import Any, Final

import click

from mem0tray.actions import recall as reading
from mem0tray.actions.recall import KnownProjects, WasRead
from mem0tray.cli import arguments, output
from mem0tray.cli.arguments import project_meant, project_option
from mem0tray.cli.output import Style
from mem0tray.core import text
from mem0tray.core.errors import Mem0TrayError, UsageError
from mem0tray.core.text import lines, one_line

_MOST: Final = 1000  # memories that are shown at once
_NUMBERS: Final = ("ON THE SERVER", "WAITING", "DEAD LETTERS", "DELIVERED")

_project = project_option("The project. Default: that of the folder, as for `add`.")
_json = arguments.json_option()


def _limit(default: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(
        "-n",
        "--limit",
        type=click.IntRange(1, _MOST),
        default=default,
        metavar="N",
        help=f"At most this many of the server's, and as many that wait. Default: {default}.",
    )


@arguments.command(
    "recall",
    {
        "mem0tray recall": "of this folder's project",
        "mem0tray recall -p garden -n 5": "five of one project",
        "mem0tray recall -p garden --json": "for a program",
    },
)
@_project
@_limit(20)
@_json
def recall(*, project: str | None, limit: int, as_json: bool) -> None:
    """Show a project's memories on the server, the newest first.

    Memories that still wait here come before them, marked. Exits with 1 where the server does
    not answer, or cannot show memories: only what waits here is shown then.
    """
    settings = arguments.load()
    name = project_meant(project)
    with output.waiting():
        found = reading.recall(settings, name, limit)
    _show(name, found, "was found", as_json=as_json)


@arguments.command(
    "search",
    {
        "mem0tray search roses": "in this folder's project",
        'mem0tray search -p garden "water in the morning"': "",
    },
)
@_project
@_limit(10)
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
    with output.waiting():
        found = reading.search(settings, name, query, limit)
    _show(name, found, "matches that", as_json=as_json)


def _show(project: str, found: WasRead, verb: str, *, as_json: bool) -> None:
    """Print what was found, `verb` if that is nothing. Raises Mem0TrayError if it is not all."""
    shown = (*found.waiting, *found.there)
    if as_json:
        memories = [
            {
                "memory": each.text,
                "id": each.id or None,
                "created_at": each.created or None,
                "score": each.score,
                "state": each.state or "delivered",
            }
            for each in shown
        ]
        output.print_json(
            {
                "project_id": project,
                **_answer(found),
                "note": found.note or None,
                "memories": memories,
            }
        )
    else:
        for each in shown:  # the whole text, its further lines below its first
            style = Style.WARNING if each.state else Style.PLAIN
            state = f"{each.state}: " if each.state else ""
            first, *rest = lines(each.text).strip("\n").split("\n")
            output.write(f"{output.paint(f'{output.sign(style)} {state}', style)}{first}")
            for line in rest:
                output.write(f"  {line}".rstrip())
        if not (shown or found.trouble):
            output.say(f"Nothing of the project {one_line(project, 80)!r} {verb}.")
    if found.note:
        output.remark(found.note)
    _judge(found, "Shown is only what waits here.")


def _answer(found: WasRead | KnownProjects) -> dict[str, Any]:
    return {
        "destination": found.destination or None,
        "answered": not found.trouble,
        "reason": found.trouble or None,
    }


def _judge(found: WasRead | KnownProjects, rest: str) -> None:
    if found.trouble or found.unread:
        said = (found.trouble, rest if found.trouble else "", found.unread)
        raise Mem0TrayError(" ".join(filter(None, said)))


@arguments.command(
    "projects",
    {"mem0tray projects": "", "mem0tray projects --json": "for a program"},
)
@_json
def projects(*, as_json: bool) -> None:
    """List the projects, with how many memories of each there are.

    It counts memories on the server, where that can be asked; entries that wait here, and dead
    letters; and how many were delivered, to any server. Exits with 1 where the server does not
    answer: only what is known here is shown then.
    """
    settings = arguments.load()
    with output.waiting():
        found = reading.known_projects(settings)
    if as_json:
        counts = [
            {
                "project_id": each.project,
                "on_server": each.there,
                "waiting": each.fresh,
                "dead": each.dead,
                "delivered": each.delivered,
            }
            for each in found.projects
        ]
        output.print_json({**_answer(found), "complete": found.whole, "projects": counts})
    else:
        _print_projects(found)
    _judge(found, "Shown is only what is known here.")


def _print_projects(found: KnownProjects) -> None:
    if found.projects:
        rows = [
            (
                each.project,
                text.NEVER if each.there is None else f"{each.there:,}",
                *(f"{number:,}" for number in (each.fresh, each.dead, each.delivered)),
            )
            for each in found.projects
        ]
        output.print_table(("PROJECT", *_NUMBERS), rows, right=_NUMBERS)
    elif not (found.trouble or found.unread):
        output.say("No project is known.")
    if not (found.whole or found.trouble):
        output.remark("The server does not name all of its projects.")
