"""`mem0tray add`, where its arguments are not plain: help, and errors of usage."""

from pathlib import Path

import click

from mem0tray.cli import add_fast, candidates
from mem0tray.cli.command_help import Command
from mem0tray.cli.given import project_option


@click.command(
    "add",
    cls=Command,
    examples={
        'mem0tray add -p garden "Water in the morning."': "",
        "git log -1 --format=%B | mem0tray add -p garden": "from standard input",
        "mem0tray add --jsonl memories.jsonl": "many, as `export` writes them",
    },
)
@project_option(
    "The project of the memory. Default: MEM0_PROJECT_ID, else the name of the git"
    " remote's repository, else the folder's name. With --jsonl: for lines that name none."
)
@click.option(
    "--jsonl",
    is_flag=True,
    help="Queue many: TEXT is then a file, with a JSON object on each line.",
)
@click.option(
    "--again",
    is_flag=True,
    help="With --jsonl: also queue what was delivered before, under another id.",
)
@click.option(
    "-j",
    "--json",
    "as_json",
    is_flag=True,
    help="Print id, project and where it is queued (queue, emergency) as JSON; or, with"
    " --jsonl, how many are.",
)
@click.argument("texts", nargs=-1, metavar="[TEXT]", shell_complete=candidates.files_of_lines)
def command(
    project: str | None, texts: tuple[str, ...], *, jsonl: bool, again: bool, as_json: bool
) -> None:
    """Queue one memory, and print its id.

    It is on the disk when the command returns, whether or not the worker runs. TEXT
    is read from standard input when it is `-` or missing, as UTF-8; put `--` before a
    text that begins with a dash. It has 1,000,000 bytes at most.

    Exits with 0 once the memory is queued, even if its id could not be
    printed or the settings are wrong; standard error says so. After any other exit
    code you can add again, and nothing is queued twice.

    With --jsonl each line of the file TEXT, or of standard input, is an object with project_id
    and content, and perhaps id and timestamp (Unix seconds); other names in it are ignored.
    Lines that are no memories are named on standard error, all others are queued, and the
    command exits with 1. What is waiting already, or was delivered to the chosen server, is not
    queued again; a line without an id is known by its text.
    """
    text = texts[0] if texts else "-"
    if jsonl:
        if len(texts) > 1:
            raise click.UsageError("That is more than one file. Add one after the other.")
        from mem0tray.cli import add_lines

        path = None if text == "-" else Path(text)
        add_lines.run(path, project, again=again, as_json=as_json)
        return
    if again:
        raise click.UsageError("--again is for --jsonl alone.")
    if len(texts) > 1:
        raise click.UsageError("That is more than one text. Put the text in quotes.")
    add_fast.run(project, None if text == "-" else text, as_json=as_json)
