"""What several commands say about memories, in the same words."""

from typing import Final

from mem0tray.core.text import one_line, plural

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
