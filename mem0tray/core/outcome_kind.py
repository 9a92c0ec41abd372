"""The kinds of outcome that an attempt can have; the ledger keeps those of failures."""

import enum


class Kind(enum.StrEnum):
    """What became of one attempt, as the worker has to act on it.

    `OUTAGE`: nothing is counted. `UNAUTHORIZED`: the server refuses every save. `FORBIDDEN` (403,
    404 or 405): it refuses this save, and perhaps all of the project. `NO_ANSWER` (time-out, or the
    connection was lost in mid-request) counts as an item failure. `ASKED_IN_VAIN`: the server was
    asked whether it has the memory, and did not say; nothing was sent. `HELD`: the server cannot
    tell, and another worker may have delivered it; nothing was sent. `FOUND`: the server has the
    memory already, as it said or as the ledger knows; nothing was sent, and it is recorded as any
    delivery. `NOT_SENT`: another server was chosen just before, or a command left an order; no
    attempt was made. `AT_WORK`: the server has taken the memory in, and will say by a ticket
    whether it is stored; until then the outcome is unknown, and nothing is counted.

    The ledger lists the attempts that failed, each with the value of its kind. `DELIVERED`,
    `FOUND`, `HELD`, `AT_WORK` and `NOT_SENT` are no failures, and never stand in that list.
    """

    DELIVERED = "delivered"
    FOUND = "found"
    OUTAGE = "outage"
    SLOW_DOWN = "slow down"
    ITEM_FAILURE = "item failure"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "refused"
    NO_ANSWER = "unknown"
    ASKED_IN_VAIN = "unanswered"
    NOT_SENDABLE = "not sendable"
    HELD = "held"
    NOT_SENT = "not sent"
    AT_WORK = "at work"
