"""`mem0tray recall`, `search`, `projects` and `export`: what the server has."""

import sys
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import click

from mem0tray.actions import add_lines, chosen_client
from mem0tray.actions import recall as reading
from mem0tray.actions.add_lines import MemoryLine
from mem0tray.actions.chosen_client import NotAnsweredError, PatientQuestions
from mem0tray.actions.recall import KnownProjects, WasRead, why_not_shown
from mem0tray.cli import arguments, output
from mem0tray.cli.arguments import project_alone, project_meant, project_option
from mem0tray.cli.output import Style
from mem0tray.config.server_choice import chosen_server
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core import text
from mem0tray.core.errors import Mem0TrayError, UsageError
from mem0tray.core.text import lines, one_line, plural
from mem0tray.files import atomic, temporary
from mem0tray.ledger.reader import Reader
from mem0tray.server.model import Client, ServerMemory
from mem0tray.system import programs

_MOST: Final = 1000  # memories that are shown at once
_NUMBERS: Final = ("ON THE SERVER", "WAITING", "DEAD LETTERS", "DELIVERED")

_project = project_option("The project. Default: that of the folder, as for `add`.")
_json = arguments.json_option()
_ids = click.option("--ids", is_flag=True, help="Show each one's id, for `edit` and `delete`.")


def _limit(default: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(
        "-n",
        "--limit",
        type=click.IntRange(1, _MOST),
        default=default,
        metavar="N",
        help=f"At most this many of the server's, and as many that wait. Default: {default}.",
    )


@arguments.command(
    "recall",
    {
        "mem0tray recall": "of this folder's project",
        "mem0tray recall -p garden -n 5": "five of one project",
        "mem0tray recall --ids": "with the id of each",
        "mem0tray recall -p garden --json": "for a program",
    },
)
@_project
@_limit(20)
@_ids
@_json
def recall(*, project: str | None, limit: int, ids: bool, as_json: bool) -> None:
    """Show a project's memories on the server, the newest first.

    Memories that still wait here come before them, marked. A text that several have is shown once,
    with their number, but with --ids or --json. Exits with 1 where the server does not answer, or
    cannot show memories: only what waits here is shown then.
    """
    settings = arguments.load()
    name = project_meant(project)
    with output.waiting():
        found = reading.recall(settings, name, limit)
    _show(name, found, "was found", ids=ids, as_json=as_json)


@arguments.command(
    "search",
    {
        "mem0tray search roses": "in this folder's project",
        'mem0tray search -p garden "water in the morning"': "",
    },
)
@_project
@_limit(10)
@_ids
@_json
@click.argument("words", nargs=-1, required=True, metavar="QUERY")
def search(
    words: tuple[str, ...], *, project: str | None, limit: int, ids: bool, as_json: bool
) -> None:
    """Search a project's memories on the server, by meaning or by words, the best match first.

    Memories that still wait here are searched by words, and come first, marked. Exit codes are
    those of `recall`.
    """
    settings = arguments.load()
    name = project_meant(project)
    query = " ".join(words)
    if not query.strip():
        raise UsageError("There is nothing to search for.", "Give a word or more.")
    with output.waiting():
        found = reading.search(settings, name, query, limit)
    _show(name, found, "matches that", ids=ids, as_json=as_json)


def _show(project: str, found: WasRead, verb: str, *, ids: bool, as_json: bool) -> None:
    shown = (*found.waiting, *found.there)
    if as_json:
        memories = [
            {
                "memory": each.text,
                "id": each.id or None,
                "created_at": each.created or None,
                "score": each.score,
                "state": each.state or "delivered",
            }
            for each in shown
        ]
        answer = {"project_id": project, **_answer(found), "note": found.note or None}
        output.print_json({**answer, "memories": memories})
    else:
        rows = [(each, 1) for each in shown] if ids else reading.collapsed(shown).items()
        for each, times in rows:  # the whole text, its further lines below its first
            style = Style.WARNING if each.state else Style.PLAIN
            marks = filter(None, (each.state, f"{times:,} times" if times > 1 else ""))
            state = "".join(f"{mark}: " for mark in marks)
            state = f"{one_line(each.id, 80)}: {state}" if ids and each.id else state
            first, *rest = lines(each.text).strip("\n").split("\n")
            output.write(f"{output.paint(f'{output.sign(style)} {state}', style)}{first}")
            for line in rest:
                output.write(f"  {line}".rstrip())
        if not (shown or found.trouble):
            output.say(f"Nothing of the project {one_line(project, 80)!r} {verb}.")
    if found.note:
        output.remark(found.note)
    _judge(found, "Shown is only what waits here.")


def _answer(found: WasRead | KnownProjects) -> dict[str, Any]:
    return {
        "destination": found.destination or None,
        "answered": not found.trouble,
        "reason": found.trouble or None,
    }


def _judge(found: WasRead | KnownProjects, rest: str) -> None:
    if found.trouble or found.unread:
        said = (found.trouble, rest if found.trouble else "", found.unread)
        raise Mem0TrayError(" ".join(filter(None, said)))


@arguments.command(
    "projects", {"mem0tray projects": "", "mem0tray projects --json": "for a program"}
)
@_json
def projects(*, as_json: bool) -> None:
    """List the projects, with how many memories each has here and on the server.

    Exits with 1 where the server does not answer: only what is known here is shown then.
    """
    settings = arguments.load()
    with output.waiting():
        found = reading.known_projects(settings)
    if as_json:
        counts = [each._asdict() for each in found.projects]
        output.print_json({**_answer(found), "complete": found.whole, "projects": counts})
    else:
        _print_projects(found)
    _judge(found, "Shown is only what is known here.")


def _print_projects(found: KnownProjects) -> None:
    if found.projects:
        rows = [
            (name, *(text.NEVER if number is None else f"{number:,}" for number in numbers))
            for name, *numbers in found.projects
        ]
        output.print_table(("PROJECT", *_NUMBERS), rows, right=_NUMBERS)
    elif not (found.trouble or found.unread):
        output.say("No project is known.")
    if not (found.whole or found.trouble):
        output.remark("The server does not name all of its projects.")


# Export -----------------------------------------------------------------------------------------
# Servers list the newest memory first, so that a project is written once its last page has come.

_TIMEOUT: Final = 60.0  # seconds for a page


class _Export:
    """The memories of one project (empty: all) for a file, or standard output (`target` None).

    `cut` are the projects of which the server has more than it shows, or may have; `remarks` say
    what is left out.
    """

    def __init__(self, settings: Settings, project: str, target: Path | None) -> None:
        self.target = target
        self.written = self.projects = 0
        self.cut: list[str] = []
        self.remarks: list[str] = []
        self.server = chosen_server(settings, settings.locations())
        self._settings, self._project = settings, project

    def lines(self, progress: output.Progress) -> Generator[bytes]:
        """Yield the lines, a page at a time. Raises Mem0TrayError or NotAnsweredError."""
        paths, server, read = self._settings.locations(), self.server, 0
        # A terminal that shows the lines shows the progress.
        is_shown = self.target is not None or not sys.stdout.isatty()
        with chosen_client.opened(self._settings, paths) as client, Reader(paths.ledger) as reader:
            names, taken = self._names(client, server.shown), reader.taken(server.name)
            questions = None if client is None else PatientQuestions(client, _TIMEOUT)
            for name in names:
                ids: dict[bytes, list[str]] = {}
                for ours in reader.memories(taken.get(name, ()), server.name):
                    ids.setdefault(ours.digest, []).append(ours.id)
                pages = []
                # None: nothing was ever stored there.
                for page in questions.pages(name) if questions is not None else ():
                    if not page.whole and name not in self.cut:
                        self.cut.append(name)
                    pages.append([add_lines.write_line(_line(each, ids)) for each in page.memories])
                    read += len(page.memories)
                    if is_shown:
                        progress.show(f"{read:,} memories read")
                self.projects += any(pages)
                for lines in reversed(pages):
                    self.written += len(lines)
                    yield b"".join(reversed(lines))
        found = None if self.target is None or self.written else atomic.signature(self.target)
        if found is not None and found.size > 0:  # it would become empty
            raise Mem0TrayError(
                f"The server has no memories, and {self.target} holds something.",
                "Remove it first, if that is meant.",
            )

    def _names(self, client: Client | None, server: str) -> list[str]:
        here, unread = reading.known_here(self._settings)
        names, waiting = [self._project], [self._project]
        if not self._project:
            found, is_whole = reading.of_server(client, server)
            names, waiting = reading.in_order([*(() if is_whole else here), *found]), [*here]
            if not is_whole:
                self.remarks.append(
                    "The server does not name all of its projects. Exported are those that it"
                    " names, and those known here."
                )
        number = sum(here[name].waiting + here[name].dead for name in waiting if name in here)
        if number:
            wait = plural(number, "memory waits here and is", "memories wait here and are")
            self.remarks.append(f"{wait} not in it.")
        if unread:
            self.remarks.append(f"More may wait here: {unread}")
        return names

    @property
    def left(self) -> str:
        done = f"{self.count} written before."
        return done if self.target is None else f"{self.target} is as it was."

    @property
    def count(self) -> str:
        memories = plural(self.written, "memory", "memories")
        return f"{memories} of {plural(self.projects, 'project')}"


def _line(memory: ServerMemory, ids: dict[bytes, list[str]]) -> MemoryLine:
    """Return a memory's line, with the id under which we saved it.

    `ids`: those of what we delivered, by digest. Another's is the same at each export.
    """
    name, ours = memory.key, ids.get(items.digest(memory.project, memory.text))
    if ours and not name:
        name = ours.pop()
    name = name or items.stable_id(memory.id, memory.project, memory.text, 0)
    at = None if memory.moment is None else int(memory.moment)
    return MemoryLine(memory.project, memory.text, name, at)


@arguments.command(
    "export",
    {
        "mem0tray export --out memories.jsonl": "all projects, into a file",
        "mem0tray export -p garden | gzip > garden.jsonl.gz": "",
    },
)
@project_option("Only this project. Default: all that the server names, else those known here.")
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, readable=False, path_type=Path),
    metavar="FILE",
    help="Write to FILE, not to standard output; it is replaced once all has come.",
)
def export(*, project: str | None, out: Path | None) -> None:
    """Write the server's memories as JSON lines, which `add --jsonl` takes.

    The oldest of each project come first; memories that still wait here are left out. If the
    server fails, FILE stays as it is. The command exits with 1 then, and where the server shows
    less of a project than it has: official servers list a thousand memories of each.
    """
    settings = arguments.load()
    target = None if out in (None, Path("-")) else Path(out or "").expanduser().absolute()
    if target is not None:
        atomic.refuse_odd(target)
        temporary.remove_leftovers(target.parent)  # left by an export that was killed
    found = _Export(settings, project_alone(project) or "", target)
    with output.Progress() as progress:
        try:
            with programs.ends_in_order(), closing(found.lines(progress)) as lines:
                if target is None:
                    sys.stdout.buffer.writelines(lines)
                    sys.stdout.buffer.flush()
                else:
                    atomic.replace(target, lines)
        except NotAnsweredError as error:
            why = why_not_shown(found.server.shown, error.said)
            raise Mem0TrayError(f"{why} {found.left}") from error
        except Mem0TrayError as error:
            raise Mem0TrayError(f"{error.message} {found.left}", error.remedy) from error
        except KeyboardInterrupt:
            progress.clear()
            output.remark(f"Interrupted: {found.left}")
            raise
    if target is not None:
        output.say(f"{found.count} written to {target}.")
    elif not found.written:
        output.remark("The server has no memories to export.")
    output.remark(*found.remarks)
    if found.cut:
        raise Mem0TrayError(
            f"The server may have more of {plural(len(found.cut), 'project')} than it shows at"
            f" once, and that is missing: {text.some(found.cut)}.",
            "All that it shows has been written: compare it with what the server's own tools show.",
        )
