"""The arguments of a plain `add`, read without click, whose import takes longer than the work."""

from collections.abc import Sequence
from typing import NamedTuple


class Plain(NamedTuple):
    """`project` is None for that of the folder, `text` for standard input."""

    project: str | None
    text: str | None
    as_json: bool


def parse(arguments: Sequence[str]) -> Plain | None:
    """The arguments if they are plain; None leaves them, and what is wrong in them, to click."""
    project: str | None = None
    texts: list[str] = []
    as_json = False
    rest = iter(arguments)
    for word in rest:
        if word == "--":
            texts += rest
        elif word in ("-p", "--project"):
            project = next(rest, None)
            if project is None:
                return None
        elif word.startswith("--project="):
            project = word.partition("=")[2]
        elif word in ("-j", "--json"):
            as_json = True
        elif word == "-" or not word.startswith("-"):
            texts.append(word)
        else:
            return None
    if len(texts) > 1:
        return None
    text = texts[0] if texts else "-"
    return Plain(project, None if text == "-" else text, as_json)
