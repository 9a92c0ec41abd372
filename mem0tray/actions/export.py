"""The server's memories as lines that `add --jsonl` takes: by project, the oldest first.

Servers list the newest first, so that a project is written once its last page has come.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Final

from mem0tray.actions import chosen_client, projects
from mem0tray.actions.chosen_client import PatientQuestions
from mem0tray.actions.recall import why_not_shown
from mem0tray.config.server_choice import chosen_server
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core import memory_lines
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.memory_lines import MemoryLine
from mem0tray.ledger.reader import Reader
from mem0tray.server import Outcome, ServerMemory

TIMEOUT: Final = 60.0  # seconds for a page


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
                ids = reader.ids_by_digest(taken.get(name, ()), server.name)
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
            lines = [memory_lines.write(_line(each, ids)) for each in page.memories]
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
