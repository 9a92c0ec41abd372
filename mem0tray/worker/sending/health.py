"""Asking for the server's health, on a thread of its own, as an answer may take a while."""

import threading
import time
from collections.abc import Callable
from typing import Final

from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.server import Health, KeyCheck, ProbeClient
from mem0tray.system import threads

LONGEST: Final = 10.0  # seconds that a probe may take
TELL_AGAIN: Final = 1.0


class Prober:
    """Probes when a probe is due, and at once when kicked.

    `connect` gives a client for the server chosen now (and may have to start the embedded one);
    `until_due` says in how many seconds, and is asked again when these are over. `tell` gets each
    answer, on the prober's thread. If `asks_key` says so, a healthy server is asked about the key
    too; else the second argument of `tell` is None.
    """

    def __init__(
        self,
        connect: Callable[[], ProbeClient],
        until_due: Callable[[], float],
        timeout: Callable[[], float],
        tell: Callable[[Health, KeyCheck | None], None],
        asks_key: Callable[[], bool],
    ) -> None:
        self._connect = connect
        self._until_due = until_due
        self._timeout = timeout
        self._tell = tell
        self._asks_key = asks_key
        self._signal = threading.Event()
        self._stopping = threading.Event()
        self._client: ProbeClient | None = None
        self._thread = threading.Thread(target=self._run, name="mem0tray-probe", daemon=True)

    def start(self) -> None:
        """Start the thread, with a probe at once. Raises NoThreadError."""
        self._signal.set()
        threads.start(self._thread)

    def kick(self) -> None:
        """Probe now."""
        self._signal.set()

    def stop(self, timeout: float) -> None:
        """Stop within `timeout` seconds; a probe under way is broken off."""
        deadline = time.monotonic() + timeout
        self._stopping.set()
        self._signal.set()
        self._break_off()
        while self._thread.is_alive() and time.monotonic() < deadline:
            self._thread.join(0.02)
            self._break_off()

    def _break_off(self) -> None:
        client = self._client
        if client is not None:
            client.abort()

    def _run(self) -> None:
        while not self._stopping.is_set():
            seconds = self._until_due()
            if seconds > 0 and not self._signal.wait(seconds):
                continue
            self._signal.clear()
            if self._stopping.is_set():
                return
            self._report(*self._probe())

    def _report(self, health: Health, key: KeyCheck | None) -> None:
        while not self._stopping.is_set():
            try:
                self._tell(health, key)
            except Mem0TrayError:  # the disk is full: parts that need the ledger report that
                self._stopping.wait(TELL_AGAIN)
            else:
                return

    def _probe(self) -> tuple[Health, KeyCheck | None]:
        timeout = min(self._timeout(), LONGEST)
        try:
            client = self._client = self._connect()
            try:
                health = client.probe(timeout)
                asks = health.healthy and self._asks_key()
                return health, client.check_key(timeout) if asks else None
            finally:
                client.close()
                self._client = None
        except Mem0TrayError as error:
            return Health(healthy=False, reason=error.reason), None
        except Exception as error:  # noqa: BLE001  (the prober survives any fault)
            why = Reason("the probe failed: {why}", why=repr(error)[:180])
            return Health(healthy=False, reason=why), None
