"""What a server has of the projects last asked about, remembered for a short while.

After the ledger was lost, many items of one project have to be asked about;
one listing answers them all, as far as it goes. Fingerprints of the texts are
enough, and small. What is delivered meanwhile is not added: an item of the
same text is another memory.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable

from mem0tray.core.large import LargeText, pieces

MAX_AGE = 10.0  # seconds
MAX_TEXTS = 200_000  # in all listings of a client together: about 3 MB
_WIDTH = 16  # bytes of a fingerprint


class ProjectListing:
    """What a server listed of a project when it was asked at `asked` (monotonic seconds).

    `complete` means that the server has no other texts of the project.
    """

    # Packed, a text takes its sixteen bytes; as a set it would take a hundred.
    __slots__ = ("_packed", "asked", "complete")

    def __init__(self, texts: Iterable[str], asked: float, *, complete: bool) -> None:
        self._packed = b"".join(sorted(map(fingerprint, texts)))
        self.asked = asked
        self.complete = complete

    def __len__(self) -> int:
        """How many texts were listed."""
        return len(self._packed) // _WIDTH

    def __contains__(self, text: str | LargeText) -> bool:
        """Whether exactly this text was listed."""
        wanted = fingerprint(text)
        at = bisect_left(range(len(self)), wanted, key=self._at)
        return self._at(at) == wanted

    def _at(self, index: int) -> bytes:
        return self._packed[index * _WIDTH : (index + 1) * _WIDTH]


class Listings:
    """The last listings, by project; times are monotonic seconds, given by the caller."""

    def __init__(self) -> None:
        self._listings: dict[str, ProjectListing] = {}

    def keep(self, project: str, listing: ProjectListing) -> None:
        """Remember a listing; forget those too old by then, and the first if they are too many."""
        for name, one in list(self._listings.items()):
            if listing.asked - one.asked > MAX_AGE:
                del self._listings[name]
        self._listings.pop(project, None)
        self._listings[project] = listing
        while len(self._listings) > 1 and self._texts() > MAX_TEXTS:
            del self._listings[next(iter(self._listings))]

    def _texts(self) -> int:
        # An empty project takes room too.
        return sum(len(listing) + 1 for listing in self._listings.values())

    def recent(self, project: str, since: float, now: float) -> ProjectListing | None:
        """The project's listing, if it was asked for after `since` and is not too old."""
        listing = self._listings.get(project)
        if listing is None or listing.asked <= since or now - listing.asked > MAX_AGE:
            return None
        return listing


def fingerprint(text: str | LargeText) -> bytes:
    """16 bytes that stand for exactly this text.

    Over UTF-16, in which a pair of surrogates and the character that it stands
    for are the same: JSON turns the one into the other on the way.
    """
    found = hashlib.blake2b(digest_size=_WIDTH)
    for piece in pieces(text):
        found.update(piece.encode("utf-16-le", "surrogatepass"))
    return found.digest()
