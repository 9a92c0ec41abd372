"""Waits that an edit of the DLQ file begins, and how they are told."""

from mem0tray.core import events
from mem0tray.worker.dlq import telling_backoffs
from mem0tray.worker.telling.log import BACKOFFS_PER_MINUTE
from tests.worker.dlq.generations import Ledger, known, shown

NOW = 10_000.0


def test_what_an_edit_brings_or_moves_begins_to_wait() -> None:
    """New letters and changed times and counts begin a wait, the soonest first; the rest none."""
    ledger = Ledger()
    for name in ("same", "later", "text", "wish", "gone"):
        ledger.add(name)
    merge = ledger.merge(
        [
            shown("same"),
            shown("later", last_attempt=NOW, retry_count=4),
            shown("text", content="another text"),
            shown("wish", last_attempt=0),
            shown("new", last_attempt=NOW - 10, retry_count=0),
            shown("soon", last_attempt=NOW - 29.5, retry_count=0),
            shown("due", last_attempt=1.0, retry_count=0),
        ],
        known(9),
    )
    assert telling_backoffs.begun(merge, NOW) == [
        ("alpha", "soon", 0.5), ("alpha", "new", 20.0), ("alpha", "later", 480.0),
    ]  # fmt: skip


def test_many_waits_are_told_by_their_number() -> None:
    """The soonest are told by name, as many as the log takes in a minute, and the rest as a sum."""
    told: list[events.Event] = []
    many = [("alpha", f"letter {n}", float(n + 1)) for n in range(BACKOFFS_PER_MINUTE + 5)]
    telling_backoffs.tell(told.append, many, len(many))
    assert told[-1] == events.MoreInBackoff(5)
    assert told[:-1] == [events.InBackoff(*wait) for wait in many[:BACKOFFS_PER_MINUTE]]
