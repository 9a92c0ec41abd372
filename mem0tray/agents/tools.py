"""The six tools: what a client reads of them, and the check of the arguments of a call."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

from mem0tray.core.text import did_you_mean, one_line

SAVE: Final = "mem0_save"
NAME: Final = 80  # characters of a name that is shown
_MOST: Final = 1000

Object = dict[str, Any]


class Tool(NamedTuple):
    """What a tool does, and its arguments as JSON Schema; `for_models` has its function."""

    about: str
    arguments: Mapping[str, Object] = {}
    required: tuple[str, ...] = ()

    def document(self, name: str) -> Object:
        """Return the tool as a client reads it."""
        schema = {"type": "object", "properties": dict(self.arguments)}
        if self.required:
            schema["required"] = list(self.required)
        hints = {"readOnlyHint": name != SAVE, "openWorldHint": True}
        if name == SAVE:
            hints |= {"destructiveHint": False, "idempotentHint": False}
        about = {"name": name, "description": self.about}
        return {**about, "inputSchema": schema, "annotations": hints}


def _text(about: str) -> Object:
    return {"type": "string", "description": about}


def _limit(default: int) -> Object:
    rule = {"type": "integer", "minimum": 1, "maximum": _MOST, "default": default}
    return {**rule, "description": "How many at most."}


_PROJECT: Final = _text("The project. Left out: that of the folder in which you work.")
TOOLS: Final = {
    SAVE: Tool(
        "Save a memory to a project. It is safe on this computer's disk when this answers, and is"
        " delivered to the memory server as soon as that can be reached: never save it again"
        " because the server is down.",
        {"content": _text("The memory."), "project_id": _PROJECT},
        ("content",),
    ),
    "mem0_recall": Tool(
        "Recall the newest memories of a project. What is saved and not yet on the server is among"
        " them, marked. When the server cannot be reached, that is said, and what waits on this"
        " computer is shown all the same.",
        {"project_id": _PROJECT, "limit": _limit(20)},
    ),
    "mem0_search": Tool(
        "Search a project's memories, by meaning or by words, as the server can. What is saved and"
        " not yet on the server is searched by words and marked. When the server cannot be"
        " reached, that is said, and what waits on this computer is searched all the same.",
        {"query": _text("What to look for."), "project_id": _PROJECT, "limit": _limit(10)},
        ("query",),
    ),
    "mem0_list_projects": Tool("List the projects that have memories, with how many."),
    "mem0_health": Tool("Say whether memories reach the server now; if not, why, and what to do."),
    "mem0_queue_status": Tool(
        "Say what waits to be delivered, what has failed (dead letters), and why."
    ),
}


def wrong_arguments(tool: Tool, given: Object) -> Iterator[str]:
    """Yield what is wrong with the arguments of a call, in sentences without their values."""
    for name in given if tool.arguments else ():  # a tool without arguments takes any
        if name not in tool.arguments:
            guess = did_you_mean(name, tool.arguments)
            yield f"There is no argument `{one_line(name, NAME)}`.{guess}"
    for name, rule in tool.arguments.items():
        value = given.get(name)
        if name not in given:
            if name in tool.required:
                yield f"`{name}` is missing."
        elif rule["type"] == "string":
            if not isinstance(value, str):
                yield f"`{name}` must be a text."
        elif not _is_number(value):
            yield f"`{name}` must be a whole number from 1 to {_MOST:,}."


def _is_number(value: Any) -> bool:
    with suppress(ValueError, OverflowError, TypeError):
        is_whole = isinstance(value, str) or (value == int(value) and value is not True)
        return is_whole and 1 <= int(value) <= _MOST
    return False
