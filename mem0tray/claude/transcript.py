"""The transcript of a session, as Claude Code keeps it: a JSON object a line."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mem0tray.system import regular_file

_LOOKED_AT: Final = 1_000_000  # bytes, from the end


def last_answer(path: Path) -> str:
    """The text of the last answer; empty where there is none within what is looked at.

    An answer is written in several lines, one for each of its parts, which have one id. A session
    that is not to be kept has no file. Raises OSError where there is one that cannot be read.
    """
    found: list[str] = []
    answer = None
    for message in _answers(path):
        name = message.get("id")
        if found and name != answer:
            break
        answer = name
        found = [*_texts(message), *found]
    return "\n".join(found)


def _answers(path: Path) -> Iterator[dict[str, Any]]:
    """The messages of the model that speaks to the user, the last one first."""
    for line in reversed(_end_of(path).split(b"\n")):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):  # the line that is cut, an empty one, or nonsense
            continue
        if not isinstance(value, dict) or value.get("type") != "assistant":
            continue
        message = value.get("message")
        if isinstance(message, dict) and not value.get("isSidechain"):
            yield message


def _texts(message: dict[str, Any]) -> list[str]:
    content = message.get("content")
    parts = content if isinstance(content, list) else [{"text": content}]
    texts = (part.get("text") for part in parts if isinstance(part, dict))
    return [text for text in texts if isinstance(text, str)]


def _end_of(path: Path) -> bytes:
    try:
        file = regular_file.open_binary(path)
    except FileNotFoundError:
        return b""
    with file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _LOOKED_AT))
        return file.read()
