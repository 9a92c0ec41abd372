"""`mem0tray export`: what the server has, as lines that `add --jsonl` takes.

The lines are by project, the oldest memory first. Servers list the newest first, so that a project
is written once its last page has come.
"""

import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import click

from mem0tray import cli
from mem0tray.actions import chosen_client, recall
from mem0tray.actions.chosen_client import PatientQuestions
from mem0tray.actions.recall import why_not_shown
from mem0tray.cli import add_lines, arguments, output
from mem0tray.cli.add_lines import MemoryLine
from mem0tray.cli.arguments import project_alone, project_option
from mem0tray.cli.command_help import Command, UsageError
from mem0tray.cli.interaction import Progress
from mem0tray.config.server_choice import chosen_server
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core.errors import FileUnavailableError, Mem0TrayError
from mem0tray.core.text import one_line, plural
from mem0tray.files import atomic, temporary
from mem0tray.ledger.reader import Reader
from mem0tray.server import Outcome, ServerMemory
from mem0tray.system import programs, regular_file
from mem0tray.system.regular_file import NotRegularError

TIMEOUT: Final = 60.0  # seconds for a page
_NAMED: Final = 5  # projects in a message


@dataclass(slots=True)
class Export:
    """`lines()` of the memories that the server has, of one project or (`project` empty) of all.

    `watch` is called after each page. Known so far: of `total` memories (None where the server
    does not say how many there are) `read` have come and `written` are in the lines given, from
    `projects` projects; of those in `cut` the server has, or may have, more than it shows;
    `unnamed`: it may have projects that it does not name. `waiting`: how many memories of these
    projects wait here, and are left out; `unread` says why that is not all.
    """

    settings: Settings
    project: str
    watch: Callable[["Export"], None]
    total: int | None = None
    read: int = 0
    written: int = 0
    projects: int = 0
    cut: list[str] = field(default_factory=list)
    unnamed: bool = False
    waiting: int = 0
    unread: str = ""

    def lines(self) -> Generator[bytes]:
        """Yield the lines, a page at a time. Raises Mem0TrayError where the server fails."""
        paths = self.settings.locations()
        server = chosen_server(self.settings, paths)
        here, self.unread = recall.known_here(self.settings)
        with (
            chosen_client.opened(self.settings, paths) as client,
            Reader(paths.ledger) as reader,
        ):
            names = [self.project]
            if not self.project:
                found = recall.of_server(client, server.shown)
                self.unnamed = not found.whole
                self.total = sum(each.count or 0 for each in found.found) if found.whole else None
                known = () if found.whole else here
                names = recall.in_order([*known, *(each.project for each in found.found)])
            waiting = [here[name] for name in (names if self.project else here) if name in here]
            self.waiting = sum(each.fresh + each.dead for each in waiting)
            if client is None:  # nothing was ever stored there
                return
            questions = PatientQuestions(client, TIMEOUT)
            taken = reader.taken(server.name)
            for name in names:
                ids: dict[bytes, list[str]] = {}
                for each in reader.memories(taken.get(name, ()), server.name):
                    ids.setdefault(each.digest, []).append(each.id)
                pages = self._pages(questions, name, server.shown, ids)
                self.projects += any(pages)
                for number, lines in reversed(pages):
                    self.written += number
                    yield lines

    def _pages(
        self,
        questions: PatientQuestions,
        project: str,
        destination: str,
        ids: dict[bytes, list[str]],
    ) -> list[tuple[int, bytes]]:
        """Return the pages of a project, each as the number of its memories and their lines.

        `ids`: those under which we delivered a text, by its digest. Raises Mem0TrayError.
        """
        pages = []
        for page in questions.pages(project):
            if isinstance(page, Outcome):
                raise Mem0TrayError(why_not_shown(destination, page))
            self.read += len(page.memories)
            if not page.whole and project not in self.cut:
                self.cut.append(project)
            lines = [add_lines.write_line(_line(each, ids)) for each in page.memories]
            if lines:
                pages.append((len(lines), b"".join(reversed(lines))))
            self.watch(self)
        return pages


def _line(memory: ServerMemory, ids: dict[bytes, list[str]]) -> MemoryLine:
    """Return a memory's line; without an id of ours it gets one that is the same at each export."""
    name, ours = memory.key, ids.get(items.digest(memory.project, memory.text))
    if ours and not name:
        name = ours.pop()
    name = name or items.stable_id(memory.id, memory.project, memory.text, 0)
    return MemoryLine(memory.project, memory.text, name, memory.created_at())


@click.command(
    "export",
    cls=Command,
    examples={
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
def command(*, project: str | None, out: Path | None) -> None:
    """Write the server's memories as JSON lines, which `add --jsonl` takes.

    Each line is an object with id, project_id, content and, if the server has the time,
    timestamp; the oldest of each project come first. Memories that still wait here are left out.

    If the server fails, FILE stays as it is. The command exits with 1 then, and where the server
    shows less of a project than it has: official servers list a thousand memories of each.
    """
    settings = arguments.load()
    name = project_alone(project) or ""
    target = _target(out)
    if target is not None and target.parent.is_dir():
        temporary.remove_leftovers(target.parent)  # left by an export that was killed
    with Progress("memories read") as progress:
        # A terminal that shows the lines shows the progress.
        is_shown = target is not None or not sys.stdout.isatty()
        export = Export(settings, name, partial(_show, progress, is_shown=is_shown))
        try:
            with programs.ends_in_order(), closing(_checked(export, target)) as lines:
                if target is None:
                    _print(lines)
                else:
                    atomic.replace(target, lines)
        except KeyboardInterrupt:
            progress.clear()
            output.remark(f"Interrupted: {_left(export, target)}")
            raise
    _report(export, target)


def _show(progress: Progress, export: Export, *, is_shown: bool) -> None:
    if is_shown and export.total is not None:
        progress(export.read, export.total)
    elif is_shown:
        progress.show(f"{export.read:,} memories read")


def _target(out: Path | None) -> Path | None:
    """Return the file to write, None for standard output. Raises errors of usage otherwise."""
    if out is None or out == Path("-"):
        return None
    if out == Path():
        raise click.UsageError("--out names no file.")
    target = out.expanduser().absolute()
    try:
        regular_file.look(target)
    except NotRegularError as error:
        raise UsageError(
            f"{target} is {error.kind}, not a file.",
            "Send standard output there: `mem0tray export` without --out.",
        ) from error
    except OSError as error:
        raise atomic.unavailable(target, error) from error
    return target


def _checked(export: Export, target: Path | None) -> Generator[bytes]:
    """Yield the lines; an error says what has become of them.

    Raises Mem0TrayError also if a file that holds something would become empty.
    """
    try:
        with closing(export.lines()) as lines:
            yield from lines
    except Mem0TrayError as error:
        raise Mem0TrayError(f"{error.message} {_left(export, target)}", error.remedy) from error
    found = None if target is None or export.written else atomic.signature(target)
    if found is not None and found.size > 0:
        raise FileUnavailableError(
            f"{_nothing(export)}; {target} holds something, and is as it was.",
            "Remove it first, if that is meant.",
        )


def _left(export: Export, target: Path | None) -> str:
    """Return what an unfinished export has left."""
    if target is not None:
        return f"{target} is as it was."
    return f"{_count(export)} written before." if export.written else "Nothing was written."


def _print(lines: Iterable[bytes]) -> None:
    why = cli.why_not_written("")
    if why:
        raise Mem0TrayError(f"Standard output cannot be written: {why}.")
    sys.stdout.buffer.writelines(lines)
    sys.stdout.buffer.flush()


def _nothing(export: Export) -> str:
    of = f" of the project {one_line(export.project, 80)!r}" if export.project else ""
    return f"The server has no memories{of}"


def _count(export: Export) -> str:
    memories = plural(export.written, "memory", "memories")
    verb = "was" if export.written == 1 else "were"
    return f"{memories} of {plural(export.projects, 'project')} {verb}"


def _report(export: Export, target: Path | None) -> None:
    """Say what was written and left out. Raises Mem0TrayError if the server may have more."""
    if target is not None:
        empty = f"{_nothing(export)}; {target} is empty."
        output.say(f"{_count(export)} written to {target}." if export.written else empty)
    elif not export.written:
        output.remark(f"{_nothing(export)}.")
    if export.waiting:
        wait = plural(export.waiting, "memory waits here and is", "memories wait here and are")
        output.remark(f"{wait} not in it.")
    if export.unread:
        output.remark(f"More may wait here: {export.unread}")
    if export.unnamed:
        known = "Exported are those that it names, and those known here."
        output.remark(f"The server does not name all of its projects. {known}")
    if export.cut:
        names = ", ".join(repr(one_line(name, 80)) for name in export.cut[:_NAMED])
        more = f" and {len(export.cut) - _NAMED:,} more" if len(export.cut) > _NAMED else ""
        of = f"{'projects' if len(export.cut) > 1 else 'the project'} {names}{more}"
        raise Mem0TrayError(
            f"The server may have more of {of} than it shows at once, and that is missing.",
            "All that it shows has been written: compare it with what the server's own tools show.",
        )
