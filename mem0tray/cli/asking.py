"""Questions to a person: one answer to consent, or as many as it takes to choose."""

import sys
from typing import NamedTuple

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


class Deciding(NamedTuple):
    """How decisions are made: by asking a person, by the defaults (`yes`), or only by options.

    `is_first`: no worker has served this folder yet. Otherwise the defaults are the present values.
    `changed` names what was changed so far.
    """

    asking: bool
    yes: bool
    is_first: bool
    changed: list[str]

    def note(self, changed: str) -> None:
        """Note that something was changed."""
        if changed not in self.changed:
            self.changed.append(changed)

    def decide(self, given: bool | None, question: str) -> bool:  # noqa: FBT001  (an option)
        """Whether to do something: as an option says, or a person, or by default."""
        if given is not None:
            return given
        if self.asking:
            return chooses(question, default=self.is_first)
        return self.yes and self.is_first
