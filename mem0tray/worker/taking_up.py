"""Taking up what the last worker left: the outcome of each request in flight is unknown."""

import time
from typing import Final

from mem0tray.core.events import LeftInFlight
from mem0tray.ledger import names, outbox
from mem0tray.ledger.opening import boot_id
from mem0tray.worker.context import WorkerContext

AT_WORK: Final = 10.0  # seconds that a server gets to finish a former worker's requests


def take_up(context: WorkerContext) -> None:
    """Take up the last worker's requests, and have the server asked about each in a while.

    After another start of the machine, or in a ledger begun anew, nothing is in flight, but
    everything is asked about. Raises LedgerError.
    """
    ledger, interval = context.ledger, context.settings.sync.retry_interval
    wait, now = min(AT_WORK, interval), context.now()
    with ledger.transaction(durable=True):
        if outbox.make_claims_unknown(ledger, now, wait):
            ledger.set_meta(names.LEFT_UNTIL, now + wait)  # kept across another start
        left = min((ledger.meta(names.LEFT_UNTIL) or 0.0) - now, wait)
        boot = boot_id()
        if ledger.rebuilt or ledger.meta(names.BOOT) not in (None, boot):
            outbox.make_all_unknown(ledger, now)
        context.outbox.limit_waits(now, interval)
        ledger.set_meta(names.CLEAN, 0)
        ledger.set_meta(names.BOOT, boot)
    if left > 0:
        context.unknown_until = time.monotonic() + left
        context.events.emit(LeftInFlight(left))
