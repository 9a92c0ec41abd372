"""The server's memories as lines that `add --jsonl` takes: by project, the oldest first.

Servers list the newest first. The pages of a project with more than one wait in a temporary file
until the last has come: so the lines are in the memories' order, and no more than a page is in
memory.
"""

import tempfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from msgspec.structs import replace

from mem0tray.actions import chosen_client, projects
from mem0tray.actions.chosen_client import PatientQuestions
from mem0tray.actions.recall import why_not_shown
from mem0tray.config.server_choice import chosen_server
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core import memory_lines
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.memory_lines import MemoryLine
from mem0tray.files import atomic
from mem0tray.ledger.reader import Reader
from mem0tray.server import Outcome, Page, ServerMemory

TIMEOUT: Final = 60.0  # seconds for a page
_IN_MEMORY: Final = 1 << 23  # bytes of pages that wait


@dataclass(slots=True)
class Export:
    """`lines()` of the memories that the server has, of one project or (`project` empty) of all.

    `watch` is called after each page. `folder`: where pages wait, None for the system's own place.
    Known so far: of `total` memories (None where the server does not say how many there are) `read`
    have come and `written` are in the lines given, from `projects` projects; of those in `cut` the
    server has, or may have, more than it shows; `unnamed`: it may have projects that it does not
    name. `waiting`: how many memories of these projects wait here, and are left out; `unread` says
    why that is not all.
    """

    settings: Settings
    project: str
    watch: Callable[["Export"], None]
    folder: Path | None = None
    total: int | None = None
    read: int = 0
    written: int = 0
    projects: int = 0
    cut: list[str] = field(default_factory=list)
    unnamed: bool = False
    waiting: int = 0
    unread: str = ""

    def lines(self) -> Generator[bytes]:
        """The lines, some at a time. Raises Mem0TrayError where the server fails."""
        paths = self.settings.locations()
        server = chosen_server(self.settings, paths)
        here, self.unread = projects.known_here(self.settings)
        with (
            chosen_client.opened(self.settings, paths) as client,
            Reader(paths.ledger) as reader,
        ):
            names = [self.project]
            if not self.project:
                found = projects.of_server(client, server.shown)
                self.unnamed = not found.whole
                self.total = sum(each.count or 0 for each in found.found) if found.whole else None
                known = () if found.whole else here
                names = projects.in_order([*known, *(each.project for each in found.found)])
            waiting = [here[name] for name in (names if self.project else here) if name in here]
            self.waiting = sum(each.fresh + each.dead for each in waiting)
            if client is None:  # nothing was ever stored there
                return
            questions = PatientQuestions(client, TIMEOUT)
            taken = reader.taken(server.name)
            for name in names:
                before = self.written
                ids = reader.ids_by_digest(taken.get(name, ()), server.name)
                pages = self._pages(questions, name, server.shown)
                yield from self._lines_of(_with_ids(page, ids) for page in pages)
                self.projects += self.written > before

    def _lines_of(self, pages: Iterator[Page]) -> Generator[bytes]:
        page = next(pages)
        if not page.after:
            yield self._given(_lines(page.memories), len(page.memories))
            return
        folder = str(self.folder or tempfile.gettempdir())
        try:
            with tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=folder) as spool:
                kept = [self._keep(spool, page), *(self._keep(spool, each) for each in pages)]
                for begin, size, number in reversed(kept):
                    spool.seek(begin)
                    yield self._given(spool.read(size), number)
        except OSError as error:
            raise atomic.unavailable(Path(folder), error) from error

    def _keep(self, spool: IO[bytes], page: Page) -> tuple[int, int, int]:
        """Keep a page in the file; return its place, its bytes, its memories."""
        lines, begin = _lines(page.memories), spool.tell()
        spool.write(lines)
        return begin, len(lines), len(page.memories)

    def _given(self, lines: bytes, number: int) -> bytes:
        self.written += number
        return lines

    def _pages(self, questions: PatientQuestions, project: str, destination: str) -> Iterator[Page]:
        """The pages of a project, at least one. Raises Mem0TrayError."""
        for said in questions.pages(project):
            if isinstance(said, Outcome):
                raise Mem0TrayError(why_not_shown(destination, said))
            self.read += len(said.memories)
            if not said.whole and project not in self.cut:
                self.cut.append(project)
            self.watch(self)
            yield said


def _with_ids(page: Page, known: dict[bytes, list[str]]) -> Page:
    """Fill in the ids under which we delivered these texts, where the server keeps no key."""
    for place, each in enumerate(page.memories):
        ids = known.get(items.digest(each.project, each.text))
        if ids and not each.key:
            page.memories[place] = replace(each, key=ids.pop())
    return page


def _lines(memories: list[ServerMemory]) -> bytes:
    """The lines of a page, the oldest memory first."""
    return b"".join(memory_lines.write(_line(each)) for each in reversed(memories))


def _line(memory: ServerMemory) -> MemoryLine:
    """A memory's line; without a key of ours its id is the same at each export."""
    name = memory.key or items.stable_id(memory.id, memory.project, memory.text, 0)
    return MemoryLine(memory.project, memory.text, name, memory.created_at())
