"""What a server has of a project is listed once, and remembered for a while."""

import threading
import time
from collections.abc import Iterable
from contextlib import closing
from unittest import mock

import pytest

from mem0tray.config.server_address import ServerAddress
from mem0tray.server import (
    Memory,
    Outcome,
    Presence,
    connect,
)
from mem0tray.server.listings import MAX_AGE, MAX_TEXTS, Listings, ProjectListing, fingerprint
from tests.server.calls import LONG, MEMORY, TOO_MANY, client_of, found, listing
from tests.server.wire import (
    Connection,
    Wire,
    answering,
    in_turn,
    once,
    render,
    routing,
)


def listed(texts: Iterable[str], asked: float, *, complete: bool = True) -> ProjectListing:
    """Make a listing with these texts."""
    made = ProjectListing(asked, complete=complete)
    made.learn(texts)
    return made


# A server that cannot tell -------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 405])
def test_a_server_that_cannot_tell_is_asked_once_for_each_project(status: int) -> None:
    """After a 404 or 405 nobody asks about that project again, until what was said is forgotten."""
    known = Listings()
    with Wire(answering(render(status, {}))) as server:
        for text in ("a", "b", "c"):
            with closing(connect(ServerAddress.of(server.url), known=known)) as client:
                for project in ("alpha", "beta"):
                    found = client.ask(Memory(project, text, "k"), LONG, time.monotonic())
                    assert found is Presence.CANNOT_TELL
        asked = [request.target.partition("?")[0] for request in server.requests]
        assert asked == ["/memory/alpha", "/memory/beta"]
        known.forget()
        with closing(connect(ServerAddress.of(server.url), known=known)) as client:
            client.ask(MEMORY, LONG)
        assert len(server.requests) == 3


def test_a_server_without_a_search_is_searched_once_for_each_project() -> None:
    """Where a listing is cut and the search is a 404, a listing alone is asked for."""
    known = Listings()
    routes = {"GET": TOO_MANY, "POST": render(404, {})}
    with Wire(routing(routes)) as server:
        with closing(connect(ServerAddress.of(server.url), known=known)) as client:
            for text in ("a", "b", "c"):
                assert client.ask(Memory("p", text, "k"), LONG) is Presence.CANNOT_TELL
        assert [request.method for request in server.requests] == ["GET", "POST"]


def test_senders_that_ask_at_once_get_one_answer() -> None:
    """Who wants to know the same of a project waits for the one that is asking already."""
    known = Listings()
    waits = threading.Event()

    def slow(connection: Connection) -> None:
        while connection.request() is not None:
            waits.wait(LONG)
            connection.send(listing("a"))

    def ask(text: str) -> None:
        with closing(connect(ServerAddress.of(server.url), known=known)) as client:
            found.append(client.ask(Memory("p", text, "k"), LONG))

    found: list[Presence | Outcome] = []
    turns = [threading.Thread(target=ask, args=(text,)) for text in "abc"]
    with Wire(slow) as server:
        for thread in turns:
            thread.start()
        server.wait_for_requests(1)
        waits.set()
        for thread in turns:
            thread.join(LONG)
        assert len(server.requests) == 1
    assert sorted(one.value for one in found if isinstance(one, Presence)) == [
        "absent",
        "absent",
        "present",
    ]


# Many questions about one project ---------------------------------------------------------------


def test_one_listing_answers_many_questions() -> None:
    """After the ledger was lost, a project is listed once and not for every item."""
    with Wire(routing({"GET": listing("a", "b")})) as server, client_of(server) as client:
        answers = [client.ask(Memory("p", text, "k"), LONG) for text in "abcabc"]
        assert answers == [Presence.PRESENT, Presence.PRESENT, Presence.ABSENT] * 2
        assert len(server.requests) == 1


def test_a_listing_from_before_the_last_attempt_is_not_used() -> None:
    """What an attempt may have brought is not looked for in an older listing."""
    with Wire(routing({"GET": listing("a")})) as server, client_of(server) as client:
        client.ask(Memory("p", "a", "k"), LONG)
        client.ask(Memory("p", "a", "k"), LONG, since=time.monotonic())
        assert len(server.requests) == 2


@pytest.mark.parametrize("incomplete", [TOO_MANY, listing(*map(str, range(100)))])
def test_an_incomplete_listing_is_not_fetched_again_for_each_question(incomplete: bytes) -> None:
    """What it does not show is searched for at once; what it shows is known."""
    routes = {"GET": incomplete, "POST": found()}
    with Wire(routing(routes)) as server, client_of(server) as client:
        answers = [client.ask(Memory("p", text, "k"), LONG) for text in ("an oak", "an elm", "7")]
        assert answers[:2] == [Presence.CANNOT_TELL] * 2
        assert answers[2] is (Presence.CANNOT_TELL if incomplete is TOO_MANY else Presence.PRESENT)
        gets = [request for request in server.requests if request.method == "GET"]
        assert len(gets) == 1


def test_what_a_search_has_found_is_not_searched_for() -> None:
    """A search shows what is most like the text: others that are looked for may be among it."""
    routes = {"GET": TOO_MANY, "POST": found("an elm", "an oak")}
    with Wire(routing(routes)) as server, client_of(server) as client:
        answers = [client.ask(Memory("p", text, "k"), LONG) for text in ("an oak", "an elm")]
        assert answers == [Presence.PRESENT] * 2
        assert len(server.requests) == 2


def test_a_complete_listing_holds_when_the_next_one_is_cut() -> None:
    """What was not there, and has not been sent since, is not there once the server shows less."""
    listings = Listings()
    listings.keep("p", listed(["a"], 100.0, complete=True), 0.0)
    cut = listed(["b"], 101.0 + MAX_AGE, complete=False)
    kept = listings.keep("p", cut, 99.0)
    assert (kept.complete, "a" in kept, "b" in kept, "c" in kept) == (True, True, True, False)
    assert listings.recent("p", 99.0, 102.0 + MAX_AGE) is kept
    assert listings.recent("p", 100.0, 102.0 + MAX_AGE) is None
    assert listings.keep("p", cut, 100.0) is cut


def test_listings_are_kept_for_a_while_and_up_to_a_size() -> None:
    """The listings that are kept are bounded in age and in what they hold together."""
    listings = Listings()
    texts = ["text", *map(str, range(MAX_TEXTS // 2))]
    for number in range(3):
        listings.keep(f"p{number}", listed(texts, 100.0, complete=True), 0.0)
    assert listings.recent("p0", 0.0, 101.0) is None
    assert listings.recent("p1", 0.0, 101.0) is None
    kept = listings.recent("p2", 0.0, 101.0)
    assert kept is not None
    assert "text" in kept
    assert "other" not in kept
    assert listings.recent("p2", 100.0, 101.0) is None
    assert listings.recent("p2", 99.9, 100.0 + MAX_AGE) is kept
    assert listings.recent("p2", 99.9, 100.1 + MAX_AGE) is None


def test_a_listing_knows_exactly_its_texts() -> None:
    """However many there are, each is found and nothing else is."""
    for count in (0, 1, 2, 3, 1_000):
        one = listed((str(number) for number in range(count)), 1.0, complete=True)
        assert all(str(number) in one for number in range(count))
        assert not any(f"{number} " in one for number in range(count + 1))


def test_listings_that_are_too_old_take_no_room() -> None:
    """One project after another is asked about, and only the last ones are remembered."""
    listings = Listings()
    for number in range(100):
        listings.keep(f"p{number}", listed(["x"], float(number), complete=True), 0.0)
    assert list(listings._listings) == [f"p{n}" for n in range(99 - int(MAX_AGE), 100)]


def test_a_listing_that_was_renewed_is_the_last_to_be_forgotten() -> None:
    """A renewed listing takes no room twice, and counts as new."""
    listings = Listings()
    half = [str(number) for number in range(MAX_TEXTS // 2 - 1)]
    listings.keep("p0", listed(half, 1.0, complete=True), 0.0)
    listings.keep("p1", listed(half, 1.0, complete=True), 0.0)
    renewed = listed(half, 2.0, complete=True)
    listings.keep("p0", renewed, 0.0)
    assert listings.recent("p1", 0.0, 3.0) is not None
    listings.keep("p2", listed(half, 2.0, complete=True), 0.0)
    assert listings.recent("p1", 0.0, 3.0) is None
    assert listings.recent("p0", 0.0, 3.0) is renewed


def test_a_fingerprint_is_too_long_to_stand_for_two_texts() -> None:
    """One that stood for another text too would make a memory pass for delivered."""
    assert len(fingerprint("")) == 16


@pytest.mark.parametrize("status", [403, 500, 503])
def test_an_endless_error_is_no_listing(status: int) -> None:
    """Only a listing may be too long; an error is one, and the next question lists again."""
    steps = in_turn(once(render(status, b" " * 1_200_000)), once(listing(str(MEMORY.content))))
    with Wire(steps) as server, client_of(server) as client:
        assert isinstance(client.ask(MEMORY, LONG), Outcome)
        assert client.ask(MEMORY, LONG) is Presence.PRESENT
        assert [request.method for request in server.requests] == ["GET", "GET"]


def test_a_listing_is_as_old_as_its_question() -> None:
    """What arrived while the server made its list need not be in it."""
    asked, ended = threading.Event(), threading.Event()

    def slowly(connection: Connection) -> None:
        connection.request()
        asked.set()
        ended.wait(LONG)
        connection.send(listing("a"))
        connection.request()
        connection.send(listing("a", "b"))

    with Wire(slowly) as server, client_of(server) as client:
        first = threading.Thread(target=client.ask, args=(Memory("p", "a", "k"), LONG))
        first.start()
        assert asked.wait(LONG)
        since = time.monotonic()
        ended.set()
        first.join()
        assert client.ask(Memory("p", "b", "k"), LONG, since) is Presence.PRESENT


@pytest.mark.parametrize(("left", "waited"), [(-1.0, 0.0), (0.5, 0.5)])
def test_a_turn_is_waited_for_as_long_as_there_is_time(
    left: float, waited: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no time is left the turn is not waited for at all."""
    lock = mock.Mock()
    monkeypatch.setattr(threading, "Lock", lambda: lock)
    with Listings().turn("p", left):
        lock.acquire.assert_called_once_with(timeout=waited)
