"""`mem0tray add`: from arguments, standard input and folder to queued memories."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from mem0tray import cli
from mem0tray.actions.add import queue_memory, too_long
from mem0tray.cli import arguments, output
from mem0tray.core.errors import FileUnavailableError, Mem0TrayError, UsageError
from mem0tray.core.item import LONGEST_LINE, LONGEST_TEXT
from mem0tray.core.text import plural

if TYPE_CHECKING:
    from mem0tray.actions.add_lines import LineQueue

_END_OF_INPUT: Final = (
    "Ctrl-Z and Enter" if sys.platform == "win32" else "Ctrl-D on a line of its own"
)
_TWICE: Final = "what is queued already is not queued twice"
_COUNTS: Final = ("lines", "queued", "emergency", "waiting", "delivered")
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
@arguments.json_option("Print id, project and place (queue, emergency), or with --jsonl counts.")
@click.argument("texts", nargs=-1, metavar="[TEXT]")
def command(
    project: str | None, texts: tuple[str, ...], *, jsonl: bool, again: bool, as_json: bool
) -> None:
    """Queue one memory, and print its id; with --jsonl many.

    It is on the disk when the command returns, whether or not the worker runs. TEXT is read from
    standard input when it is `-` or missing, as UTF-8; put `--` before a text that begins with a
    dash. After any exit code but 0 you can add again, and nothing is queued twice.

    With --jsonl each line of the file TEXT, or of standard input, is an object with project_id and
    content, and perhaps id and timestamp (Unix seconds). Lines that are no memories are named, all
    others are queued, and the command exits with 1. What is waiting already, or was delivered to
    the chosen server, is not queued again.
    """
    if len(texts) > 1:
        one = "Add one file after the other." if jsonl else "Put the text in quotes."
        raise click.UsageError(f"That is more than one argument. {one}")
    if again and not jsonl:
        raise click.UsageError("--again is for --jsonl alone.")
    text = texts[0] if texts and texts[0] != "-" else None
    if jsonl:
        _add_lines(Path(text) if text else None, project, again=again, as_json=as_json)
    else:
        _add(project, text, as_json=as_json)


def _add(project: str | None, text: str | None, *, as_json: bool) -> None:
    """Queue `text` (None: standard input). Then nothing fails: a script would add it again."""
    loaded = arguments.load_what_holds()
    name = arguments.project_meant(project)
    if text is None:
        text = _read_standard_input()
    else:
        text = arguments.utf8(text, "Nothing was queued: the text")
    if not text.strip():
        raise UsageError("There is no text to add.", "Give it as an argument or on standard input.")
    done = queue_memory(loaded, name, text)
    if loaded.wrong:
        output.remark(f"The memory is queued all the same, in {done.claude_dir}.")
    if project is None and sys.stdout.isatty():  # a person reads it
        output.remark(f"It is a memory of the project {name!r}; --project names another.")
    document = {"id": done.id, "queued": done.where, "project_id": name}
    why = cli.why_not_written(f"{json.dumps(document) if as_json else done.id}\n")
    if why:
        with suppress(OSError):
            sys.stderr.write(
                f"mem0tray: The memory is queued, its id is {done.id}; do not add it again."
                f" Standard output cannot be written: {why}.\n"
            )


def _read_standard_input() -> str:
    if sys.stdin.isatty():
        sys.stderr.write(f"Type the memory. {_END_OF_INPUT} ends it, Ctrl-C gives it up.\n")
    # No more than that is read: a read of all at once could not be interrupted.
    data = sys.stdin.buffer.read(LONGEST_TEXT + _END_MAX + 1)
    if len(data) > LONGEST_TEXT + _END_MAX:
        raise too_long()
    data = data.removesuffix(b"\n").removesuffix(b"\r")
    return arguments.decoded(data, "Nothing was queued: standard input")


# Many -------------------------------------------------------------------------------------------


def _add_lines(path: Path | None, project: str | None, *, again: bool, as_json: bool) -> None:
    from mem0tray.actions.add_lines import LineQueue  # slow to import

    loaded = arguments.load_what_holds()
    queue = LineQueue(loaded, arguments.project_alone(project) or "", again)
    failed = _run(queue, _lines(path), as_json=as_json)
    said = _said(queue)
    if as_json:
        problems = [{"line": line, "reason": why} for line, why in queue.problems.items()]
        counts = {name: getattr(queue, name) for name in _COUNTS}
        said = json.dumps({**counts, "bad": len(problems), "problems": problems}, indent=2)
    if not_written := cli.why_not_written(f"{said}\n"):
        output.remark(f"{_queued(queue)} Standard output cannot be written: {not_written}.")
    if loaded.wrong and queue.queued:
        output.remark("The memories are queued all the same.")
    if failed is not None:
        if not queue.lines:
            raise failed
        raise Mem0TrayError(f"{failed.message} {_so_far(queue)}", failed.remedy) from failed
    if queue.problems:
        bad = plural(len(queue.problems), "line is no memory", "lines are no memories")
        remedy = f"Mend what is wrong, and add all of it again: {_TWICE}."
        raise Mem0TrayError(f"{bad}, and not queued.", remedy)


def _run(queue: "LineQueue", lines: Iterable[bytes], *, as_json: bool) -> Mem0TrayError | None:
    with output.Progress() as progress:
        try:
            for why in queue.run(lines):
                if why and not as_json:
                    progress.clear()
                    output.remark(f"Line {queue.lines:,} {why}.")
                if progress.is_due:
                    progress.show(f"{plural(queue.lines, 'line')}, {queue.queued:,} queued")
        except Mem0TrayError as error:
            return error
        except KeyboardInterrupt:
            progress.clear()
            output.remark(f"Interrupted: {_so_far(queue)}")
            raise
    return None


def _lines(path: Path | None) -> Iterator[bytes]:
    """Read the lines, of one that is too long only as much as shows that."""
    if path is None and sys.stdin.isatty():
        sys.stderr.write(f"Type one JSON object a line. {_END_OF_INPUT} ends it.\n")
    try:
        with nullcontext(sys.stdin.buffer) if path is None else path.open("rb") as file:
            while line := file.readline(LONGEST_LINE + 1):
                yield line
                while len(line) > LONGEST_LINE and not line.endswith(b"\n"):
                    line = file.readline(LONGEST_LINE + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise FileUnavailableError(
            f"{path or 'standard input'} cannot be read: {reason}."
        ) from error


def _said(queue: "LineQueue") -> str:
    said = _queued(queue)
    if queue.waiting:
        said += f"\n{queue.waiting:,} waited already."
    if queue.delivered:
        said += f"\n{queue.delivered:,} delivered to this server before: `--again` queues them too."
    return said


def _queued(queue: "LineQueue") -> str:
    number = plural(queue.queued, "memory is", "memories are")
    return f"{number} queued." if queue.queued else "Nothing was queued."


def _so_far(queue: "LineQueue") -> str:
    read = plural(queue.lines, "line was", "lines were")
    return f"{_queued(queue).rstrip('.')}; {read} read. Add all of it again: {_TWICE}."
