"""`mem0tray recall` and `search` without click: from plain arguments to what is printed."""

from typing import Any, Final

from mem0tray.actions import recall
from mem0tray.actions.recall import KnownMemory, WasRead
from mem0tray.cli import context, output
from mem0tray.cli.context import UsageError
from mem0tray.cli.given import project_meant
from mem0tray.cli.output import Style
from mem0tray.cli.progress import waiting
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.text import lines, one_line

RECALLED: Final = 20  # memories, unless a limit is given
SEARCHED: Final = 10
_INDENT: Final = "  "


def run_recall(project: str | None, limit: int, *, as_json: bool) -> None:
    """Print a project's memories, on the server and waiting (None: the working directory's).

    Raises Mem0TrayError afterwards if that is not everything.
    """
    settings = context.load()
    name = project_meant(project)
    with waiting():
        found = recall.recall(settings, name, limit)
    _tell(name, found, "was found", as_json=as_json)


def run_search(project: str | None, query: str, limit: int, *, as_json: bool) -> None:
    """Print what fits `query`; otherwise as `run_recall`."""
    settings = context.load()
    name = project_meant(project)
    if not query.strip():
        raise UsageError("There is nothing to search for.", "Give a word or more.")
    with waiting():
        found = recall.search(settings, name, query, limit)
    _tell(name, found, "matches that", as_json=as_json)


def _tell(project: str, found: WasRead, verb: str, *, as_json: bool) -> None:
    """Print what was found, `verb` if that is nothing. Raises Mem0TrayError if it is not all."""
    if as_json:
        output.print_json(_document(project, found))
    else:
        _print(project, found, verb)
    if found.note:
        output.remark(found.note)
    if found.trouble or found.unread:
        rest = "Shown is only what waits here." if found.trouble else ""
        raise Mem0TrayError(" ".join(filter(None, (found.trouble, rest, found.unread))))


def _print(project: str, found: WasRead, verb: str) -> None:
    for each in (*found.waiting, *found.there):
        _print_memory(each)
    if not (found.waiting or found.there or found.trouble):
        output.say(f"Nothing of the project {one_line(project, 80)!r} {verb}.")


def _print_memory(memory: KnownMemory) -> None:
    """Print the whole text, its further lines below its first."""
    style = Style.WARNING if memory.state else Style.PLAIN
    mark = f"{memory.state}: " if memory.state else ""
    first, *rest = lines(memory.text).strip("\n").split("\n")
    output.write(f"{output.paint(f'{output.sign(style)} {mark}', style)}{first}")
    for line in rest:
        output.write(f"{_INDENT}{line}".rstrip())


def _document(project: str, found: WasRead) -> dict[str, Any]:
    return {
        "project_id": project,
        "destination": found.destination or None,
        "answered": not found.trouble,
        "reason": found.trouble or None,
        "note": found.note or None,
        "memories": [
            {
                "memory": each.text,
                "id": each.id or None,
                "created_at": each.created or None,
                "score": each.score,
                "state": each.state or "delivered",
            }
            for each in (*found.waiting, *found.there)
        ],
    }
