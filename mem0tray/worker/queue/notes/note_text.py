"""What of a note is its text. Pure."""

from typing import Final

_FENCE: Final = "---"
_BYTE_ORDER_MARK: Final = "\ufeff"


def without_front_matter(text: str) -> str:
    """The text behind the front matter, without the blank lines around it.

    Front matter begins with `---` in the first line and ends with the next line that is `---`.
    Where that never comes it is none, and all of it is text.
    """
    lines = text.removeprefix(_BYTE_ORDER_MARK).splitlines(keepends=True)
    if lines and lines[0].rstrip() == _FENCE:
        for number, line in enumerate(lines[1:], 2):
            if line.rstrip() == _FENCE:
                return "".join(lines[number:]).strip()
    return "".join(lines).strip()
