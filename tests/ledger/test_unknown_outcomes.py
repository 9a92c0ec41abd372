"""What nobody knows the outcome of: claims that a kill left, or everything."""

from mem0tray.ledger.database import Ledger
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.outbox import Outbox, make_all_unknown, make_claims_unknown
from tests.ledger.looking import row, table
from tests.ledger.samples import ELSEWHERE, HERE, NOW, fresh, known, letter


def test_everything_that_waits_is_asked_about(ledger: Ledger, inbox: Inbox) -> None:
    """Where nobody knows what was sent; what is closed stays so."""
    pending = inbox.add_fresh(fresh("a"), NOW, ask=False)
    dead = inbox.add_dead(letter("b"), b"{}", NOW, ask=False, gen=None)
    gone = inbox.add_fresh(fresh("c"), NOW, ask=False)
    inbox.discard([gone], NOW, "user")
    make_all_unknown(ledger, NOW + 5)
    assert row(ledger, pending)["unknown"] == row(ledger, dead)["unknown"] == NOW + 5
    assert "unknown" not in row(ledger, gone)


def test_requests_under_way_at_a_kill_are_asked_about(ledger: Ledger, inbox: Inbox) -> None:
    """A while after they began at the soonest; a clock set back does not make that longer."""
    early, late, due, idle = (inbox.add_fresh(fresh(name), NOW, ask=False) for name in "abcd")
    outbox = Outbox(ledger)
    outbox.claim(early, NOW - 5, HERE)
    outbox.claim(late, NOW + 1000, HERE)
    outbox.claim(due, NOW - 5, ELSEWHERE)
    outbox.defer(due, NOW + 500)
    untouched = row(ledger, idle)
    assert make_claims_unknown(ledger, NOW, 30) == 3
    for key, since, at in (
        (early, NOW - 5, NOW + 25), (late, NOW + 1000, NOW + 30), (due, NOW - 5, NOW + 500)
    ):  # fmt: skip
        assert outbox.claim(key, NOW, HERE).unknown == since
        outbox.release(key)
        assert row(ledger, key)["due"] == at
        assert "claimed" not in row(ledger, key)
    assert row(ledger, idle) == untouched
    assert make_claims_unknown(ledger, NOW, 30) == 0
    assert table(
        ledger, "SELECT item, name, at, has FROM outcomes JOIN servers ON servers.key = server"
    ) == [
        (early, HERE, NOW - 5, None), (late, HERE, NOW + 1000, None),
        (due, ELSEWHERE, NOW - 5, None),
    ]  # fmt: skip


def test_a_request_under_way_at_a_kill_takes_no_delivery_back(ledger: Ledger, inbox: Inbox) -> None:
    """What a server took before it has taken, whatever became of the next request."""
    outbox, item = Outbox(ledger), fresh("a")
    key = inbox.add_fresh(item, NOW, ask=False)
    outbox.record_delivery(key, HERE, NOW)
    inbox.revive(known(inbox, item), item, NOW + 1, dead=False, gen=None)
    outbox.claim(key, NOW + 2, HERE)
    make_claims_unknown(ledger, NOW + 3, 30)
    assert known(inbox, item).servers == {HERE}
    assert outbox.claim(key, NOW + 4, HERE).delivered == NOW
