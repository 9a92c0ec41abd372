"""The dialect `vps`: what a server makes of the API key."""

from typing import Any

import pytest

from mem0tray.server import KeyCheck, KeyVerdict
from mem0tray.server.model import Reply
from mem0tray.server.transport import Transport
from tests.server.calls import LONG, client_of, in_turn_of, listing
from tests.server.wire import Request, Wire, render

NO = render(401, {"detail": "no"})
TAKEN = KeyCheck(KeyVerdict.TAKEN)
OPEN = KeyCheck(KeyVerdict.OPEN)


def checked(*answers: bytes, key: str = "sesame") -> tuple[KeyCheck, list[Request]]:
    """Look at the key on a server that gives these answers; the result, and what was asked."""
    with Wire(in_turn_of(*answers)) as server, client_of(server, key) as client:
        found = client.check_key(LONG)
        assert found.message == str(found.reason)
        return KeyCheck(found.verdict, found.message), server.requests


def cannot_tell(message: str) -> KeyCheck:
    """Make the result where the server does not say."""
    return KeyCheck(KeyVerdict.CANNOT_TELL, message)


def refused(message: str) -> KeyCheck:
    """Make the result of a key that is refused."""
    return KeyCheck(KeyVerdict.REFUSED, message)


@pytest.mark.parametrize(
    ("answers", "check"),
    [
        ([listing(), NO], TAKEN),
        ([listing(), render(403, {})], TAKEN),
        ([listing(), listing()], OPEN),
        ([listing(), render(500, b"odd")], cannot_tell("500: odd")),
        ([NO], refused("401: no")),
        ([render(403, {})], refused("403 Forbidden")),
        ([render(404, {})], cannot_tell("404 Not Found")),
        ([render(405, {})], cannot_tell("405 Method Not Allowed")),
        ([render(201, {})], cannot_tell("201 Created without success")),
        ([render(200, b"x")], cannot_tell("200 OK, but the answer is not a JSON object")),
    ],
)
def test_a_key_is_taken_where_it_makes_a_difference(answers: list[bytes], check: KeyCheck) -> None:
    """A key counts as taken only where the same question without it is refused."""
    found, requests = checked(*answers)
    assert found == check
    assert len(requests) == len(answers)


@pytest.mark.parametrize(("answer", "check"), [(listing(), OPEN), (NO, refused("401: no"))])
def test_without_a_key_one_question_is_enough(answer: bytes, check: KeyCheck) -> None:
    """Where there is no key to leave out, the answer is the verdict."""
    found, requests = checked(answer, key="")
    assert (found, len(requests)) == (check, 1)


def test_the_look_at_a_key_stores_nothing() -> None:
    """It lists a project that nobody has, once with the key, once without, all else the same."""
    _, (first, second) = checked(listing(), NO)
    assert first.method == second.method == "GET"
    assert first.target == second.target == "/memory/mem0tray-key-check?limit=1"
    assert first.headers == second.headers | {"authorization": "Bearer sesame"}
    assert "authorization" not in second.headers


def test_a_refusal_does_not_repeat_the_key() -> None:
    """A server that quotes the key is not quoted."""
    said = render(401, {"detail": "bad key sesame-open-4711"})
    found, _ = checked(said, key="sesame-open-4711")
    assert found == refused("401 Unauthorized")


def test_one_time_out_covers_both_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second question has what the first has left of the time."""
    timeouts: list[float] = []
    exchange = Transport.exchange

    def noted(self: Transport, *arguments: Any, **more: Any) -> Reply:
        timeouts.append(arguments[4])
        return exchange(self, *arguments, **more)

    monkeypatch.setattr(Transport, "exchange", noted)
    checked(listing(), NO)
    first, second = timeouts
    assert first == LONG
    assert 0 < second < LONG
