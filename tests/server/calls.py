"""What several of these tests share: ways to call, and ways to be a bad server."""

import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import pytest

from mem0tray.config.server_address import ServerAddress
from mem0tray.server import connect
from mem0tray.server.answers import classify
from mem0tray.server.model import Client, Fault, Memory, Outcome, Page, Reply, Terms
from mem0tray.server.transport import Transport
from tests.server.wire import PATIENCE, Connection, Handler, Request, Wire, answering, render
from tests.support.listener import Listener

SHORT = 0.3  # seconds: for calls that are to time out
LONG = 30.0  # seconds: for calls that must not wait so long
SOON = 5.0  # seconds: for what ends at once; the system tries a connection again after seven
NOW = 1_800_000_000.0
OK = {"success": True}
MEMORY = Memory("alpha", "the third oak", "id-1")
TOO_MANY = render(200, b" " * 1_200_000)  # an answer over the bound
HUNDRED = [str(number) for number in range(100)]  # a listing of them may be cut


# Calls ------------------------------------------------------------------------------------------


@contextmanager
def client(url: str, **more: Any) -> Iterator[Transport]:
    with closing(Transport(ServerAddress.of(url, **more))) as transport:
        yield transport


def post(transport: Transport, timeout: float = LONG, body: bytes = b"{}") -> Reply:
    return transport.exchange("POST", "/memory", (), body, timeout)


def reply_of(handler: Handler, timeout: float = LONG, body: bytes = b"{}") -> Reply:
    """Send one request to a server that does `handler`, and say what came of it."""
    with Wire(handler) as server, client(server.url) as transport:
        return post(transport, timeout, body)


@contextmanager
def client_of(
    server: Wire | Listener,
    token: str = "",
    dialect: str = "vps",
    terms: Terms | None = None,
    **more: Any,
) -> Iterator[Client]:
    address = ServerAddress.of(server.url, token)
    with closing(connect(address, dialect, terms=terms, **more)) as made:
        yield made


def spoken(
    answers: bytes | Sequence[bytes] | Handler, call: str, *arguments: Any, **more: Any
) -> tuple[Any, list[Request]]:
    """Call a method of a client whose server answers so; what it returns, and what was asked."""
    if isinstance(answers, bytes):
        answers = [answers]
    handler = answering(*answers) if isinstance(answers, Sequence) else answers
    with Wire(handler) as server, client_of(server, **more) as client:
        return getattr(client, call)(*arguments, LONG), server.requests


def read_all(client: Client, project: str) -> tuple[list[str], int, bool]:
    """Read a project page by page: its texts, the number of pages, and whether that is all."""
    texts: list[str] = []
    after, number, whole = "", 0, True
    while after or not number:
        page = client.page(project, after, LONG)
        assert isinstance(page, Page), page
        texts += [each.text for each in page.memories]
        number, whole, after = number + 1, whole and page.whole, page.after
    return texts, number, whole


# Replies ----------------------------------------------------------------------------------------


def reply(
    status: int | None, body: object = b"", fault: Fault | None = None, **headers: str
) -> Reply:
    """Make a reply; `body` becomes JSON unless it is bytes, `_` in a name stands for `-`."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-").lower(): text for name, text in headers.items()}
    return Reply(status, named, raw, 0.5, fault)


def classified(answer: Reply, content: str = "", *secrets: str) -> Outcome:
    return classify(answer, NOW, lambda body: body.get("success") is True, content, secrets)


def message(status: int, body: object, content: str = "", secret: str = "") -> str:
    return classified(reply(status, body), content, secret).message


# Servers ----------------------------------------------------------------------------------------


@contextmanager
def stuck_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Make every look-up of a name hang; the event tells that one has begun."""
    begun, over = threading.Event(), threading.Event()

    def hang(*_: object, **__: object) -> None:
        begun.set()
        over.wait(PATIENCE)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        yield begun
    finally:
        over.set()
        for thread in threading.enumerate():
            if thread.name == "mem0tray-connect":
                thread.join(PATIENCE)


def cut_after_body(connection: Connection) -> None:
    connection.request()
    connection.reset()


def silent(connection: Connection) -> None:
    connection.request()
    connection.hang()


def deaf(connection: Connection) -> None:
    connection.server.closing.wait(PATIENCE)


def drip_head(connection: Connection) -> None:
    connection.request()
    connection.send(b"HTTP/1.1 200 OK\r\n")
    connection.drip(b"A: b\r\n")


def drip_body(connection: Connection) -> None:
    connection.request()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n")
    connection.drip(b" ")


def drip_interim(connection: Connection) -> None:
    connection.request()
    connection.drip(b"HTTP/1.1 102 Processing\r\n\r\n", pause=0.001)


def listing(*texts: str, **more: object) -> bytes:
    results = [{"id": str(number), "memory": text} for number, text in enumerate(texts)]
    return render(200, {"success": True, "memories": {"results": results}} | more)


def found(*texts: str) -> bytes:
    results = [{"memory": text, "score": 0.5} for text in texts]
    return render(200, {"success": True, "results": {"results": results}})
