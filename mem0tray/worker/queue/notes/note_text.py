"""The part of a note that is its text. Pure."""

from typing import Final

_FENCE: Final = "---"
_BYTE_ORDER_MARK: Final = "\ufeff"


def without_front_matter(text: str) -> str:
    """The text after the front matter, without blank lines around it.

    Front matter begins with `---` in the first line and ends at the next line that is `---`.
    Without such an end there is none, and everything is text.
    """
    lines = text.removeprefix(_BYTE_ORDER_MARK).splitlines(keepends=True)
    if lines and lines[0].rstrip() == _FENCE:
        for number, line in enumerate(lines[1:], 2):
            if line.rstrip() == _FENCE:
                return "".join(lines[number:]).strip()
    return "".join(lines).strip()
