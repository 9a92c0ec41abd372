"""One attempt to deliver an item: ask first where the last one's outcome is unknown, then send."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from mem0tray import events
from mem0tray.ledger.outbox import Job
from mem0tray.server import Answer, Client, Kind, Memory, Presence
from mem0tray.worker.core import Core

LONGEST_TIMEOUT: Final = 600.0
_MUTE: Final = 30.0  # seconds for which a server that could not tell is not asked again
_MUTE_MANY: Final = 1000  # projects
_QUESTIONS: Final = 3  # in a row without an answer, after which it is sent all the same


class Attempts:
    """Makes them, and remembers of which projects the server can tell what it has.

    Called by the senders, each for its own item, without any lock.
    """

    def __init__(self, core: Core, stopping: Callable[[], bool]) -> None:
        self._core = core
        self._stopping = stopping
        self._ended: dict[int, float] = {}  # when an unsettled attempt of an item ended, monotonic
        self._mute: dict[str, float] = {}  # projects about which the server could not tell
        self._unanswered: Counter[str] = Counter()  # questions in a row, by project

    def make(self, client: Client, job: Job, meanwhile: Callable[[], None]) -> Answer:
        """Deliver the item. `meanwhile` is called once the request is out, if one is made."""
        if not job.project:
            return Answer(Kind.NOT_SENDABLE, None, "invalid content: the item names no project")
        memory = Memory(job.project, job.content, job.idempotency_key)
        timeout = min(
            self._core.settings.sync.timeout * 2.0 ** min(job.timeouts, 10), LONGEST_TIMEOUT
        )
        try:
            known = self._ask(client, job, memory, timeout)
            return known if known is not None else client.save(memory, timeout, meanwhile)
        except Exception as error:  # noqa: BLE001  (one odd item must not end the sender)
            self._core.events.emit(events.PartFailed("delivery", repr(error)[:200], 0.0))
            told = f"internal error: {type(error).__name__}"
            return Answer(Kind.UNKNOWN, None, told, unsettled=True)

    def ended(self, job: Job, answer: Answer) -> None:
        """What became of an attempt: what the server said before that is no news of it."""
        if answer.unsettled:
            self._ended[job.key] = time.monotonic()
        else:
            self._ended.pop(job.key, None)

    def _ask(self, client: Client, job: Job, memory: Memory, timeout: float) -> Answer | None:
        """What the server says of an item whose outcome is unknown; None: it is to be sent."""
        moment = time.monotonic()
        if job.unknown is None or moment < self._mute.get(job.project, 0.0):
            return None
        found = client.ask(memory, timeout, self._ended.get(job.key, 0.0))
        if isinstance(found, Answer):
            kind = found.kind
            if kind in (Kind.UNKNOWN, Kind.OUTAGE) and not self._stopping():
                self._unanswered[job.project] += 1
                if self._unanswered[job.project] >= _QUESTIONS:
                    self._ask_no_more(job.project)  # else it would never be sent
                    return None
                kind = Kind.UNANSWERED if kind is Kind.UNKNOWN else kind
            return replace(found, kind=kind, unsettled=True)  # the question still stands
        del self._unanswered[job.project]
        if found is Presence.PRESENT:
            return Answer(Kind.DELIVERED, None, "the server had it already")
        if found is Presence.CANNOT_TELL:
            self._ask_no_more(job.project)
        return None

    def _ask_no_more(self, project: str) -> None:
        if len(self._mute) > _MUTE_MANY:
            self._mute.clear()
            self._unanswered.clear()
        self._mute[project] = time.monotonic() + _MUTE
