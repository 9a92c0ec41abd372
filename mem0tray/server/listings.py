"""What one server has said of its projects, shared by all who ask it.

After the ledger was lost, many items of one project have to be asked about; one listing
answers for all of them, as far as it goes. Fingerprints of the texts are enough, and small.
Later deliveries are not added: an item with the same text is another memory.
"""

import hashlib
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from msgspec import Struct, field

MAX_AGE: Final = 60.0  # seconds
MAX_TEXTS: Final = 50_000  # in all listings together: about 5 MB


class ProjectListing(Struct):
    """What a server listed of a project when it was asked at `asked` (monotonic seconds).

    `complete`: the server had no other texts of the project.
    """

    asked: float
    complete: bool
    found: set[bytes] = field(default_factory=set)

    def __contains__(self, text: str) -> bool:
        """Whether exactly this text was listed, or found by a search."""
        return fingerprint(text) in self.found

    def learn(self, texts: Iterable[str]) -> None:
        """Add texts that were found by a search."""
        self.found.update(map(fingerprint, texts))


class Listings:
    """The last listing of each project; times are monotonic seconds, given by the caller.

    Any thread may use it. `checks`: how many deliveries are verified, in dialects whose servers
    may store nothing and say that they did; none any more once one was found there.
    """

    def __init__(self, checks: int = 0) -> None:
        self._checks = self.checks = checks
        self._guard = threading.Lock()
        self._listings: dict[str, ProjectListing] = {}
        self._turns: dict[str, threading.Lock] = {}
        self._cannot_tell: set[tuple[str, str]] = set()
        self._asked: Counter[str] = Counter()

    @contextmanager
    def turn(self, project: str, timeout: float) -> Iterator[None]:
        """Let one thread at a time ask about a project, so that one answer serves all who wait.

        A thread that has waited for `timeout` seconds goes on.
        """
        lock = self._turns.setdefault(project, threading.Lock())
        mine = lock.acquire(timeout=max(timeout, 0.0))
        try:
            yield
        finally:
            if mine:
                self._turns.pop(project, None)
                lock.release()

    def count_question(self, project: str) -> int:
        """Count a question about a project; return how many there have been, with this one."""
        with self._guard:
            self._asked[project] += 1
            return self._asked[project]

    def cannot_tell(self, project: str, question: str) -> bool:
        """Return whether the server has said that it cannot answer this kind of question."""
        return (project, question) in self._cannot_tell

    def note_cannot_tell(self, project: str, question: str) -> None:
        """Note that the server cannot answer this kind of question, until `forget`."""
        self._cannot_tell.add((project, question))

    def forget(self) -> None:
        """Forget everything: the server was down, and what it said may no longer hold."""
        with self._guard:
            self._listings.clear()
            self._cannot_tell.clear()
            self._asked.clear()
            self.checks = self._checks

    def note_check(self, *, is_kept: bool) -> None:
        """Note that a delivery was verified: the server has it, or did not say."""
        with self._guard:
            self.checks = 0 if is_kept else max(self.checks - 1, 0)

    def keep(self, project: str, listing: ProjectListing) -> None:
        """Remember a listing; the first are forgotten if there are too many texts."""
        with self._guard:
            self._listings.pop(project, None)
            self._listings[project] = listing
            while sum(len(each.found) + 1 for each in self._listings.values()) > MAX_TEXTS:
                del self._listings[next(iter(self._listings))]  # an empty one takes room too

    def recent(self, project: str, since: float, now: float) -> ProjectListing | None:
        """Return the project's listing, if it was asked for after `since` and is not too old."""
        listing = self._listings.get(project)
        if listing is None or listing.asked <= since or now - listing.asked > MAX_AGE:
            return None
        return listing


def fingerprint(text: str) -> bytes:
    """Make 16 bytes that stand for exactly this text.

    Over UTF-16, in which a pair of surrogates and the character that it stands
    for are the same: JSON turns the one into the other on the way.
    """
    data = text.encode("utf-16-le", "surrogatepass")
    return hashlib.blake2b(data, digest_size=16).digest()
