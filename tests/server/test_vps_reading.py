"""The dialect `vps`: reading back what a server has."""

import pytest

from mem0tray.server import Kind, Outcome, Page, ServerMemory
from tests.server.calls import LONG, client_of, found, listing
from tests.server.wire import Wire, answering, render


def test_a_listing_is_read_as_it_stands() -> None:
    """Each memory has its project, text and id, in the server's order."""
    with Wire(answering(listing("two", "one"))) as server, client_of(server) as client:
        shown = client.read("my project", 2, LONG)
        asked = server.requests[0].target
    memories = [
        ServerMemory("my project", "two", "0"),
        ServerMemory("my project", "one", "1"),
    ]
    assert shown == Page(memories)
    assert asked == "/memory/my%20project?limit=2"


def test_a_search_asks_for_words_and_gives_scores() -> None:
    """The query goes out as it is, and the server's score comes back."""
    with Wire(answering(found("an oak"))) as server, client_of(server) as client:
        shown = client.search("alpha", "trees", 3, LONG)
        asked = server.requests[0]
    assert shown == [ServerMemory("alpha", "an oak", score=0.5)]
    assert (asked.target, asked.json) == (
        "/memory/search",
        {"user_id": "alpha", "query": "trees", "limit": 3},
    )


def test_what_a_server_adds_is_kept_and_nonsense_is_not() -> None:
    """A time is kept as it is written; what has no text is no memory."""
    entries = [
        {"id": 7, "memory": "a", "created_at": "2026-01-02T03:04:05Z", "score": 1},
        {"id": [], "memory": "b", "created_at": 5, "score": "high"},
        {"id": "c"},
        "d",
    ]
    answer = render(200, {"success": True, "memories": entries})
    with Wire(answering(answer)) as server, client_of(server) as client:
        shown = client.read("alpha", 10, LONG)
    memories = [
        ServerMemory("alpha", "a", "7", "2026-01-02T03:04:05Z", 1.0),
        ServerMemory("alpha", "b"),
    ]
    assert shown == Page(memories)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (render(401, {"detail": "no key"}), Kind.UNAUTHORIZED, "401: no key"),
        (render(404, {"detail": "Not Found"}), Kind.FORBIDDEN, "404: Not Found"),
        (render(503, {}), Kind.OUTAGE, "503 Service Unavailable"),
        (render(200, {"success": True}), Kind.NO_ANSWER, "the answer names no memories"),
    ],
)
@pytest.mark.parametrize("call", ["read", "search"])
def test_a_server_that_does_not_show_says_why(
    answer: bytes, kind: Kind, words: str, call: str
) -> None:
    """Whatever is no listing is an outcome with a message for people."""
    with Wire(answering(answer)) as server, client_of(server) as client:
        said = client.read("p", 1, LONG) if call == "read" else client.search("p", "q", 1, LONG)
    assert isinstance(said, Outcome)
    assert (said.kind, said.message) == (kind, words)
