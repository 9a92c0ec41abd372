"""The kinds of outcome have names that the ledger and programs keep."""

from mem0tray.core.item import Kind


def test_a_kind_has_the_same_name_in_every_release() -> None:
    """It stands in ledgers, and in what `show --json` and `diagnose --json` print."""
    assert {kind.name: kind.value for kind in Kind} == {
        "DELIVERED": "delivered",
        "FOUND": "found",
        "OUTAGE": "outage",
        "SLOW_DOWN": "slow down",
        "ITEM_FAILURE": "item failure",
        "UNAUTHORIZED": "unauthorized",
        "FORBIDDEN": "refused",
        "NO_ANSWER": "unknown",
        "ASKED_IN_VAIN": "unanswered",
        "NOT_SENDABLE": "not sendable",
        "HELD": "held",
        "NOT_SENT": "not sent",
        "AT_WORK": "at work",
    }
