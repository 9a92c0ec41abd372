"""The six tools: what a client reads of them, and what each takes; `for_models` has the functions.

msgspec makes the JSON Schema of a tool, and checks the arguments of a call by it.
"""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from mem0tray.agents import SAVE
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.text import did_you_mean, one_line


def _text(name: str, about: str, *default: str) -> tuple[Any, ...]:
    return (name, Annotated[str, Meta(description=about)], *default)


def _limit(default: int) -> tuple[Any, ...]:
    return ("limit", Annotated[int, Meta(description="How many at most.", ge=1, le=1000)], default)


def _tool(about: str, *takes: tuple[Any, ...]) -> type[Struct]:
    """Make a class of a tool's arguments."""
    its = {"__doc__": about}
    return msgspec.defstruct("Tool", takes, namespace=its, forbid_unknown_fields=True)


_PROJECT: Final = _text("project_id", "The project. Left out: that of the folder you work in.", "")
TOOLS: Final = {
    SAVE: _tool(
        "Save a memory to a project. It is safe on this computer's disk when this answers, and is"
        " delivered to the memory server as soon as that can be reached: never save it again"
        " because the server is down.",
        _text("content", "The memory."),
        _PROJECT,
    ),
    "mem0_recall": _tool(
        "Recall the newest memories of a project. What is saved and not yet on the server is among"
        " them, marked. When the server cannot be reached, that is said, and what waits on this"
        " computer is shown all the same.",
        _PROJECT,
        _limit(20),
    ),
    "mem0_search": _tool(
        "Search a project's memories, by meaning or by words, as the server can. What is saved and"
        " not yet on the server is searched by words and marked. When the server cannot be"
        " reached, that is said, and what waits on this computer is searched all the same.",
        _text("query", "What to look for."),
        _PROJECT,
        _limit(10),
    ),
    "mem0_list_projects": _tool("List the projects that have memories, with how many."),
    "mem0_health": _tool("Say whether memories reach the server now; if not, why, and what to do."),
    "mem0_queue_status": _tool(
        "Say what waits to be delivered, what has failed (dead letters), and why."
    ),
}


def document(name: str) -> dict[str, Any]:
    """Return a tool as a client reads it."""
    [made] = msgspec.json.schema_components([TOOLS[name]])[1].values()
    schema = {key: made[key] for key in ("type", "properties", "required")}
    hints = {"readOnlyHint": name != SAVE, "destructiveHint": False, "openWorldHint": True}
    about = {"name": name, "description": made["description"]}
    return {**about, "inputSchema": schema, "annotations": hints}


def arguments(name: str, given: Any) -> dict[str, Any]:
    """Return the arguments of a call, also those that were left out; a tool without takes any.

    Raises Mem0TrayError, which says in words and without a value what is wrong.
    """
    if name not in TOOLS:
        guess, there = did_you_mean(name, TOOLS), ", ".join(TOOLS)
        raise Mem0TrayError(
            f"There is no tool `{one_line(name)}`.{guess}", f"The tools are {there}."
        )
    takes = TOOLS[name].__struct_fields__
    if isinstance(given, dict):  # some models write null for what they leave out
        given = {key: each for key, each in given.items() if takes and each is not None}
    try:
        return msgspec.structs.asdict(msgspec.convert(given, TOOLS[name], strict=False))
    except (msgspec.ValidationError, UnicodeError) as error:
        done, named = "saved" if name == SAVE else "asked", ", ".join(map("`{}`".format, takes))
        why = f"Nothing was {done}: {one_line(str(error))}."
        raise Mem0TrayError(why, f"{name} takes {named}.") from error
