"""The prober survives what it is told about."""

import threading

from mem0tray.core import reasons
from mem0tray.core.errors import LedgerError
from mem0tray.server import Health, KeyCheck
from mem0tray.worker.sending.chosen_server import REPORT_AGAIN, Prober


class Silent:
    """A client of a server that is always down."""

    def probe(self, timeout: float) -> Health:
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
    assert enough.wait(10 * REPORT_AGAIN)
    prober.stop(1.0)
    assert [str(health.reason) for health in told] == ["down", "down"]


class Deaf(Silent):
    """A client that an abort reaches the second time: the first came before its request."""

    def __init__(self) -> None:
        self.asked, self._aborted = threading.Event(), threading.Semaphore(0)

    def probe(self, timeout: float) -> Health:
        self.asked.set()
        for _ in range(2):
            assert self._aborted.acquire(timeout=timeout)
        return super().probe(timeout)

    def abort(self) -> None:
        self._aborted.release()


def test_a_probe_is_broken_off_until_it_ends() -> None:
    client = Deaf()
    prober = Prober(lambda: client, lambda: 60.0, lambda: 10.0, lambda *_: None, lambda: True)  # type: ignore[arg-type,return-value]
    prober.start()
    assert client.asked.wait(10.0)
    prober.stop(5.0)
    assert not prober._thread.is_alive()
