"""Just enough HTTP/1.1 for the stand-in server: read a request, write an answer."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.client import responses
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.shapes import Json


@dataclass(slots=True)
class Request:
    """One request as it came in; `started` and `finished` are monotonic seconds."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    started: float
    finished: float | None = None
    status: int | None = None
    json: Json = None

    @property
    def key(self) -> str | None:
        return self.headers.get("idempotency-key")

    @property
    def project(self) -> Json:
        if not isinstance(self.json, dict):
            return None
        kept = self.json.get("metadata") or {}
        return kept.get("mem0tray_project", self.json.get("user_id"))

    @property
    def content(self) -> Json:
        if not isinstance(self.json, dict):
            return None
        messages = self.json.get("messages")
        return messages[0].get("content") if messages else self.json.get("content")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the stand-in does with one request.

    `body` None stands for the dialect's own answer. `stores` None means: store
    when the status is 200 and the body the dialect's own. `reset` cuts the
    connection instead of answering (after storing, if `stores`). `raw` replaces
    the whole answer; `drip` follows it, again and again every `drip_every`
    seconds, until the client hangs up. `delay` is in seconds, before the answer, which is
    held back then until `after` says yes.
    """

    status: int = 200
    body: Json = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    after: Callable[[], object] = lambda: True
    reset: bool = False
    stores: bool | None = None
    raw: bytes | None = None
    drip: bytes = b""
    drip_every: float = 0.0

    @property
    def accepts(self) -> bool:
        if self.stores is not None:
            return self.stores
        plain = self.body is None and self.raw is None and not self.reset
        return plain and self.status == 200

    @property
    def whole(self) -> "Answer":
        """The same with a body, if it has none."""
        if self.body is not None:
            return self
        detail = {"detail": f"scripted {self.status}"}
        return replace(self, body={"success": True} if self.status == 200 else detail)


def retry_after(status: int, value: object) -> Answer:
    return Answer(status, {"detail": "slow down"}, {"Retry-After": str(value)})


def page(status: int = 200) -> Answer:
    return Answer(status, b"<html><body>Sign in</body></html>", {"Content-Type": "text/html"})


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """Read the next request; None when the client is done."""
    try:
        begin = await reader.readexactly(1)
        if not begin.isalpha():
            return None  # somebody speaks TLS, or nothing we know
        head = begin + await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    now = time.monotonic()
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    parts = urlsplit(target)
    request = Request(method, unquote(parts.path), parse_qs(parts.query), headers, body, now)
    try:
        request.json = json.loads(body) if body else None
    except ValueError:
        request.json = None
    return request


def render(status: int, body: object, headers: dict[str, str]) -> bytes:
    """Render an answer; `body` is sent as it is when it is bytes, else as JSON."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Type": "application/json", "Content-Length": str(len(payload)), **headers}
    lines = [f"HTTP/1.1 {status} {responses.get(status, 'Status')}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + payload
