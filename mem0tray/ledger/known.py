"""What commands learn of a memory from the ledger: its row, its failed attempts, its deletion."""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from mem0tray.core import item as items
from mem0tray.core.item import Name
from mem0tray.ledger.database import decode
from mem0tray.ledger.rows import UNKNOWN

# The columns of a `Known`.
KNOWN: Final = (
    "items.key, id, digest, state, CASE state WHEN 'delivered' THEN (SELECT name"
    " FROM outcomes JOIN servers ON servers.key = server WHERE item = items.key AND has"
    f" ORDER BY at DESC LIMIT 1) END, reason, last_error, claimed, {UNKNOWN}, timeouts,"
    " accepted, closed, due, retries, retry_count, last_attempt, taken, held, project,"
    " EXISTS (SELECT 1 FROM tickets WHERE item = items.key)"
)
# No byte of UTF-8 is as large: the ids that begin with a text lie before that text and this byte.
AFTER: Final = b"\xff"


class Attempt(Struct, frozen=True):
    """An attempt that failed: `at` in Unix seconds, `kind` a failure class, `duration` seconds.

    `request` is what the server calls it in its own log, empty where it did not say.
    """

    at: float
    kind: str
    status: int | None
    message: str
    duration: float
    request: str = ""


class Known(Struct, frozen=True):
    """What the ledger knows of one memory (id and digest of its content).

    `held`: since when the server is known to be unable to tell whether another worker, which has
    `taken` it, delivered it. `at_work`: a server has taken it in, and has not told the outcome.
    """

    key: int
    id: str
    digest: bytes
    state: str
    server: str | None
    reason: str | None
    last_error: str | None
    claimed: float | None
    unknown: float | None
    timeouts: int
    accepted: float
    closed: float | None
    due: float
    retries: int
    retry_count: int = 0
    last_attempt: float = 0.0
    taken: float | None = None
    held: float | None = None
    project: str = ""
    at_work: bool = False

    @property
    def name(self) -> Name:
        """What the memory is known by."""
        return self.id, self.digest

    @property
    def is_held(self) -> bool:
        """Whether it is not sent automatically, as another worker has perhaps delivered it."""
        return self.state == items.FRESH and self.taken is not None


class Batch(Struct, frozen=True):
    """Items that one deletion discarded at `closed`, as their bytes stood in a file.

    `since` says when each item was taken in, or last restored.
    """

    closed: float
    reason: str
    raws: Sequence[bytes]
    since: Sequence[float]


def known_from(row: Sequence[Any]) -> Known:
    """A Known from the columns above."""
    key, item_id, *rest, project, at_work = row
    values = [key, decode(item_id), *rest, decode(project), bool(at_work)]
    return Known(*values)
