"""The dialect `auto`: the server's dialect is found out, by the paths that tell its health.

Until it is known only these questions go there, and they carry no memory.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus

from mem0tray.core import reasons
from mem0tray.core.outcome_kind import Kind
from mem0tray.core.reasons import Reason
from mem0tray.core.text import one_line
from mem0tray.server.answers import health_answer
from mem0tray.server.model import (
    CANNOT_TELL,
    KEY_REFUSED,
    Client,
    Health,
    KeyCheck,
    Memory,
    Outcome,
    Page,
    Presence,
    ProjectCount,
    ServerMemory,
)
from mem0tray.server.recognition import Recognition
from mem0tray.server.remedy import of_unrecognised


class AutoClient:
    """Talks to one server in the dialect recognised there; see `Client`.

    `make` gives a client for the name of a dialect; `paths` are the dialects, in the order in
    which they are tried, each with the path by which it asks for the server's health.
    `recognition` is what all clients of the server know of its dialect.
    """

    def __init__(
        self,
        host: str,
        make: Callable[[str], Client],
        paths: Mapping[str, str],
        recognition: Recognition,
    ) -> None:
        self._host = host
        self._make = make
        self._paths = paths
        self._recognition = recognition
        self._clients: dict[str, Client] = {}

    def save(self, memory: Memory, timeout: float) -> Outcome:
        """Deliver `memory`; after a 404 the server may be another one by now."""
        end = time.monotonic() + timeout
        before, why_not = self._spoken(timeout)
        if why_not is not None:
            return why_not
        outcome = self._client(before).save(memory, end - time.monotonic())
        if outcome.status != HTTPStatus.NOT_FOUND:
            return outcome
        self._recognise(self._paths, end)
        now = self._recognition.dialect
        if now == before:
            return outcome
        return self._client(now).save(memory, end - time.monotonic())

    def ask(self, memory: Memory, timeout: float, since: float = 0.0) -> Presence | Outcome:
        """Ask whether the server has exactly this text."""
        end = time.monotonic() + timeout
        name, why_not = self._spoken(timeout)
        return why_not or self._client(name).ask(memory, end - time.monotonic(), since)

    def read(self, project: str, limit: int, timeout: float) -> Page | Outcome:
        """Read a project's newest memories."""
        end = time.monotonic() + timeout
        name, why_not = self._spoken(timeout)
        return why_not or self._client(name).read(project, limit, end - time.monotonic())

    def search(
        self, project: str, query: str, limit: int, timeout: float
    ) -> list[ServerMemory] | Outcome:
        """Search a project for up to `limit` memories, the best first."""
        end = time.monotonic() + timeout
        name, why_not = self._spoken(timeout)
        return why_not or self._client(name).search(project, query, limit, end - time.monotonic())

    def page(self, project: str, after: str, timeout: float) -> Page | Outcome:
        """Read some of a project's memories."""
        end = time.monotonic() + timeout
        name, why_not = self._spoken(timeout)
        return why_not or self._client(name).page(project, after, end - time.monotonic())

    def find(self, project: str, key: str, timeout: float) -> list[ServerMemory] | Outcome:
        """Look for memories that were saved in a project with this key."""
        end = time.monotonic() + timeout
        name, why_not = self._spoken(timeout)
        return why_not or self._client(name).find(project, key, end - time.monotonic())

    def projects(self, timeout: float) -> list[ProjectCount] | Outcome:
        """List the projects that have memories on the server."""
        end = time.monotonic() + timeout
        name, why_not = self._spoken(timeout)
        return why_not or self._client(name).projects(end - time.monotonic())

    def probe(self, timeout: float) -> Health:
        """Ask for the server's health; and for its dialect, if unknown or perhaps changed."""
        end = time.monotonic() + timeout
        known = self._recognition.dialect
        if not known:
            return self._recognise(self._paths, end)
        health = self._client(known).probe(timeout)
        if health.status in CANNOT_TELL:
            found = self._recognise([name for name in self._paths if name != known], end)
            return found if found.healthy else health
        return health

    def check_key(self, timeout: float) -> KeyCheck:
        """Ask what the server makes of the key, or of having none.

        Where a refused key keeps the dialect from being known, ask in the first dialect.
        """
        name = self._recognition.dialect or next(iter(self._paths))
        return self._client(name).check_key(timeout)

    def abort(self) -> None:
        """Make a call that is in progress in another thread return promptly."""
        for client in tuple(self._clients.values()):
            client.abort()

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()

    def _client(self, name: str) -> Client:
        if name not in self._clients:
            self._clients[name] = self._make(name)
        return self._clients[name]

    def _spoken(self, timeout: float) -> tuple[str, Outcome | None]:
        """The dialect that the server speaks; or why none is known, as an outcome."""
        if not self._recognition.dialect:
            health = self.probe(timeout)
            if not health.healthy:
                why, _ = reasons.parted(health.reason)  # no room for the remedy
                return "", Outcome(Kind.OUTAGE, health.status, one_line(str(why)))
        return self._recognition.dialect, None

    def _recognise(self, names: Iterable[str], end: float) -> Health:
        """Try each of these dialects in turn until one is answered; return what was found.

        If none is, an answer that may pass, or that is about the key, says more than that nothing
        was recognised.
        """
        said: dict[str, Health] = {}
        for name in names:
            health = said[name] = self._client(name).probe(end - time.monotonic())
            if health.healthy:
                self._recognition.learn(name)
            if health.healthy or health.status is None:
                return health
        for health in said.values():
            status = health.status or 0
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in KEY_REFUSED:
                return health
        return Health(healthy=False, reason=self._unrecognised(said), recognised=False)

    def _unrecognised(self, said: Mapping[str, Health]) -> Reason:
        told, advice = reasons.NONE, reasons.NONE
        for name, health in said.items():
            why, remedy = reasons.parted(health.reason)
            answer = Reason("{path}: {answer}", path=self._paths[name], answer=health_answer(why))
            told = Reason("{one}; {other}", one=told, other=answer) if told else answer
            advice = advice or remedy
        what = Reason("no Mem0 server was recognised at {host} ({why}).", host=self._host, why=told)
        return reasons.advised(what, advice or of_unrecognised())
