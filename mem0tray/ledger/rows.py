"""What stands in rows of the ledger: items and attempts, as its users see them; which are meant."""

import json
import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from msgspec import Struct

from mem0tray.core import item as items
from mem0tray.core import reasons
from mem0tray.core.item import Name
from mem0tray.core.reasons import Reason
from mem0tray.core.text import one_line
from mem0tray.ledger.database import decode, encode


class Row(Struct, frozen=True):
    """What intake and merge see of one (id, content).

    `since`: when it ended, or else when it last began to wait (Unix seconds). `servers` have taken
    it. `reason`: why it was discarded. `raw`: a dead letter as it is to stand in the DLQ file.
    """

    key: int
    item_id: str
    digest: bytes
    state: str
    retry_count: int
    last_attempt: float
    since: float
    servers: frozenset[str]
    reason: str | None
    raw: bytes | None = None

    @property
    def name(self) -> Name:
        return self.item_id, self.digest

    def is_delivered(self, server: str) -> bool:
        return self.state == items.DELIVERED and (not server or server in self.servers)


def row_from(values: Sequence[Any]) -> Row:
    """Return a Row from the columns `row` of `queries.sql`, and its bytes if they follow."""
    key, item_id, *rest, servers, reason = values[:9]
    taken = frozenset(servers.split("\n")) if servers else frozenset[str]()
    all_of_it = [key, decode(item_id), *rest, taken, reason, *values[9:]]
    return Row(*all_of_it)


class Known(Struct, frozen=True):
    """What commands see of one (id, content).

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
    retry_count: int
    last_attempt: float
    taken: float | None
    held: float | None
    project: str
    at_work: bool

    @property
    def name(self) -> Name:
        return self.id, self.digest

    @property
    def is_held(self) -> bool:
        """Whether it is not sent automatically, as another worker has perhaps delivered it."""
        return self.state == items.FRESH and self.taken is not None


def known_from(row: Sequence[Any]) -> Known:
    """Return a Known from the columns `known` of `queries.sql`."""
    key, item_id, *rest, project, at_work = row
    values = [key, decode(item_id), *rest, decode(project), bool(at_work)]
    return Known(*values)


Listed = tuple[Known, bytes]  # a memory, and its object as it should stand in its file


class Batch(Struct, frozen=True):
    """What one deletion discarded at `closed`; `since`: when each came, or was last restored."""

    closed: float
    reason: str
    raws: Sequence[bytes]
    since: Sequence[float]


class TakenMemory(NamedTuple):
    """A memory that a server took at `at` (Unix seconds) under an idempotency key."""

    id: str
    project: str
    digest: bytes
    key: str
    at: float


class Traced(Struct, frozen=True):
    """A memory, and whether a former server, `there`, and the chosen one, `here`, have taken it."""

    id: str
    digest: bytes
    key: str
    project: str
    timestamp: float
    state: str
    there: bool
    here: bool
    forgotten: bool = False  # its text is erased here for good


class Attempt(Struct, frozen=True):
    """An attempt that failed: `at` in Unix seconds, `kind` a failure class, `duration` seconds.

    `kept` is the reason as the ledger keeps it. `request` is what the server calls the attempt in
    its own log, empty where it did not say.
    """

    at: float
    kind: str
    status: int | None
    kept: str
    duration: float
    request: str = ""

    @property
    def reason(self) -> Reason:
        return from_kept(self.kept)

    @property
    def message(self) -> str:
        return one_line(str(self.reason))


def kept(reason: Reason) -> str:
    """Pack a reason for the ledger: others' words as they are, a sentence of ours as JSON."""
    quotes = reason.id in ("", reasons.quoted("x").id)
    return str(reason) if quotes else json.dumps(reason.document())


def from_kept(text: str) -> Reason:
    """Return the reason that a text of `kept` stands for."""
    if not text.startswith('{"id":'):
        return reasons.quoted(text)
    document = json.loads(text)
    return reasons.read(document["id"], document["arguments"])


class ProjectCounts(NamedTuple):
    """How many dead letters, and fresh entries, a project has (empty: no project)."""

    project: str
    dead: int
    fresh: int


# How dead letters may be sorted.
ORDERS: Final = {
    "due": "due, ts",
    "newest": "moved DESC",
    "oldest": "moved",
    "tries": "retry_count DESC",
}


class Matching(NamedTuple):
    """Which dead letters are meant: of a project, with one of these errors, with a text in theirs.

    They wait `since` that time or a later one, but from `before` that one (Unix seconds), and are
    among `keys`. None is any.
    """

    project: str | None = None
    errors: Sequence[str] | None = None
    text: str | None = None
    since: float | None = None
    before: float | None = None
    keys: Sequence[int] | None = None

    def values(self) -> dict[str, Any]:
        text = escaped = None
        if self.text:
            escaped = _like(json.dumps(self.text)[1:-1])  # as JSON may have it
            text = _like(self.text)
        return self._asdict() | {
            "project": None if self.project is None else encode(self.project),
            "errors": None if self.errors is None else json.dumps(list(self.errors)),
            "text": text,
            "escaped": escaped,
            "keys": None if self.keys is None else json.dumps(list(self.keys)),
        }


def _like(text: str) -> str:
    if "\0" in text:  # where SQLite ends a pattern: it would match everything
        return ""
    return "%" + re.sub(r"[%_\\]", r"\\\g<0>", text) + "%"
