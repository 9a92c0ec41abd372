"""`mem0tray export`: what the server has, as lines that `add --jsonl` takes.

Servers list the newest memory first, so that a project is written once its last page has come.
"""

import sys
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import click

from mem0tray.actions import add_lines, chosen_client, recall
from mem0tray.actions.add_lines import MemoryLine
from mem0tray.actions.chosen_client import NotAnsweredError, PatientQuestions
from mem0tray.actions.recall import why_not_shown
from mem0tray.cli import arguments, output
from mem0tray.cli.arguments import project_alone, project_option
from mem0tray.config.server_choice import ServerNames, chosen_server
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core.errors import FileUnavailableError, Mem0TrayError
from mem0tray.core.text import plural
from mem0tray.files import atomic, temporary
from mem0tray.ledger.reader import Reader
from mem0tray.server.model import Client, ServerMemory
from mem0tray.system import programs

_TIMEOUT: Final = 60.0  # seconds for a page


class _Export:
    """The memories that the server has, of one project or (`project` empty) of all.

    `target`: the file that gets them, None for standard output. In the lines given are `written`
    memories of `projects` projects; of those in `cut` the server has, or may have, more than it
    shows. `remarks` say what is left out.
    """

    def __init__(self, settings: Settings, project: str, target: Path | None) -> None:
        self.target = target
        self.written = self.projects = 0
        self.cut: list[str] = []
        self.remarks: list[str] = []
        self._settings, self._project = settings, project

    def lines(self, progress: output.Progress) -> Generator[bytes]:
        """Yield the lines, a page at a time.

        Raises Mem0TrayError where the server fails, or a file that holds something would become
        empty.
        """
        server = chosen_server(self._settings, self._settings.locations())
        try:
            yield from self._lines(server, progress)
        except NotAnsweredError as error:
            why = why_not_shown(server.shown, error.said)
            raise Mem0TrayError(f"{why} {self.left}") from error
        except Mem0TrayError as error:
            raise Mem0TrayError(f"{error.message} {self.left}", error.remedy) from error
        found = None if self.target is None or self.written else atomic.signature(self.target)
        if found is not None and found.size > 0:
            raise FileUnavailableError(
                f"The server has no memories; {self.target} holds something, and is as it was.",
                "Remove it first, if that is meant.",
            )

    def _lines(self, server: ServerNames, progress: output.Progress) -> Iterator[bytes]:
        paths, read = self._settings.locations(), 0
        # A terminal that shows the lines shows the progress.
        is_shown = self.target is not None or not sys.stdout.isatty()
        with (
            chosen_client.opened(self._settings, paths) as client,
            Reader(paths.ledger) as reader,
        ):
            names = self._names(client, server.shown)
            if client is None:  # nothing was ever stored there
                return
            questions = PatientQuestions(client, _TIMEOUT)
            taken = reader.taken(server.name)
            for name in names:
                ids: dict[bytes, list[str]] = {}
                for ours in reader.memories(taken.get(name, ()), server.name):
                    ids.setdefault(ours.digest, []).append(ours.id)
                pages = []
                for page in questions.pages(name):
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

    def _names(self, client: Client | None, server: str) -> list[str]:
        """Return the projects to read; note what is left out."""
        here, unread = recall.known_here(self._settings)
        names, waiting = [self._project], [self._project]
        if not self._project:
            found, is_whole = recall.of_server(client, server)
            names, waiting = recall.in_order([*(() if is_whole else here), *found]), [*here]
            if not is_whole:
                self.remarks.append(
                    "The server does not name all of its projects. Exported are those that it"
                    " names, and those known here."
                )
        number = sum(here[name].fresh + here[name].dead for name in waiting if name in here)
        if number:
            wait = plural(number, "memory waits here and is", "memories wait here and are")
            self.remarks.append(f"{wait} not in it.")
        if unread:
            self.remarks.append(f"More may wait here: {unread}")
        return names

    @property
    def left(self) -> str:
        """What an unfinished export has left."""
        if self.target is not None:
            return f"{self.target} is as it was."
        return f"{self.count} written before." if self.written else "Nothing was written."

    @property
    def count(self) -> str:
        """How many memories were written."""
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
def command(*, project: str | None, out: Path | None) -> None:
    """Write the server's memories as JSON lines, which `add --jsonl` takes.

    Each line is an object with id, project_id, content and, if the server has the time,
    timestamp; the oldest of each project come first. Memories that still wait here are left out.

    If the server fails, FILE stays as it is. The command exits with 1 then, and where the server
    shows less of a project than it has: official servers list a thousand memories of each.
    """
    settings = arguments.load()
    target = None if out in (None, Path("-")) else Path(out or "").expanduser().absolute()
    if target is not None:
        atomic.refuse_odd(target)
        temporary.remove_leftovers(target.parent)  # left by an export that was killed
    export = _Export(settings, project_alone(project) or "", target)
    with output.Progress() as progress:
        try:
            with programs.ends_in_order(), closing(export.lines(progress)) as lines:
                if target is None:
                    sys.stdout.buffer.writelines(lines)
                    sys.stdout.buffer.flush()
                else:
                    atomic.replace(target, lines)
        except KeyboardInterrupt:
            progress.clear()
            output.remark(f"Interrupted: {export.left}")
            raise
    if target is not None:
        output.say(f"{export.count} written to {target}.")
    elif not export.written:
        output.remark("The server has no memories to export.")
    output.remark(*export.remarks)
    if export.cut:
        raise Mem0TrayError(
            f"The server may have more of {plural(len(export.cut), 'project')} than it shows at"
            f" once, and that is missing: "
            f" {output.some(export.cut)}.",
            "All that it shows has been written: compare it with what the server's own tools show.",
        )
