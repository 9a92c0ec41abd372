"""How memories are told to a model: in lists, made harmless."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from mem0tray.actions.recall import KnownMemory, WasRead
from mem0tray.core.text import lines, one_line, plural

SENTENCE: Final = 1000  # characters of one, at most
NAME: Final = 80
_HERE: Final = "What follows is only what waits on this computer."
_DATE: Final = "%Y-%m-%d %H:%M"


def memories(found: WasRead, subject: str, order: str) -> str:
    """A paragraph on what is known of `subject`, and the memories as a list in this `order`."""
    shown = [*found.waiting, *found.there]
    told = [found.trouble, found.unread, found.note]
    if found.trouble and shown:
        told.insert(1, _HERE)
    elif found.trouble and not found.unread:
        told.append(f"Nothing of {subject} waits on this computer.")
    if shown:
        number = plural(len(shown), "memory", "memories")
        told.append(f"{number} of {subject}, {order}{_of_these(found)}:")
    elif not found.trouble:
        told.append(f"Nothing was found in {subject}.")
    return "\n".join([paragraph(told), *map(_memory, shown)])


def _of_these(found: WasRead) -> str:
    waits = len(found.waiting)
    return f"; {waits:,} of these not delivered yet, marked so" if waits else ""


def _memory(memory: KnownMemory) -> str:
    """An entry of a list, its further lines below its first."""
    marks = [memory.state and f"{memory.state} here", _date(memory.created)]
    mark = ", ".join(one_line(each, NAME) for each in marks if each)
    text = lines(memory.text).strip("\n").replace("\n", "\n  ")
    return f"- [{mark}] {text}" if mark else f"- {text}"


def _date(created: str) -> str:
    """When a server stored a memory, by this computer's clock; an odd time unchanged."""
    try:
        return datetime.fromisoformat(created).astimezone().strftime(_DATE)
    except (ValueError, OverflowError, OSError):
        return created


def named(project: str) -> str:
    """A project in quotes."""
    return repr(one_line(project, NAME))


def sentence(text: str) -> str:
    """Words as one line that ends with one full stop."""
    told = one_line(text, SENTENCE)
    return told if told.endswith((".", "…")) else f"{told}."


def paragraph(sentences: Iterable[str]) -> str:
    """The sentences that are not empty, in one line."""
    return " ".join(one_line(each, SENTENCE) for each in sentences if each)
