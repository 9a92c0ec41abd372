"""What several commands say about memories, in the same words."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from mem0tray.actions.waiting import FoundItem
from mem0tray.cli import output
from mem0tray.cli.output import Style
from mem0tray.config.server_choice import in_words
from mem0tray.core import item as items
from mem0tray.core import text
from mem0tray.core.errors import NotFoundError, UnknownIdError
from mem0tray.core.item import Kind
from mem0tray.core.state import PERHAPS
from mem0tray.core.text import one_line, plural, short_id
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.rows import Attempt, Known
from mem0tray.system.paths import Paths

ATTEMPTS_SHOWN: Final = 10  # attempts of a history
# For an order that the worker has not applied in time.
NOT_HEARD: Final = (
    "The worker has not heard of it yet; it does before it sends anything more."
    " `mem0tray doctor` says whether it is well."
)
ABOUT_HELD: Final = f"{PERHAPS}: `mem0tray retry ID` sends, `mem0tray delete ID` drops"
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


def named(found: FoundItem) -> dict[str, Any]:
    """Make the document that names an item: `id`, `project_id` and `place`."""
    place = "dlq" if found.is_dead else "queue"
    return {"id": found.id or None, "project_id": found.project or None, "place": place}


def excerpt(text: str) -> str:
    """Quote the beginning of a memory's text, so that a person recognises it."""
    return f"“{one_line(text, _EXCERPT)}”"


def nonsense(count: int) -> str:
    """Name the things in a file that are no items to us."""
    verb = "makes" if count == 1 else "make"
    return f"{plural(count, 'further thing')} in the file {verb} no sense; kept as is."


def history(attempts: Sequence[Attempt]) -> list[dict[str, Any]]:
    """Make the document of failed attempts."""
    return [
        {
            "at": attempt.at,
            "class": attempt.kind,
            "status": attempt.status,
            "message": attempt.message,
            "duration": attempt.duration,
            "request": attempt.request,
        }
        for attempt in attempts
    ]


def print_attempts(attempts: Sequence[Attempt]) -> None:
    """Print the last attempts, oldest first, and how many there are; nothing without any."""
    if not attempts:
        return
    more = f", the last {ATTEMPTS_SHOWN} of them" if len(attempts) > ATTEMPTS_SHOWN else ""
    output.say(f"{plural(len(attempts), 'failed attempt')} in the ledger{more}:")
    for attempt in attempts[-ATTEMPTS_SHOWN:]:
        kind = _IN_WORDS.get(attempt.kind, attempt.kind)
        named = f", request {attempt.request}" if attempt.request else ""
        said = f"{kind}: {attempt.message} ({attempt.duration:.2f} s{named})"
        output.say_beside(f"  {text.clock(attempt.at)}  ", said, Style.DIM)


class Fate(NamedTuple):
    """What became of a memory that no longer waits, when and where, and what can be done."""

    name: str
    detail: str
    remedy: str


def fate(known: Known) -> Fate:
    """Say what became of it, `delivered` or `deleted`, and what can be done."""
    when = text.moment(known.closed)
    if known.state == items.DELIVERED:
        return Fate("delivered", f"on {when} to {in_words(known.server)}", "Nothing to do.")
    if known.reason == items.FORGOTTEN:
        return Fate("deleted", f"for good, on {when}", "It cannot be put back.")
    remedy = "`mem0tray restore --list` shows what can be put back."
    why = f" ({known.reason})" if known.reason not in (None, "", items.DELETED) else ""
    return Fate("deleted", f"on {when}{why}", remedy)


def no_longer_waiting(reader: Reader, name: str) -> list[Known]:
    """Find the delivered and deleted memories whose id is `name`, or else begins with it."""
    known = (reader.by_id(name) or reader.by_prefix(name)) if name else []
    return [each for each in known if each.state in (items.DELIVERED, items.DISCARDED)]


@contextmanager
def explained(paths: Paths) -> Iterator[None]:
    """Turn an UnknownIdError about a memory that no longer waits into one with its fate."""
    try:
        yield
    except UnknownIdError as error:
        with Reader(paths.ledger) as reader:
            gone = no_longer_waiting(reader, error.name)
        if not gone:
            raise
        last = max(gone, key=lambda known: known.closed or 0.0)
        what = fate(last)
        others = len({known.id for known in gone}) - 1
        more = f" So begin the ids of {others:,} more that no longer wait." if others else ""
        raise NotFoundError(
            f"{short_id(last.id)} no longer waits: {what.name} {what.detail}.{more}", what.remedy
        ) from error
