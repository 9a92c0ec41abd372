"""What a server has of a few projects, remembered for a short while.

After the ledger was lost, many items of one project have to be asked about;
one listing answers them all. Hashes of the texts are enough, and small.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

MAX_AGE = 10.0  # seconds
MAX_PROJECTS = 4


@dataclass(frozen=True, slots=True)
class _Listing:
    fetched: float
    hashes: frozenset[bytes]


class Listings:
    """Complete listings by project; times are monotonic seconds, given by the caller."""

    def __init__(self) -> None:
        self._listings: dict[str, _Listing] = {}

    def keep(self, project: str, hashes: Iterable[bytes], asked: float) -> None:
        """Remember a complete listing that was asked for at `asked`."""
        self._listings.pop(project, None)
        while len(self._listings) >= MAX_PROJECTS:
            del self._listings[next(iter(self._listings))]
        self._listings[project] = _Listing(asked, frozenset(hashes))

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
