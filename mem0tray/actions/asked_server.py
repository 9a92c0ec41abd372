"""Asking a server for what it took: its listing of a project, and one memory by its key."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from mem0tray.actions.known_texts import KnownText
from mem0tray.actions.patient_questions import PatientQuestions
from mem0tray.core import item as items
from mem0tray.ledger.reader import TakenMemory
from mem0tray.server import Client, Memory, Outcome, Presence, ServerMemory
from mem0tray.server.model import CANNOT_TELL

_WIDTH: Final = 16  # bytes of a mark


class NotAnsweredError(Exception):
    """The server did not answer the question; `said` tells why."""

    def __init__(self, said: Outcome) -> None:
        super().__init__(said.message)
        self.said = said


@dataclass(slots=True)
class ListedProject:
    """A server's listing of a project: marks of the texts, and of our keys if it has them."""

    marks: set[bytes] = field(default_factory=set)
    is_whole: bool = True
    has_keys: bool = False

    def learn(self, memory: ServerMemory, project: str) -> None:
        """Add a memory."""
        self.marks.add(items.digest(project, memory.text)[:_WIDTH])
        if memory.key:
            self.has_keys = True
            self.marks.add(_mark(memory.key))

    def has(self, memory: TakenMemory) -> bool:
        """Whether the memory is listed, by its key or its text."""
        from mem0tray.server.outgoing import key_header  # slow to import, as all of the network

        mark = _mark(key_header(memory.key))
        return mark in self.marks or memory.digest[:_WIDTH] in self.marks


class AskedServer:
    """Puts questions to a server, with patience.

    `client` is None if nothing was ever stored there. `infers`: it does not keep texts unchanged.
    """

    def __init__(self, client: Client | None, timeout: float, *, infers: bool) -> None:
        self._questions = None if client is None else PatientQuestions(client, timeout)
        self.infers = infers

    def listed(self, project: str, tell: Callable[[int], object]) -> ListedProject | None:
        """All that the server lists of a project; None if nothing. Raises NotAnsweredError.

        `tell` hears how many memories there are so far.
        """
        found = ListedProject()
        count = 0
        for page in self._questions.pages(project) if self._questions is not None else ():
            if isinstance(page, Outcome):
                if page.status in CANNOT_TELL:
                    return None
                raise NotAnsweredError(page)
            for memory in page.memories:
                found.learn(memory, project)
            found.is_whole &= page.whole
            count += len(page.memories)
            tell(count)
        return found

    def has(self, memory: TakenMemory, text: KnownText | None) -> Presence:
        """What the server says about one memory. Raises NotAnsweredError.

        Without the text the server finds it by the key, or cannot tell: a memory too unlike the
        query may not be found.
        """
        if self._questions is None:
            return Presence.ABSENT
        content = "" if text is None else text.item.content
        asked = Memory(memory.project, content, memory.key)
        found = self._questions.answer(self._questions.client.ask, asked)
        if isinstance(found, Outcome):
            raise NotAnsweredError(found)
        if found is Presence.ABSENT and (text is None or self.infers):
            return Presence.CANNOT_TELL
        return found


def _mark(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:_WIDTH]
