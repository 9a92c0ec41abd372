"""A client of the hosted service's dialect, and what goes out by it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from mem0tray.server import (
    Client,
    Memory,
    ServerAddress,
    Terms,
    connect,
)
from tests.server.calls import LONG
from tests.server.wire import Request, Wire, answering, render

KEY = "m0-sesame-4711"
NAME = "2c4d1f44-4f7b-4b2f-9f6e-7b5b4f5a1234"
ADDED = {"id": "m", "event": "ADD", "data": {"memory": "the third oak"}}
STORED = render(200, {"status": "SUCCEEDED", "event_id": NAME, "results": [ADDED]})


@contextmanager
def hosted(server: Wire, token: str = "", terms: Terms | None = None) -> Iterator[Client]:
    """Make a client of the dialect and close it."""
    address = ServerAddress.of(server.url, token)
    with closing(connect(address, "platform", terms=terms or Terms())) as made:
        yield made


def sent(memory: Memory, terms: Terms | None = None) -> Request:
    """Save a memory; what went out."""
    with Wire(answering(STORED)) as server, hosted(server, KEY, terms) as client:
        client.save(memory, LONG)
        (request,) = server.requests
    return request
