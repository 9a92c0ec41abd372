"""`mem0tray recall` and `search`: what the server has of a project, with what still waits here."""

from collections.abc import Callable
from typing import Any, Final

import click

from mem0tray.actions import read_back
from mem0tray.actions.read_back import KnownMemory, WasRead
from mem0tray.cli import candidates, context, output, producing
from mem0tray.cli.command_help import Command
from mem0tray.cli.context import UsageError
from mem0tray.cli.output import Style
from mem0tray.cli.progress import waiting
from mem0tray.cli.values import whole_number
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.text import lines, one_line

_RECALLED: Final = 20
_SEARCHED: Final = 10
_MOST: Final = 1000
_INDENT: Final = "  "
_Function = Callable[..., Any]

_project = click.option(
    "-p",
    "--project",
    metavar="P",
    shell_complete=candidates.projects,
    help="Of this project. Default: that of the folder, as for `add`.",
)
_json = click.option("-j", "--json", "as_json", is_flag=True, help="As one JSON document.")


def _limit(default: int) -> Callable[[_Function], _Function]:
    return click.option(
        "-n",
        "--limit",
        callback=whole_number(1, _MOST),
        default=str(default),
        metavar="N",
        help=f"So many of the server's at most, and as many that wait. Default: {default}.",
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
    """Show what the server has of a project, the newest first.

    What still waits here stands before it, marked. Exits with 1 where the server does not
    answer, or shows no memories: then what waits is all.
    """
    settings = context.load()
    name = producing.project_meant(project)
    with waiting():
        found = read_back.recall(settings, name, limit)
    _tell(name, found, as_json=as_json)


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
    """Search what the server has of a project, the best first.

    The server searches by meaning or by words, as it can; the embedded one by words and their
    beginnings, whatever their case and accents. What still waits here is searched by words, and
    stands before it, marked. Exits as `recall`.
    """
    settings = context.load()
    name = producing.project_meant(project)
    query = " ".join(words)
    if not query.strip():
        raise UsageError("There is nothing to search for.", "Give a word or more.")
    with waiting():
        found = read_back.search(settings, name, query, limit)
    _tell(name, found, as_json=as_json)


def _tell(project: str, found: WasRead, *, as_json: bool) -> None:
    """Print what was found. Raises Mem0TrayError where that is not all."""
    if as_json:
        output.print_json(_document(project, found))
    else:
        _print(project, found)
    if found.trouble or found.unread:
        rest = "Shown is only what waits here." if found.trouble else ""
        raise Mem0TrayError(" ".join(filter(None, (found.trouble, rest, found.unread))))


def _print(project: str, found: WasRead) -> None:
    for each in (*found.waiting, *found.there):
        _print_memory(each)
    if not (found.waiting or found.there or found.trouble):
        output.say(f"Nothing of the project {one_line(project, 80)!r} was found.")


def _print_memory(memory: KnownMemory) -> None:
    """The whole text, its further lines below its first."""
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
