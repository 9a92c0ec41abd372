"""What several commands say about memories, in the same words."""

from collections.abc import Mapping, Sequence
from typing import Final

from mem0tray.cli import output, times
from mem0tray.cli.output import Style
from mem0tray.core.item import Kind
from mem0tray.core.text import one_line, plural
from mem0tray.ledger.rows import Attempt

ATTEMPTS_SHOWN: Final = 10  # attempts of a history
# The ledger's words for kinds are meant for programs.
_IN_WORDS: Final[Mapping[str, str]] = {
    Kind.OUTAGE: "server down",
    Kind.SLOW_DOWN: "server busy",
    Kind.ITEM_FAILURE: "failed",
    Kind.UNAUTHORIZED: "key refused",
    Kind.FORBIDDEN: "refused",
    Kind.NO_ANSWER: "no whole answer",
    Kind.ASKED_IN_VAIN: "asked in vain whether it is there",
    Kind.NOT_SENDABLE: "never sent",
}

_EXCERPT: Final = 60  # characters


def excerpt(text: str) -> str:
    """The beginning of a memory's text, in quotes, so that a person recognises it."""
    return f"“{one_line(text, _EXCERPT)}”"


def about_held(*, beside: bool) -> str:
    """What to do about held memories; `beside`: the other worker is still at work."""
    if beside:
        return "stop that one first; the server is asked then"
    return "`mem0tray retry ID` sends, `mem0tray delete ID` drops"


def nonsense(count: int) -> str:
    """What people are told about things in a file that are no items to us."""
    verb = "makes" if count == 1 else "make"
    return f"{plural(count, 'further thing')} in the file {verb} no sense; kept as is."


def print_attempts(attempts: Sequence[Attempt]) -> None:
    """Print the last attempts, oldest first, and how many there are; nothing without any."""
    if not attempts:
        return
    more = f", the last {ATTEMPTS_SHOWN} of them" if len(attempts) > ATTEMPTS_SHOWN else ""
    output.say(f"{plural(len(attempts), 'failed attempt')} in the ledger{more}:")
    for attempt in attempts[-ATTEMPTS_SHOWN:]:
        kind = _IN_WORDS.get(attempt.kind, attempt.kind)
        named = f", request {attempt.request}" if attempt.request else ""
        text = f"{kind}: {attempt.message} ({attempt.duration:.2f} s{named})"
        output.say_beside(f"  {times.clock(attempt.at)}  ", text, Style.DIM)
