"""What one server has said of its projects, shared by all who ask it.

One listing answers for many items of a project. Fingerprints of the texts are enough, and small;
later deliveries are not added: an item with the same text is another memory.
"""

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Iterable
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
        return fingerprint(text) in self.found

    def learn(self, texts: Iterable[str]) -> None:
        self.found.update(map(fingerprint, texts))


class Listings:
    """The last listing of each project, and what else all who ask one server share.

    Any thread may use it. `checks`: how many deliveries are still verified, in dialects whose
    servers may store nothing and say that they did. `cannot_tell`: projects with the kind of
    question that the server cannot answer. `asked`: how often a project was asked about.
    """

    def __init__(self, checks: int = 0) -> None:
        self._checks = self.checks = checks
        self._guard = threading.Lock()
        self._listings: dict[str, ProjectListing] = {}
        self.cannot_tell: set[tuple[str, str]] = set()
        self.asked: Counter[str] = Counter()

    def forget(self) -> None:
        """Forget everything: the server was down, and what it said may no longer hold."""
        with self._guard:
            self._listings.clear()
            self.cannot_tell.clear()
            self.asked.clear()
            self.checks = self._checks

    def note_check(self, *, is_kept: bool) -> None:
        """Note that a delivery was verified: the server has it, or did not say."""
        with self._guard:
            self.checks = 0 if is_kept else max(self.checks - 1, 0)

    def recent(self, project: str, since: float) -> ProjectListing | None:
        """Return the last listing, if the server was asked for it after `since` (monotonic)."""
        known = self._listings.get(project)
        if known and known.asked > since and time.monotonic() - known.asked <= MAX_AGE:
            return known
        return None

    def keep(self, project: str, listing: ProjectListing) -> None:
        with self._guard:
            self._listings.pop(project, None)
            self._listings[project] = listing
            while sum(len(each.found) + 1 for each in self._listings.values()) > MAX_TEXTS:
                del self._listings[next(iter(self._listings))]  # an empty one takes room too


def fingerprint(text: str) -> bytes:
    """Make 16 bytes that stand for exactly this text.

    Over UTF-16, in which a pair of surrogates and the character that it stands
    for are the same: JSON turns the one into the other on the way.
    """
    data = text.encode("utf-16-le", "surrogatepass")
    return hashlib.blake2b(data, digest_size=16).digest()
