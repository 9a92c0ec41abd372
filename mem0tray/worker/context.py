"""What all stages of the worker share, in one place."""

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from mem0tray.config.settings import Settings
from mem0tray.core.circuit_breaker import CircuitBreaker
from mem0tray.core.events import Events, FileBroken, HomeMoved, LedgerRebuilt, Quarantined
from mem0tray.files import private_folders
from mem0tray.files.atomic import Signature
from mem0tray.files.orders import OrderBarrier
from mem0tray.ledger.counters import Counters
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.foreign_claims import ForeignClaims
from mem0tray.ledger.generations import Generations
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.outages import Outages
from mem0tray.ledger.outbox import Outbox
from mem0tray.system.paths import Paths
from mem0tray.worker.faults import Faults


@dataclass
class WorkerContext:
    """What all stages share; `settings` and the server change while the worker runs."""

    paths: Paths
    settings: Settings
    ledger: Ledger
    events: Events
    server: str = ""
    destination: str = ""
    wake: threading.Event = field(default_factory=threading.Event)
    run: str = ""  # a random id, which stands in our metrics; a command writes none
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)

    other_at_work: bool = field(default=False, init=False)  # another worker
    other_may_write_until: float = field(default=0.0, init=False)  # until then its metrics
    unknown_until: float = field(default=0.0, init=False)  # monotonic; of requests left under way
    reports_backoffs: bool = field(default=False, init=False)  # all were reported at the start
    _broken: dict[Path, Signature] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        folders = (self.paths.claude_dir, self.paths.data_dir)
        self.faults = Faults(self.events, self.breaker.note_fault, folders=folders)
        self.barrier = OrderBarrier(self.paths.orders)
        self.inbox = Inbox(self.ledger)
        self.outbox = Outbox(self.ledger)
        self.generations = Generations(self.ledger)
        self.foreign_claims = ForeignClaims(self.ledger)
        self.counters = Counters(self.ledger)
        self.outages = Outages(self.ledger)

    @staticmethod
    def now() -> float:
        return time.time()

    def tell_of_ledger(self) -> None:
        """Report that the ledger had to be built anew, or comes from another computer."""
        if self.ledger.rebuilt:
            self.events.emit(LedgerRebuilt(self.ledger.rebuilt))
        elif self.ledger.moved:
            waiting = self.counters.waiting()
            self.events.emit(HomeMoved(waiting.queue + waiting.dlq))

    def quarantine_items(self, source: Path, rejected: list[bytes], why: str = "") -> None:
        """Quarantine, one by one, what `json.tool` cannot load; report each once, and `why`."""
        before = set(private_folders.quarantined(self.paths.quarantine)) if rejected else set()
        for raw in rejected:
            kept = private_folders.quarantine(self.paths.quarantine, source, raw, self.now())
            if kept not in before:
                self.events.emit(Quarantined(source.name, kept.name, why))

    def quarantine_file(self, source: Path, data: bytes, signature: Signature, reason: str) -> None:
        """Keep a broken file whole before anything takes its place; report each save once."""
        kept = ""
        if data.strip(b"\0 \r\n\t"):
            kept = private_folders.quarantine(self.paths.quarantine, source, data, self.now()).name
        known = self._broken.get(source)
        if known is None or not known.same_bytes(signature):
            self._broken[source] = signature
            self.events.emit(FileBroken(source.name, reason, kept))
