"""Entries that left the queue file by another hand, and whether another worker may have them.

Three columns tell about such an entry. `vanished`: when it left. `taken`: it left while another
worker was at work (or in the minute before that worker was seen), so its outcome is unknown and the
server is asked before it is sent. `held`: the server cannot tell, so that the user decides.
"""

import json
from collections.abc import Iterable
from typing import Final

from msgspec.structs import asdict

from mem0tray.core.state import WorkerSeen
from mem0tray.ledger.database import Ledger, decode
from mem0tray.ledger.names import METRICS_AT_START, OTHER_WORKER, OUR_RUN, SQL

_RUNS: Final = 8  # so many of our runs are known by their ids
MINUTE: Final = 60.0  # seconds before another worker was first seen that count as its time


def worker_in(kept: str | None) -> WorkerSeen | None:
    """Return the other worker that a value in the ledger names; None for none."""
    return WorkerSeen(**json.loads(kept)) if kept else None


class ForeignClaims:
    """What the ledger remembers of another worker, and of what it may have taken."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def worker(self) -> WorkerSeen | None:
        return worker_in(self._ledger.meta(OTHER_WORKER))

    def note_worker(self, seen: WorkerSeen) -> int:
        """Note a sign of another worker; return how many entries it has perhaps taken lately."""
        with self._ledger.transaction(durable=True):
            before = self._ledger.meta(OTHER_WORKER)
            self._ledger.set_meta(OTHER_WORKER, json.dumps(asdict(seen)))
            if before:
                return 0
            return self._ledger.write(SQL["take_lately"], seen.first, seen.first - MINUTE)

    def forget_worker(self) -> None:
        self._ledger.set_meta(OTHER_WORKER, None)

    def begin(self, run: str, metrics: list[int] | None) -> tuple[list[str], list[int] | None]:
        """Note our run and the metrics file as found; return our runs before, and the last's find.

        More than the last one: a run that is killed early leaves the metrics of the one before.
        """
        with self._ledger.transaction():
            before = self.last_start()
            self._ledger.set_meta(OUR_RUN, " ".join([run, *before[0][: _RUNS - 1]]))
            self._ledger.set_meta(METRICS_AT_START, json.dumps(metrics))
        return before

    def last_start(self) -> tuple[list[str], list[int] | None]:
        found = self._ledger.meta(METRICS_AT_START)
        runs = str(self._ledger.meta(OUR_RUN) or "").split()
        return runs, json.loads(found) if found else None

    def missing(self, present: set[int]) -> list[int]:
        """Find waiting entries that stood in the queue file as last published, and now do not."""
        return [key for (key,) in self._ledger.rows(SQL["missing"]) if key not in present]

    def unshown(self) -> list[int]:
        return [key for (key,) in self._ledger.rows(SQL["unshown"])]

    def vanished(self) -> set[tuple[str, bytes]]:
        return {(decode(item_id), digest) for item_id, digest in self._ledger.rows(SQL["vanished"])}

    def vanish(self, keys: Iterable[int], now: float, *, taken: bool, wait_until: float) -> int:
        """Note that another hand took these out of the file; return for how many that is news.

        `taken`: another worker is at work, or by `wait_until` we shall have seen whether one is.
        """
        sql, values = SQL["vanish"], [now]
        if taken:
            sql, values = SQL["take"], [now, now, now]
        elif wait_until > now:
            sql, values = SQL["suspect"], [now, now, wait_until]
        with self._ledger.transaction(durable=True):
            return sum(self._ledger.write(sql, *values, key) for key in keys)

    def come_back(self, keys: Iterable[int]) -> None:
        """Note that another hand put these back: whoever took them has not delivered them."""
        with self._ledger.transaction() as db:
            each = [(key,) for key in keys]
            db.executemany(SQL["come_back"], each)
            db.executemany(SQL["clear_claim"], each)

    def show(self, keys: Iterable[int]) -> None:
        sql = "UPDATE items SET shown = 1 WHERE key = ? AND NOT shown"
        with self._ledger.transaction() as db:
            db.executemany(sql, ((key,) for key in keys))

    def ask(self, key: int, now: float) -> None:
        self._ledger.write("UPDATE items SET unknown = ? WHERE key = ?", now, key)

    def hold(self, key: int, now: float) -> None:
        """Hold an item for the user: another worker may have it, and the server cannot tell."""
        self._ledger.write(SQL["hold"], now, key)

    def send(self, keys: Iterable[int]) -> int:
        """Make these wait to be sent, as the user wants; return how many were held."""
        with self._ledger.transaction(durable=True) as db:
            each = [(key,) for key in keys]
            held = sum(db.execute(SQL["send"], key).rowcount for key in each)
            db.executemany(SQL["clear_claim"], each)
        return held
