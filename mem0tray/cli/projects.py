"""`mem0tray projects`: the projects that are known here, and those that the server has."""

from typing import Any, Final

import click

from mem0tray.actions import projects
from mem0tray.actions.projects import KnownProjects
from mem0tray.cli import context, interaction, output
from mem0tray.cli.command_help import Command
from mem0tray.core import times
from mem0tray.core.errors import Mem0TrayError

_NUMBERS: Final = ("ON THE SERVER", "WAITING", "DEAD LETTERS", "DELIVERED")


@click.command(
    "projects",
    cls=Command,
    examples={"mem0tray projects": "", "mem0tray projects --json": "for a program"},
)
@click.option("-j", "--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, as_json: bool) -> None:
    """List the projects, with how many memories of each there are.

    It counts memories on the server, where that can be asked; entries that wait here, and dead
    letters; and how many were delivered, to any server. Exits with 1 where the server does not
    answer: only what is known here is shown then.
    """
    settings = context.load()
    with interaction.waiting():
        found = projects.known(settings)
    if as_json:
        output.print_json(_document(found))
    else:
        _print(found)
    if found.trouble or found.unread:
        rest = "Shown is only what is known here." if found.trouble else ""
        raise Mem0TrayError(" ".join(filter(None, (found.trouble, rest, found.unread))))


def _print(found: KnownProjects) -> None:
    if found.projects:
        rows = [
            (
                name,
                times.NEVER if there is None else f"{there:,}",
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


def _document(found: KnownProjects) -> dict[str, Any]:
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
