"""Plain arguments of `add`, `recall` and `search`, read without click.

Importing click takes as long as the work.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

MOST_MEMORIES: Final = 1000  # that `recall` and `search` show at once


class Plain(NamedTuple):
    """The options that were given, None for the others; `words` are the other arguments."""

    project: str | None = None
    limit: int | None = None
    as_json: bool = False
    words: tuple[str, ...] = ()


def parse(arguments: Sequence[str], *, most: int = 0) -> Plain | None:
    """The arguments if they are plain; None leaves them, and their errors, to click.

    `most` is the largest `--limit` that the command takes, 0 if it has no such option.
    """
    project: str | None = None
    limit: int | None = None
    words: list[str] = []
    as_json = False
    rest = iter(arguments)
    for word in rest:
        name, equals, value = word.partition("=")
        if word == "--":
            words += rest
        elif word in ("-p", "--project") or (name == "--project" and equals):
            project = value if equals else next(rest, None)
            if project is None:
                return None
        elif word in ("-n", "--limit") or (name == "--limit" and equals):
            limit = _whole(value if equals else next(rest, ""), most)
            if limit is None:
                return None
        elif word in ("-j", "--json"):
            as_json = True
        elif word == "-" or not word.startswith("-"):
            words.append(word)
        else:
            return None
    return Plain(project, limit, as_json, tuple(words))


def _whole(text: str, most: int) -> int | None:
    is_short = text.isascii() and text.isdigit() and len(text) <= len(str(most))
    return int(text) if is_short and 1 <= int(text) <= most else None
