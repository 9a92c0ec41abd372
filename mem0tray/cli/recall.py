"""`mem0tray recall` and `search`: what the server has of a project, with what still waits here."""

from collections.abc import Callable
from typing import Any

import click

from mem0tray.cli import candidates, recall_fast
from mem0tray.cli.command_help import Command
from mem0tray.cli.fast_arguments import MOST_MEMORIES
from mem0tray.cli.values import whole_number

_Function = Callable[..., Any]

_project = click.option(
    "-p",
    "--project",
    metavar="P",
    shell_complete=candidates.projects,
    help="The project. Default: that of the folder, as for `add`.",
)
_json = click.option("-j", "--json", "as_json", is_flag=True, help="Print one JSON document.")


def _limit(default: int) -> Callable[[_Function], _Function]:
    return click.option(
        "-n",
        "--limit",
        callback=whole_number(1, MOST_MEMORIES),
        default=str(default),
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
@_limit(recall_fast.RECALLED)
@_json
def recall(*, project: str | None, limit: int, as_json: bool) -> None:
    """Show a project's memories on the server, the newest first.

    Memories that still wait here come before them, marked. Exits with 1 where the server does
    not answer, or cannot show memories: only what waits here is shown then.
    """
    recall_fast.run_recall(project, limit, as_json=as_json)


@click.command(
    "search",
    cls=Command,
    examples={
        "mem0tray search roses": "in this folder's project",
        'mem0tray search -p garden "water in the morning"': "",
    },
)
@_project
@_limit(recall_fast.SEARCHED)
@_json
@click.argument("words", nargs=-1, required=True, metavar="QUERY")
def search(words: tuple[str, ...], *, project: str | None, limit: int, as_json: bool) -> None:
    """Search a project's memories on the server, the best match first.

    The server searches by meaning or by words, as it can; the embedded one by words and their
    beginnings, ignoring case and accents. Memories that still wait here are searched by words,
    and come before the others, marked. Exit codes are those of `recall`.
    """
    recall_fast.run_search(project, " ".join(words), limit, as_json=as_json)
