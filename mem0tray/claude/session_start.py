"""What a session of Claude Code begins with: the memories of its project."""

import json
import os
import time
from pathlib import Path
from typing import Final

from mem0tray.actions import recall
from mem0tray.claude import wording
from mem0tray.config import settings
from mem0tray.system import project

_RECALLED: Final = 20
_WITHIN: Final = 0.6  # seconds from the hook's begin, for the server too
_LEAST: Final = 0.1
_LONGEST: Final = 10_000  # bytes
_MORE: Final = "\n- … there are more: the tool mem0_recall shows them."
_ENTRY: Final = b"\n- "


def output(folder: Path, began: float) -> str:
    """What the hook prints, as Claude Code reads it; empty where there is nothing to tell.

    `began` is when the hook did, by the monotonic clock: what the server has is part of it where
    that answers in time. Raises Mem0TrayError where the settings are wrong.
    """
    name = project.of_session(folder, os.environ)
    if not name.strip():
        return ""
    found = recall.recall(
        settings.load().settings,
        name,
        _RECALLED,
        within=max(_LEAST, began + _WITHIN - time.monotonic()),
    )
    if not (found.waiting or found.there or found.trouble or found.unread):
        return ""
    told = wording.memories(found, f"the project {wording.named(name)}", "newest first")
    told = cut(f"From mem0tray, memories of earlier sessions. {told}")
    special = {"hookEventName": "SessionStart", "additionalContext": told}
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
