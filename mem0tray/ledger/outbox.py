"""What is due, and what became of it: the lanes' heads, claim, outcome, history, tickets.

Every change is a transaction, part of the caller's where one is under way. Raises LedgerError.
"""

import sqlite3
from collections.abc import Collection, Iterable
from typing import Final

from msgspec import Struct

from mem0tray.core import item as items
from mem0tray.core.due import LONGEST_ASKED
from mem0tray.ledger.database import Ledger, decode, encode
from mem0tray.ledger.names import CANARY, LAST_DELIVERY, OF_ANOTHER_WORKER, SQL

LANES: Final = (items.FRESH, items.DEAD)


class Ticket(Struct, frozen=True):
    """A server's name for its work on a memory, and when it gave that name (Unix seconds)."""

    name: str
    at: float


class Job(Struct, frozen=True):
    """One delivery: the item as it was when it was claimed.

    `unknown`: since when the server that it goes to may have it; None: that server does not, as
    far as is known. `delivered`: when it took it before. `taken`: when another worker perhaps
    did. `ticket`: the one to ask that server with. `timestamp` is the producer's.
    `read_there`: a migration read the item from that server, where others had saved it.
    `restored`: the server was to delete it under another key, and may not have done so.
    `as_agent`: as in a `Memory`.
    """

    key: int
    lane: str
    item_id: str
    project: str
    text: str
    idempotency_key: str
    retries: int
    retry_count: int
    last_attempt: float
    unknown: float | None
    timeouts: int
    taken: float | None
    delivered: float | None
    timestamp: float
    ticket: Ticket | None
    read_there: bool
    restored: bool = False
    as_agent: bool = False


class Outbox:
    """Gives out due items of the ledger, and records what became of them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def head(
        self,
        lane: str,
        now: float,
        avoid: str | None = None,
        *,
        prompt: bool = False,
        beside: Collection[str] = (),
    ) -> int | None:
        """Return the key of the oldest item of a lane that is due.

        `avoid`: not of this project; `prompt`: only one that has never timed out; `beside`: under
        none of these ids.
        """
        more = " AND timeouts = 0" if prompt else ""
        values: list[float | bytes] = [now]
        if avoid is not None:
            more += " AND project != ?"
            values.append(encode(avoid))
        if beside:
            more += f" AND id NOT IN ({', '.join('?' * len(beside))})"
            values += map(encode, beside)
        key: int | None = self._ledger.value(SQL[f"head_{lane}"].format(more=more), *values)
        return key

    def in_turn(self, now: float) -> int | None:
        """Choose the due item that is the next canary: each gets a turn, in order of intake."""
        with self._ledger.transaction():
            last = int(self._ledger.meta(CANARY) or 0)
            key: int | None = self._ledger.value(SQL["in_turn"], now, last)
            if key is not None:
                self._ledger.set_meta(CANARY, key)
        return key

    def other_project_waits(self, project: str, now: float) -> bool:
        return any(self.head(lane, now, avoid=project) is not None for lane in LANES)

    def next_due(self, skip: Collection[int] = ()) -> float | None:
        """Return when the next item falls due, leaving out `skip`; None when nothing waits."""
        times = []
        with self._ledger.locked() as db:
            for lane in LANES:
                sql = SQL["next_due"].format(lane=lane)
                for key, due in db.execute(sql, (len(skip) + 1,)):
                    if key not in skip:
                        times.append(float(due))
                        break
        return min(times, default=None)

    def in_backoff(self, now: float) -> list[tuple[str, str, float]]:
        sql = "SELECT project, id, due FROM items WHERE state = 'dead' AND claimed IS NULL"
        rows = self._ledger.rows(f"{sql} AND due > ? ORDER BY due", now)
        return [(decode(project), decode(name), due - now) for project, name, due in rows]

    def due(self, key: int) -> float:
        return float(self._ledger.value("SELECT due FROM items WHERE key = ?", key))

    def standing(self, key: int) -> tuple[str, int, float]:
        sql = "SELECT state, retry_count, last_attempt FROM items WHERE key = ?"
        ((state, count, last_attempt),) = self._ledger.rows(sql, key)
        return state, count, last_attempt

    def defer(self, key: int, due: float) -> None:
        self._ledger.write("UPDATE items SET due = ? WHERE key = ?", due, key)

    def bring_waits_forward(self, now: float, by: float) -> None:
        """Move the waits of fresh entries `by` seconds earlier, as the clock was set back."""
        sql = "UPDATE items SET due = due - ? WHERE state = 'pending' AND due > ?"
        self._ledger.write(sql, by, now)

    def limit_waits(self, now: float, retry_interval: float) -> None:
        """Limit each wait to one delay from now, after the clock was set back."""
        longest = now + max(retry_interval, LONGEST_ASKED)
        with self._ledger.transaction() as db:
            db.execute(SQL["limit_fresh_waits"], (now + retry_interval, longest))
            db.execute(SQL["limit_dead_waits"], (now,))

    def claim(self, key: int, now: float, server: str = "") -> Job:
        with self._ledger.transaction() as db:
            (
                state, item_id, digest, first, retries, count, last_attempt,
                unknown, timeouts, taken, there, timestamp, was_sent, as_agent, raw,
            ) = db.execute(SQL["claim"], (now, server, key)).fetchone()  # fmt: skip
            if there is None:  # the first claim for this server
                there = _server_key(db, server)
                db.execute("UPDATE items SET claimed_for = ? WHERE key = ?", (there, key))
            delivered = ticket = None
            if was_sent:
                sql = "SELECT name, at FROM tickets WHERE item = ? AND server = ?"
                found = db.execute(sql, (key, there)).fetchone()
                ticket = Ticket(*found) if found else None
                sql = "SELECT server, at, has FROM outcomes WHERE item = ?"
                past = db.execute(sql, (key,)).fetchall()
                unknown = perhaps_since(unknown, past, there)
                delivered = next((at for each, at, has in past if each == there and has), None)
                if taken is None and state == items.FRESH:  # no dead letter is ever held
                    taken = next((at for each, at, _ in past if each == OF_ANOTHER_WORKER), None)
        memory = None if raw is None else items.project_and_text(raw)
        if memory is None:  # only items with text content enter the ledger
            raise LookupError(key)
        name = decode(item_id)
        read_there = items.is_id_from(name, server, digest)
        if read_there:  # the address was changed back: it is there, under no key of ours
            unknown, delivered = unknown or 0.0, delivered or 0.0
        before = "" if unknown is None else items.id_before(name)
        removed = (encode(before), digest, items.REMOVED)
        restored = before != "" and bool(self._ledger.value(SQL["was_removed"], *removed))
        return Job(
            key, state, name, *memory,
            items.idempotency_key(name, digest, first), retries, count, last_attempt,
            unknown, timeouts, taken, delivered, timestamp, ticket, read_there, restored,
            bool(as_agent),
        )  # fmt: skip

    def release(self, key: int) -> None:
        self._ledger.write("UPDATE items SET claimed = NULL WHERE key = ?", key)

    def record_delivery(
        self, key: int, server: str, now: float, *, by_another: bool = False
    ) -> str | None:
        """Record a delivery; return why the item had been discarded by then, None if it was not.

        `by_another`: another worker made it, and has counted it in the queue file.
        """
        with self._ledger.transaction() as db:
            why = None
            if not db.execute(f"{SQL['delivered']} AND state != 'discarded'", (now, key)).rowcount:
                why = self._ledger.value("SELECT reason FROM items WHERE key = ?", key) or ""
                db.execute(SQL["delivered"], (now, key))
            db.execute("DELETE FROM texts WHERE key = ?", (key,))
            if not db.execute(SQL["remember_delivery"], (key, now, server)).rowcount:
                _server_key(db, server)
                db.execute(SQL["remember_delivery"], (key, now, server))
            if by_another:
                self._ledger.set_meta(LAST_DELIVERY, now)
            else:
                db.execute(SQL["count_delivery"], (now,))
        return why

    def count_fresh_failure(self, job: Job, due: float, error: str, raw: bytes) -> None:
        with self._ledger.transaction() as db:
            db.execute(SQL["count_fresh_failure"], (due, job.taken, error, job.key))
            if job.taken is not None:  # the other worker may send it elsewhere
                db.execute(SQL["note_outcome"], (job.key, OF_ANOTHER_WORKER, job.taken, None))
            self._ledger.set_raw(job.key, raw)

    def count_dead_failure(
        self, job: Job, count: int, due: float, error: str, raw: bytes, now: float
    ) -> None:
        with self._ledger.transaction() as db:
            db.execute(SQL["count_dead_failure"], (count, now, due, error, job.key))
            self._ledger.set_raw(job.key, raw)

    def mark_unknown(self, key: int, server: str, now: float, *, timed_out: bool) -> None:
        """Record an unknown outcome: `server` is asked before the item is sent there again.

        So are other servers, since one of them may be the same.
        """
        with self._ledger.transaction() as db:
            db.execute(SQL["note_outcome"], (key, _server_key(db, server), now, None))
            if timed_out:
                db.execute("UPDATE items SET timeouts = timeouts + 1 WHERE key = ?", (key,))

    def mark_absent(self, job: Job, server: str) -> None:
        """Record that `server` said that it does not have the item, and then failed it."""
        with self._ledger.transaction() as db:
            db.execute(SQL["note_outcome"], (job.key, _server_key(db, server), job.unknown, 0))

    def record_attempt(
        self,
        key: int,
        at: float,
        kind: str,
        status: int | None,
        message: str,
        duration: float,
        request: str = "",
    ) -> None:
        with self._ledger.transaction() as db:
            values = (key, at, kind, status, message, duration, request)
            db.execute("INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            db.execute(SQL["thin_history"], (key,))

    def note_ticket(self, key: int, server: str, name: str, now: float) -> None:
        """Keep the ticket that `server` gave for an item; the same one keeps its time."""
        self._ledger.write(SQL["note_ticket"], key, name, now, server)

    def drop_ticket(self, key: int, server: str) -> None:
        self._ledger.write(SQL["drop_ticket"], key, server)

    def newest_ticket(self) -> float | None:
        """Return when the last ticket was given for an item that still waits."""
        at: float | None = self._ledger.value(SQL["newest_ticket"])
        return at


def make_claims_unknown(ledger: Ledger, now: float, wait: float) -> int:
    """At a start, make each claim without an outcome an unknown outcome; return how many.

    The server, which may still be at work on it, is asked `wait` seconds after the request.
    """
    with ledger.transaction() as db:
        db.execute(SQL["claims_to_outcomes"])
        return db.execute(SQL["claims_unknown"], (now, wait)).rowcount


def make_all_unknown(ledger: Ledger, now: float) -> None:
    """Make the outcome of everything that waits unknown, so that the server is asked first."""
    ledger.write("UPDATE items SET unknown = ? WHERE state IN ('pending', 'dead')", now)


def perhaps_since(
    unknown: float | None, past: Iterable[tuple[int, float, int | None]], there: int
) -> float | None:
    """Return since when a server may have an item without having said so; None: nothing to ask.

    `unknown`: since when any may have it. `past`: server, time and outcome as in `outcomes`. What
    another server took counts too: it may be the same one under another address.
    """
    denied, perhaps = None, [] if unknown is None else [unknown]
    for server, at, has in past:
        if has == 0:
            denied = at if server == there else denied
        else:
            perhaps.append(at)
    since = max(perhaps, default=None)
    return None if since == denied else since


def _server_key(db: sqlite3.Connection, name: str) -> int:
    found = db.execute("SELECT key FROM servers WHERE name = ?", (name,)).fetchone()
    if found is None:
        return int(db.execute("INSERT INTO servers (name) VALUES (?)", (name,)).lastrowid or 0)
    return int(found[0])
