"""What a session of Claude Code begins with: the memories of its project."""

import json
import os
import time
from pathlib import Path
from typing import Final

from mem0tray.actions import recall
from mem0tray.claude import MARK, wording
from mem0tray.config import settings
from mem0tray.system import project

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


def output(folder: Path, began: float) -> str:
    """What the hook prints, as Claude Code reads it: how to save a memory, and which there are.

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
    told = _HOW_TO_SAVE
    if found.waiting or found.there or found.trouble or found.unread:
        memories = wording.memories(found, f"the project {wording.named(name)}", "newest first")
        told += f"\n\nFrom mem0tray, memories of earlier sessions. {memories}"
    special = {"hookEventName": "SessionStart", "additionalContext": cut(told)}
    return json.dumps({"hookSpecificOutput": special}) + "\n"


def cut(told: str) -> str:
    """As many whole entries of the list as have room, and of a single one its beginning."""
    data = told.encode()
    if len(data) <= _LONGEST:
        return told
    room = _LONGEST - len(_MORE.encode())
    end = data.rfind(_ENTRY, 0, room)
    first = data.find(_ENTRY)
    if end <= first:
        end = room
    return data[:end].decode(errors="ignore") + _MORE
