"""`mem0tray add`: from arguments, standard input and folder to queued memories."""

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import click

from mem0tray import cli
from mem0tray.actions.add import queue_memory, too_long
from mem0tray.cli import arguments
from mem0tray.cli.arguments import END_OF_INPUT
from mem0tray.core.errors import UsageError
from mem0tray.core.item import LONGEST_TEXT

_END_MAX: Final = 2  # bytes of the line break at the end


@arguments.command(
    "add",
    {
        'mem0tray add -p garden "Water in the morning."': "",
        "git log -1 --format=%B | mem0tray add -p garden": "from standard input",
        "mem0tray add --jsonl memories.jsonl": "many, as `export` writes them",
    },
)
@arguments.project_option(
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
@click.argument("texts", nargs=-1, metavar="[TEXT]", shell_complete=arguments.files_of_lines)
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
    if len(texts) > 1:
        one = "Add one file after the other." if jsonl else "Put the text in quotes."
        raise click.UsageError(f"That is more than one argument. {one}")
    if again and not jsonl:
        raise click.UsageError("--again is for --jsonl alone.")
    text = texts[0] if texts and texts[0] != "-" else None
    if jsonl:
        from mem0tray.cli import add_lines

        add_lines.run(Path(text) if text else None, project, again=again, as_json=as_json)
    else:
        _add(project, text, as_json=as_json)


def _add(project: str | None, text: str | None, *, as_json: bool) -> None:
    """Queue `text` (None: standard input) and print its id once it is on the disk.

    After that nothing is a failure: a script would add the memory again.
    """
    loaded = arguments.load_what_holds()
    name = arguments.project_meant(project)
    text = _read_standard_input() if text is None else arguments.utf8(text, "the text")
    if not text.strip():
        raise UsageError("There is no text to add.", "Give it as an argument or on standard input.")
    done = queue_memory(loaded, name, text)
    if loaded.wrong:
        arguments.warn([f"The memory is queued all the same, in {done.claude_dir}."])
    if project is None and sys.stdout.isatty():  # a person reads it
        arguments.warn([f"It is a memory of the project {name!r}; --project names another."])
    document = {"id": done.id, "queued": done.where, "project_id": name}
    why = cli.why_not_written(f"{json.dumps(document) if as_json else done.id}\n")
    if why:
        with suppress(OSError):
            sys.stderr.write(
                f"mem0tray: The memory is queued, its id is {done.id}; do not add it again."
                f" Standard output cannot be written: {why}.\n"
            )


def _read_standard_input() -> str:
    """Read standard input without the line break at its end.

    Raises UsageError if it is not UTF-8, Mem0TrayError if it is too long.
    """
    if sys.stdin.isatty():
        sys.stderr.write(f"Type the memory. {END_OF_INPUT} ends it, Ctrl-C gives it up.\n")
    # No more than that is read: a read of all at once could not be interrupted.
    data = sys.stdin.buffer.read(LONGEST_TEXT + _END_MAX + 1)
    if len(data) > LONGEST_TEXT + _END_MAX:
        raise too_long()
    return arguments.decoded(data.removesuffix(b"\n").removesuffix(b"\r"), "standard input")
