"""What a server has of the projects last asked about, remembered for a short while.

After the ledger was lost, many items of one project have to be asked about;
one listing answers them all. Hashes of the texts are enough, and small.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

MAX_AGE = 10.0  # seconds
MAX_TEXTS = 30_000  # in all listings together: about 3 MB


@dataclass(frozen=True, slots=True)
class _Listing:
    fetched: float
    hashes: frozenset[bytes]


class Listings:
    """Complete listings by project; times are monotonic seconds, given by the caller."""

    def __init__(self) -> None:
        self._listings: dict[str, _Listing] = {}

    def keep(self, project: str, hashes: Iterable[bytes], asked: float) -> None:
        """Remember a complete listing that was asked for at `asked`; forget those too old."""
        for old in [name for name, one in self._listings.items() if asked - one.fetched > MAX_AGE]:
            del self._listings[old]
        self._listings.pop(project, None)
        self._listings[project] = _Listing(asked, frozenset(hashes))
        while len(self._listings) > 1 and self._texts() > MAX_TEXTS:
            del self._listings[next(iter(self._listings))]

    def _texts(self) -> int:
        # An empty project takes room too.
        return sum(len(listing.hashes) + 1 for listing in self._listings.values())

    def has(self, project: str, text: str, since: float, now: float) -> bool | None:
        """Whether the server has `text`, or None when no listing after `since` says so."""
        listing = self._listings.get(project)
        if listing is None or listing.fetched <= since:
            return None
        if now - listing.fetched > MAX_AGE:
            del self._listings[project]
            return None
        return fingerprint(text) in listing.hashes


def fingerprint(text: str) -> bytes:
    """16 bytes that stand for exactly this text.

    Over UTF-16, in which a pair of surrogates and the character that it stands
    for are the same: JSON turns the one into the other on the way.
    """
    return hashlib.blake2b(text.encode("utf-16-le", "surrogatepass"), digest_size=16).digest()
