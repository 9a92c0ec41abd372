"""Outcomes that nobody knows: of what a worker left when it was killed, or beside another worker.

The server is asked about each before the item is sent again.
"""

from mem0tray.ledger.database import Ledger


def make_claims_unknown(ledger: Ledger, now: float, wait: float) -> int:
    """At a start, make each claim without an outcome an unknown outcome; return how many.

    The server may still be at work on such a request, and would say that it has nothing: so it
    is asked `wait` seconds after the request at the soonest, as after every failure.
    """
    with ledger.transaction() as db:
        db.execute(
            "INSERT INTO outcomes SELECT key, claimed_for, claimed, NULL FROM items"
            " WHERE claimed IS NOT NULL AND claimed_for IS NOT NULL"
            " ON CONFLICT DO UPDATE SET at = excluded.at, has = NULL WHERE has IS NOT 1"
        )
        return db.execute(
            # Former versions did not note the server.
            "UPDATE items SET unknown = iif(claimed_for IS NULL, claimed, unknown),"
            " due = max(due, min(claimed, ?) + ?), claimed = NULL WHERE claimed IS NOT NULL",
            (now, wait),
        ).rowcount


def make_all_unknown(ledger: Ledger, now: float) -> None:
    """Have everything that waits asked about before it is sent: nobody knows what was sent."""
    with ledger.transaction() as db:
        db.execute("UPDATE items SET unknown = ? WHERE state IN ('pending', 'dead')", (now,))
