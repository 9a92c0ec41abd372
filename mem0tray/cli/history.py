"""The failed attempts of a memory, for people, as `show` and `diagnose` print them."""

from collections.abc import Mapping, Sequence
from typing import Final

from mem0tray.cli import output, times
from mem0tray.cli.output import Style
from mem0tray.core.outcome_kind import Kind
from mem0tray.core.text import plural
from mem0tray.ledger.known import Attempt

SHOWN: Final = 10  # attempts of a history
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


def say(attempts: Sequence[Attempt]) -> None:
    """Print the last attempts, oldest first, and how many there are; nothing without any."""
    if not attempts:
        return
    more = f", the last {SHOWN} of them" if len(attempts) > SHOWN else ""
    output.say(f"{plural(len(attempts), 'failed attempt')} in the ledger{more}:")
    for attempt in attempts[-SHOWN:]:
        kind = _IN_WORDS.get(attempt.kind, attempt.kind)
        named = f", request {attempt.request}" if attempt.request else ""
        text = f"{kind}: {attempt.message} ({attempt.duration:.2f} s{named})"
        output.say_beside(f"  {times.clock(attempt.at)}  ", text, Style.DIM)
