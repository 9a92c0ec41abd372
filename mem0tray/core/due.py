"""When an item is due again: the backoff of dead letters, the interval of fresh entries.

Pure: times are Unix seconds, waits are seconds, and `now` is an argument. Source of every rule:
the contract, section 3. `asked` is the wait that a server's `Retry-After` asked for, None where
it asked for none: it makes a wait longer, never shorter.
"""

from typing import Final

BACKOFF_BASE: Final = 30.0
BACKOFF_MAX: Final = 3600.0
GROWS_UNTIL: Final = 7  # retries; from here on the backoff is BACKOFF_MAX
LONGEST_ASKED: Final = 3600.0  # no server makes an item wait longer
LONGEST_WORK: Final = 3600.0  # a server at work on an item for longer is sent the item again
_FIRST_LOOK: Final = 2.0


def backoff(retry_count: int) -> float:
    """Return how long a dead letter waits after its last attempt: min(2^n × 30, 3600)."""
    return min(BACKOFF_BASE * 2.0 ** min(max(retry_count, 0), GROWS_UNTIL), BACKOFF_MAX)


def dead_due(last_attempt: float, retry_count: int, now: float) -> float:
    """Return when a dead letter is due by its fields: at once for 0, at most a delay from `now`."""
    if last_attempt <= 0:
        return 0.0
    return min(last_attempt, now) + backoff(retry_count)


def dead_wait(retry_count: int, asked: float | None) -> float:
    """Return how long a dead letter waits that has just failed for the `retry_count`th time."""
    return max(backoff(retry_count), _bounded(asked))


def fresh_due(now: float, interval: float, asked: float | None) -> float:
    """Return when a fresh entry is due that has just failed; see `sync.retry_interval`."""
    return now + max(interval, _bounded(asked))


def work_due(now: float, since: float, longest: float) -> float:
    """Return when to ask a server again that works on an item: 2, 4, 8 … seconds after `since`."""
    return now + min(max(now - since, _FIRST_LOOK), longest)


def _bounded(asked: float | None) -> float:
    return min(asked or 0.0, LONGEST_ASKED)
