"""A stand-in for the memory server: a real HTTP/1.1 keep-alive server, dialect `vps`."""

import asyncio
import contextlib
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain, repeat
from typing import Any
from urllib.parse import quote

from tests.support.http1 import Answer, Request, read_request, render
from tests.support.listener import Listener
from tests.support.processes import PATIENCE
from tests.support.shapes import Json

SAVE = "/memory"
SEARCH = "/memory/search"
HEALTH = "/health"
# It names itself, so that `auto` asks nothing else; the other one is recognised by its listing.
NAMED = Answer(body={"status": "ok", "service": "mem0tray"})
UNNAMED = Answer(body={"status": "ok"})
_LOOK = 0.01  # seconds between looks whether an answer may go


class Standin(Listener):
    """The server, with switches that a test may turn at any moment.

    `honours_keys`: a request with a known Idempotency-Key is not stored again
    (and is refused with 422 when its body differs). `can_be_asked`: listing and
    searching a project's memories works; otherwise it is a 404. `health`: the answer of the
    health path. `latency`: seconds before each save is answered. `default`: the answer to a
    save for which nothing is scripted. `deletion`: that to each deletion of a memory, which is
    done if it `stores`; None: the dialect's own. `api_key`: required if set.
    """

    save_path = SAVE
    health_path = HEALTH

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        honours_keys: bool = False,
        can_be_asked: bool = True,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(host, tls)
        self.honours_keys = honours_keys
        self.can_be_asked = can_be_asked
        self.health = NAMED
        self.default = Answer()
        self.latency = 0.0
        self.api_key: str | None = None
        self.not_asked_status = 404
        self.deletion: Answer | None = None
        self.requests: list[Request] = []
        self._saves: list[Request] = []
        self.stored: list[tuple[str, str]] = []
        self.max_concurrency = 0
        self._keys: dict[str, bytes] = {}
        self._counts: Counter[str] = Counter()
        self._in_flight = 0
        self._questions: list[Answer] = []
        self._scripts: list[tuple[Callable[[Request], bool], Iterator[Answer]]] = []
        self._changed = threading.Condition()

    # Scripts --------------------------------------------------------------------

    def script(
        self,
        *answers: Answer,
        content: str | None = None,
        project: str | None = None,
        when: Callable[[Request], bool] = lambda _: True,
        forever: bool = False,
    ) -> None:
        """Answer the next saves of this content or project so; `forever` repeats the last."""

        def matches(request: Request) -> bool:
            wanted = content is None or request.content == content
            return wanted and (project is None or request.project == project) and when(request)

        with self._changed:
            more = repeat(answers[-1]) if forever else ()
            self._scripts.insert(0, (matches, chain(answers, more)))

    def script_questions(self, *answers: Answer) -> None:
        with self._changed:
            self._questions += answers

    def clear_scripts(self) -> None:
        """Forget every script: what comes now gets the default answer."""
        with self._changed:
            self._scripts.clear()
            self._questions.clear()

    def forget(self) -> list[Request]:
        """Forget every request so far, not what is stored; these they were."""
        with self._changed:
            forgotten = list(self.requests)
            self.requests.clear()
            self._saves.clear()
        return forgotten

    def begin_with(self, stored: Iterable[tuple[str, str]]) -> None:
        """Forget what has come so far, and hold these memories: (project, text) each."""
        with self._changed:
            self.forget()
            self._keys.clear()
            self.stored[:] = stored
            self._counts = Counter(text for _, text in self.stored)

    @contextlib.contextmanager
    def held(self) -> Iterator[list[tuple[str, str]]]:
        """Hold still: nothing arrives while this lasts; gives what is stored."""
        with self._changed:
            yield list(self.stored)

    # Questions ------------------------------------------------------------------

    def wait_for(
        self, predicate: Callable[[], object], timeout: float = PATIENCE, what: str = ""
    ) -> None:
        """Wait until `predicate` holds; looked at after each event. AssertionError if late."""
        with self._changed:
            held = self._changed.wait_for(predicate, timeout)
            assert held, f"not within {timeout} s: {what or predicate}; server: {self.summary()}"

    @property
    def saves(self) -> list[Request]:
        with self._changed:
            return list(self._saves)

    def has_saves(self, number: int) -> bool:
        with self._changed:
            return len(self._saves) >= number

    def count(self, content: str) -> int:
        with self._changed:
            return self._counts[content]

    def sends(self, content: str) -> int:
        return sum(1 for request in self.saves if request.content == content)

    def order(self) -> list[Json]:
        return [request.content for request in self.saves]

    def keys(self, content: str) -> list[str | None]:
        return [request.key for request in self.saves if request.content == content]

    def probes(self) -> int:
        with self._changed:
            return sum(1 for r in self.requests if r.path == self.health_path)

    def questions(self) -> int:
        with self._changed:
            return sum(1 for request in self.requests if self._asks(request))

    def total_stored(self) -> int:
        with self._changed:
            return len(self.stored)

    def missing(self, contents: Iterable[str]) -> list[str]:
        with self._changed:
            return [content for content in contents if not self._counts[content]]

    def surplus(self) -> dict[str, int]:
        with self._changed:
            return {content: n for content, n in self._counts.items() if n > 1}

    def summary(self) -> str:
        with self._changed:
            return (
                f"{len(self.requests)} requests, {len(self.saves)} saves, "
                f"{len(self.stored)} stored, {self.probes()} probes, last "
                f"{[(r.method, r.path, r.status) for r in self.requests[-5:]]}"
            )

    # Inside the loop ------------------------------------------------------------

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (request := await read_request(reader)) is not None:
            if not await self._handle(request, writer):
                break

    async def _handle(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False when the connection is to end."""
        saving = request.method == "POST" and request.path == self.save_path
        with self._changed:
            self.requests.append(request)
            if saving:
                self._saves.append(request)
            self._in_flight += saving
            self.max_concurrency = max(self.max_concurrency, self._in_flight)
            answer = self._decide(request, saving=saving)
            self._changed.notify_all()
        try:
            if pause := answer.delay + (self.latency if saving else 0.0):
                await asyncio.sleep(pause)
            while not answer.after():  # noqa: ASYNC110  (what it waits for may be a file)
                await asyncio.sleep(_LOOK)
            return await self._answer(answer, writer)
        finally:
            with self._changed:
                self._in_flight -= saving
                request.finished = time.monotonic()
                request.status = None if answer.reset else answer.status
                self._changed.notify_all()

    async def _answer(self, answer: Answer, writer: asyncio.StreamWriter) -> bool:
        if answer.reset:
            return False
        if answer.raw is None:
            writer.write(render(answer.status, answer.body, answer.headers))
            return True
        writer.write(answer.raw)
        while answer.drip:
            writer.write(answer.drip)
            await writer.drain()
            await asyncio.sleep(answer.drip_every)
        await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()
        return False

    def _decide(self, request: Request, *, saving: bool) -> Answer:
        if request.path == self.health_path:
            return self.health
        if self.api_key and not self._has_key(request):
            return Answer(401, {"detail": "Not authenticated"})
        if saving:
            return self._save(request)
        return self._question(request)

    def _has_key(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {self.api_key}"

    def _asks(self, request: Request) -> bool:
        return request.method == "GET" and request.path != self.health_path

    def _question(self, request: Request) -> Answer:
        if self._questions:
            return self._questions.pop(0).whole
        if request.method == "DELETE" and self.deletion is not None:
            if self.deletion.stores:
                self._asked(request)
            return self.deletion.whole
        return self._asked(request)

    def _asked(self, request: Request) -> Answer:
        prefix = SAVE + "/"
        if self.can_be_asked and (request.method, request.path) == ("POST", SEARCH):
            return Answer(body=self._found(request))
        if self.can_be_asked and request.method == "GET" and request.path.startswith(prefix):
            return Answer(body=self._memories(request, request.path.removeprefix(prefix)))
        return Answer(self.not_asked_status, {"detail": "Not Found"})

    def _save(self, request: Request) -> Answer:
        answer = self._scripted(request)
        refused = self._refused(request)
        if refused is not None:
            return refused
        if not answer.accepts:
            return answer.whole
        if self.honours_keys and request.key is not None:
            known = self._keys.setdefault(request.key, request.body)
            if known != request.body:
                return Answer(422, {"detail": "This key stands for another body"})
            if known is not request.body:
                return answer.whole
        body = self._store(request)
        is_own = answer.status == 200 and answer.body is None
        return replace(answer, body=body) if is_own else answer.whole

    def _note(self, project: str, text: str) -> None:
        self.stored.append((project, text))
        self._counts[text] += 1

    def _drop(self, text: str) -> None:
        """Forget a memory with this text, as it was deleted."""
        self.stored.remove(next(each for each in self.stored if each[1] == text))
        self._counts[text] -= 1

    def _refused(self, request: Request) -> Answer | None:
        """The answer to a save that no script helps, or None."""
        if isinstance(request.content, str) and isinstance(request.project, str):
            return None
        return Answer(422, {"detail": "user_id and content must be text"})

    def _store(self, request: Request) -> object:
        """Store it; the dialect's own answer."""
        self._note(request.project, request.content)
        return {"success": True}

    def _scripted(self, request: Request) -> Answer:
        scripts = (answers for matches, answers in self._scripts if matches(request))
        return next(chain.from_iterable(scripts), self.default)

    def _memories(self, request: Request, project: str) -> object:
        limit = int(request.query.get("limit", ["100"])[0])
        texts = [text for owner, text in reversed(self.stored) if owner == project]
        results = [{"id": f"{quote(project)}-{n}", "memory": t} for n, t in enumerate(texts)]
        return {"success": True, "memories": {"results": results[:limit]}}

    def _found(self, request: Request) -> object:
        asked = (request.project, request.json["query"])
        results = [{"memory": one[1], "score": 1.0} for one in self.stored if one == asked]
        return {"success": True, "results": {"results": results[: request.json["limit"]]}}


def scored(query: str, kept: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each memory the share of the query's words that it has; the best comes first."""
    words = set(query.split())
    found = [(len(words & set(each["memory"].split())), each) for each in kept]
    found.sort(key=lambda pair: -pair[0])
    return [each | {"score": common / max(len(words), 1)} for common, each in found]
