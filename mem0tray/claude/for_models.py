"""Memories in words for a model: lists made harmless, and what a session begins with."""

import json
import os
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from mem0tray.actions import recall
from mem0tray.actions.recall import KnownMemory, WasRead
from mem0tray.claude import MARK
from mem0tray.config import settings
from mem0tray.core.text import lines, one_line, plural
from mem0tray.system import project

SENTENCE: Final = 1000  # characters of one, at most
NAME: Final = 80
_HERE: Final = "What follows is only what waits on this computer."
_DATE: Final = "%Y-%m-%d %H:%M"
_RECALLED: Final = 20
_WITHIN: Final = 0.6  # seconds from the hook's begin, for the server too
_LEAST: Final = 0.1
_LONGEST: Final = 10_000  # bytes
_MORE: Final = "\n- … there are more: the tool mem0_recall shows them."
_ENTRY: Final = b"\n- "
_HOW_TO_SAVE: Final = (
    f"What later sessions should know, write into an answer as a line that begins with `{MARK}`:"
    " mem0tray saves it as a memory of this project."
)


def session_start(folder: Path, began: float) -> str:
    """Return what the hook prints, as JSON: how to save a memory, and which there are.

    `began` is when the hook did, by the monotonic clock: what the server has is part of it where
    that answers in time. Raises Mem0TrayError where the settings are wrong.
    """
    name = project.of_session(folder, os.environ)
    found = recall.recall(
        settings.load().settings,
        name,
        _RECALLED,
        within=max(_LEAST, began + _WITHIN - time.monotonic()),
    )
    text = _HOW_TO_SAVE
    if found.waiting or found.there or found.trouble or found.unread:
        listed = memories(found, f"the project {named(name)}", "newest first")
        text += f"\n\nFrom mem0tray, memories of earlier sessions. {listed}"
    special = {"hookEventName": "SessionStart", "additionalContext": _cut(text)}
    return json.dumps({"hookSpecificOutput": special}) + "\n"


def _cut(text: str) -> str:
    """Return as many whole entries of the list as have room, and of a single one its beginning."""
    data = text.encode()
    if len(data) <= _LONGEST:
        return text
    room = _LONGEST - len(_MORE.encode())
    end = data.rfind(_ENTRY, 0, room)
    first = data.find(_ENTRY)
    if end <= first:
        end = room
    return data[:end].decode(errors="ignore") + _MORE


def memories(found: WasRead, subject: str, order: str) -> str:
    """Return a paragraph on what is known of `subject`, and the memories, listed in `order`."""
    shown = [*found.waiting, *found.there]
    sentences = [found.trouble, found.unread, found.note]
    if found.trouble and shown:
        sentences.insert(1, _HERE)
    elif found.trouble and not found.unread:
        sentences.append(f"Nothing of {subject} waits on this computer.")
    if shown:
        number = plural(len(shown), "memory", "memories")
        sentences.append(f"{number} of {subject}, {order}{_of_these(found)}:")
    elif not found.trouble:
        sentences.append(f"Nothing was found in {subject}.")
    return "\n".join([paragraph(sentences), *map(_memory, shown)])


def _of_these(found: WasRead) -> str:
    waits = len(found.waiting)
    return f"; {waits:,} of these not delivered yet, marked so" if waits else ""


def _memory(memory: KnownMemory) -> str:
    """Return an entry of a list, its further lines below its first."""
    marks = [memory.state and f"{memory.state} here", _date(memory.created)]
    mark = ", ".join(one_line(each, NAME) for each in marks if each)
    text = lines(memory.text).strip("\n").replace("\n", "\n  ")
    return f"- [{mark}] {text}" if mark else f"- {text}"


def _date(created: str) -> str:
    """Return when a server stored a memory, by this computer's clock; an odd time unchanged."""
    try:
        return datetime.fromisoformat(created).astimezone().strftime(_DATE)
    except (ValueError, OverflowError, OSError):
        return created


def named(project: str) -> str:
    """Return a project in quotes."""
    return repr(one_line(project, NAME))


def sentence(text: str) -> str:
    """Return words as one line that ends with one full stop."""
    line = one_line(text, SENTENCE)
    return line if line.endswith((".", "…")) else f"{line}."


def paragraph(sentences: Iterable[str]) -> str:
    """Return the sentences that are not empty, in one line."""
    return " ".join(one_line(each, SENTENCE) for each in sentences if each)
