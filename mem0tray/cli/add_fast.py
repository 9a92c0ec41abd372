"""`mem0tray add` without click: from arguments, standard input and folder to a queued memory."""

import json
import sys
from contextlib import suppress
from typing import Final

from mem0tray import cli
from mem0tray.actions.add import queue_memory, too_long
from mem0tray.cli import context
from mem0tray.cli.context import UsageError
from mem0tray.cli.given import decoded, project_meant, whole
from mem0tray.core.item import LONGEST_TEXT

_END_MAX: Final = 2  # bytes of the line break at the end
END: Final = "Ctrl-Z and Enter" if sys.platform == "win32" else "Ctrl-D on a line of its own"


def run(project: str | None, text: str | None, *, as_json: bool) -> None:
    """Queue `text` (None: standard input) and print its id once it is on the disk.

    Once it is queued, failing to print the id is no failure, and is told on standard error.
    Without a `project` it is that of the working directory. Wrong settings keep no memory from
    being queued: the error is told, and where the memory is.
    """
    loaded = context.load_what_holds()
    guessed = project is None
    project = project_meant(project)
    if text is None:
        if sys.stdin.isatty():
            sys.stderr.write(f"Type the memory. {END} ends it, Ctrl-C gives it up.\n")
        text = _read_standard_input()
    else:
        text = whole(text, "the text")
    if not text.strip():
        raise UsageError("There is no text to add.", "Give it as an argument or on standard input.")
    done = queue_memory(loaded, project, text)
    if loaded.wrong:
        context.warn([f"The memory is queued all the same, in {done.claude_dir}."])
    document = {"id": done.id, "queued": done.where, "project_id": project}
    shown = json.dumps(document) if as_json else done.id
    if guessed and sys.stdout.isatty():  # a person reads it
        context.warn([f"It is a memory of the project {project!r}; --project names another."])
    why = cli.why_not_written(f"{shown}\n")
    if why:  # a script would take that for a failure, and add the memory again
        with suppress(OSError):
            sys.stderr.write(
                f"mem0tray: The memory is queued, its id is {done.id}; do not add it again."
                f" Standard output cannot be written: {why}.\n"
            )


def _read_standard_input() -> str:
    """Read standard input without the line break at its end.

    Raises UsageError if it is not UTF-8, Mem0TrayError if it is too long.
    """
    # No more than that is read: a read of all at once could not be interrupted.
    data = sys.stdin.buffer.read(LONGEST_TEXT + _END_MAX + 1)
    if len(data) > LONGEST_TEXT + _END_MAX:
        raise too_long()
    end = len(data) - data.endswith(b"\n")
    end -= data.endswith(b"\r", 0, end)
    return decoded(data, end, "standard input")
