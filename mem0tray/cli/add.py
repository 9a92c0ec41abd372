"""`mem0tray add`, where its arguments are not plain: help, and errors of usage."""

import click

from mem0tray.cli import candidates, producing
from mem0tray.cli.command_help import Command


@click.command(
    "add",
    cls=Command,
    examples={
        'mem0tray add -p garden "Water in the morning."': "",
        "git log -1 --format=%B | mem0tray add -p garden": "from standard input",
    },
)
@click.option(
    "-p",
    "--project",
    metavar="P",
    shell_complete=candidates.projects,
    help="The project that it belongs to. Default: MEM0_PROJECT_ID, else the name of the git"
    " remote's repository, else the folder's name.",
)
@click.option(
    "-j",
    "--json",
    "as_json",
    is_flag=True,
    help="Print id, project and where it is queued (queue, emergency) as JSON.",
)
@click.argument("texts", nargs=-1, metavar="[TEXT]")
def command(project: str | None, texts: tuple[str, ...], *, as_json: bool) -> None:
    """Queue one memory, and print its id.

    It is on the disk when this returns, whether or not the worker runs. TEXT
    is read from standard input when it is `-` or missing, as UTF-8; put `--` before a
    text that begins with a dash.

    Exits with 0 once the memory is queued, also where its id could not be
    printed, or the settings are wrong: that is said on standard error. Whoever
    adds again after another exit code doubles nothing.
    """
    if len(texts) > 1:
        raise click.UsageError("That is more than one text. Put the text in quotes.")
    text = texts[0] if texts else "-"
    producing.run(project, None if text == "-" else text, as_json=as_json)
