"""Questions to a person: one answer to consent, or as many as it takes to choose."""

import sys

from mem0tray.cli import output
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.text import one_line


def consents(question: str, unchanged: str, remedy: str) -> bool:
    """Ask once; whatever is not yes means no. Raises Mem0TrayError if nobody can answer."""
    output.write(f"{one_line(question, 1000)} [y/N] ", end="")
    sys.stdout.flush()
    answer = sys.stdin.readline()
    if not answer:
        output.write("")
        raise Mem0TrayError(f"Nobody is there to answer; {unchanged}", remedy)
    return answer.strip().lower() in ("y", "yes")


def chooses(question: str, *, default: bool) -> bool:
    """Ask a person at a terminal for y or n, again until they say one; Enter: the default.

    Raises click.Abort at the end of input and at Ctrl-C.
    """
    import click

    while True:
        shown = f"{question} [{'Y/n' if default else 'y/N'}]"
        answer = str(click.prompt(shown, default="", show_default=False)).strip().lower()
        if answer in ("", "y", "yes", "n", "no"):
            return answer.startswith("y") if answer else default
        output.remark("Answer y or n.")
