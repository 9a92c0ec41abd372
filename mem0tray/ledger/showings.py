"""What generations of the DLQ file showed of one item: the base of a merge. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Showing:
    """Generations `first` to `last` showed an item alike; `last` is None while the newest does.

    `body` is a hash of the user's part of it, None where that is no longer known. `saved`: a
    user saved the item so under that generation's name, which itself showed something else.
    """

    first: int
    last: int | None
    retry_count: int
    last_attempt: float
    body: bytes | None = None
    saved: bool = False

    def covers(self, gen: int) -> bool:
        """Whether this is what that generation showed."""
        return self.first <= gen and (self.last is None or gen <= self.last)


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything that the DLQ file has shown of an item."""

    showings: Sequence[Showing] = ()

    def stood_in(self, gen: int) -> bool:
        """Whether the item stood in that generation."""
        return any(each.covers(gen) for each in self._ours())

    def first(self) -> int | None:
        """The generation that first showed the item, ever."""
        return min((each.first for each in self._ours()), default=None)

    def last(self, current: int) -> int | None:
        """The last generation that showed it, the newest being `current`."""
        ends = (current if each.last is None else each.last for each in self._ours())
        return max(ends, default=None)

    def had_count(self, retry_count: int) -> bool:
        """Whether the file has shown the item with this count."""
        return any(each.retry_count == retry_count for each in self.showings)

    def had_time(self, last_attempt: float) -> bool:
        """Whether the file has shown the item with this time."""
        return any(each.last_attempt == last_attempt for each in self.showings)

    def had_body(self, body: bytes) -> bool:
        """Whether the file has shown the item with this body."""
        return any(each.body == body for each in self.showings)

    def with_values(self, retry_count: int, last_attempt: float) -> list[Showing]:
        """The showings that had both of these values."""
        value = (retry_count, last_attempt)
        return [each for each in self.showings if (each.retry_count, each.last_attempt) == value]

    def _ours(self) -> list[Showing]:
        return [each for each in self.showings if not each.saved]
