"""The prober survives what it is told about."""

import threading

from mem0tray.core import reasons
from mem0tray.core.errors import LedgerError
from mem0tray.server import Health, KeyCheck
from mem0tray.worker.sending.health import TELL_AGAIN, Prober


class Silent:
    """A client of a server that is always down."""

    def probe(self, timeout: float) -> Health:
        """Say so."""
        del timeout
        return Health(healthy=False, reason=reasons.quoted("down"))

    def close(self) -> None:
        """Nothing is open."""

    def abort(self) -> None:
        """Nothing is under way."""


def test_a_result_that_cannot_be_recorded_is_told_again() -> None:
    """When the ledger fails while an outage is noted, the prober tells it again and goes on."""
    told: list[Health] = []
    enough = threading.Event()

    def tell(health: Health, key: KeyCheck | None) -> None:
        assert key is None
        told.append(health)
        if len(told) == 1:
            raise LedgerError("The disk is full.")
        enough.set()

    prober = Prober(lambda: Silent(), lambda: 60.0, lambda: 1.0, tell, lambda: True)  # type: ignore[arg-type,return-value]  # noqa: PLW0108
    prober.start()
    assert enough.wait(10 * TELL_AGAIN)
    prober.stop(1.0)
    assert [str(health.reason) for health in told] == ["down", "down"]
