"""What is said about an answer, word for word, and what is read again of it."""

import pytest

from mem0tray.core import reasons
from mem0tray.core.reasons import Reason
from mem0tray.server.answers import NO_PROJECT, health, in_short, retold
from mem0tray.server.model import Fault, Reply
from tests.server.replies import OK, classified, reply


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (reply(200, b"<html>"), "200 OK, but the answer is not a JSON object"),
        (reply(399, b""), "399, but the answer is not a JSON object"),
        (reply(400, b"odd"), "400 Bad Request: odd"),
        (reply(200, b"", Fault.TOO_LONG), "200 OK, but the answer is too long"),
        (reply(200, {}), "200 OK without success"),
        (reply(299, {"detail": "odd"}), "299 without success: odd"),
        (reply(300, {"detail": "odd"}), "300 Multiple Choices: odd"),
        (reply(302, b"", Location="//a.test/x"), "302 Found to ://a.test/x, which is not followed"),
        (reply(302, b"", Location="/x"), "302 Found, but the answer is not a JSON object"),
        (
            reply(302, b"", Location="https://me@a.test/x"),
            "302 Found to https://a.test/x, which is not followed",
        ),
        (reply(500, b"odd", Fault.LOST), "500 Internal Server Error"),
        (reply(500, b"odd", Content_Encoding="gzip"), "500 Internal Server Error"),
        (reply(500, b"[odd"), "500 Internal Server Error"),
        (reply(500, b" " * 3999 + b"odd"), "500 Internal Server Error: o"),
        (reply(None), "no connection"),
        (reply(None, b"", Fault.NOT_HTTP), "what came back is not HTTP"),
        (reply(None, b"", Fault.TIMED_OUT), "no answer after 0.5 s"),
    ],
)
def test_an_answer_is_told_in_these_words(found: Reply, words: str) -> None:
    """Status, what the server said, and nothing that was cut off, packed or a page."""
    assert classified(found).message == words


@pytest.mark.parametrize(
    ("status", "words"),
    [(302, "302 Found to https://a.test, which is not followed"), (503, "503 Service Unavailable")],
)
def test_a_probe_is_told_in_these_words(status: int, words: str) -> None:
    """What the health check was answered with, as a sentence."""
    found = health(
        reply(status, b"", Location="https://a.test/" if status < 400 else ""), healthy=False
    )
    assert str(reasons.parted(found.reason)[0]) == f"The health check was answered with {words}."


def test_a_broken_off_answer_of_a_probe_is_told_by_its_fault() -> None:
    """An answer that broke off after its head, and one of which nothing came."""
    assert (
        str(health(reply(200, b"", Fault.TIMED_OUT), healthy=False).reason)
        == "No answer after 0.5 s."
    )
    assert str(health(reply(None, b""), healthy=False).reason) == "No connection."


def test_of_a_large_text_no_word_of_the_server_shows() -> None:
    """Too large to be compared, a text hides whatever the server says, its code too."""
    large = "oak " * 250_001
    said = reply(500, {"detail": "the model is away", "code": "away"})
    assert classified(said, large).message == "500 Internal Server Error"
    assert classified(reply(500, b""), large).message == "500 Internal Server Error"
    moved = reply(302, b"", Location="http://a.test/")
    assert "a.test" not in classified(moved, large).message
    assert classified(reply(200, OK), large).message == ""


def test_a_code_of_the_answer_stands_in_for_words_that_must_not_show() -> None:
    """Where the words repeat the text, the server's code is told instead, unless it does too."""
    said = {"detail": "no room for the third oak", "code": "no_room"}
    found = classified(reply(507, said), "the third oak")
    assert found.message == "507 Insufficient Storage (no_room)"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("invalid content: the item names no project", NO_PROJECT),
        ("what came back is not HTTP", Fault.NOT_HTTP.value),
        ("no answer after 2.5 s", Reason("no answer after {number} s", number="2.5")),
        ("no answer after 1e+03 s", Reason("no answer after {number} s", number="1e+03")),
        ("no answer after a while s", reasons.quoted("no answer after a while s")),
        (
            "302 Found to https://a.test, which is not followed",
            Reason(
                "{status} to {address}, which is not followed",
                status="302 Found",
                address="https://a.test",
            ),
        ),
        (
            "399, but the answer is not a JSON object",
            Reason(
                "{status}, but {why}", status="399", why=Reason("the answer is not a JSON object")
            ),
        ),
        (
            "200 OK, but the answer is too long",
            Reason("{status}, but {why}", status="200 OK", why=Fault.TOO_LONG.value),
        ),
        ("200 OK, but odd", reasons.quoted("200 OK, but odd")),
        (
            "500: moved to http://a.test, which is not followed",
            reasons.quoted("500: moved to http://a.test, which is not followed"),
        ),
        ("500 Internal Server Error: odd", reasons.quoted("500 Internal Server Error: odd")),
    ],
)
def test_a_message_of_ours_is_a_reason_again(message: str, reason: Reason) -> None:
    """What file or ledger kept is a sentence of ours again; a server's words stay as they are."""
    assert retold(message) == reason
    assert str(reason) == message


@pytest.mark.parametrize(
    ("last_error", "status", "is_answer"),
    [
        ("500 Internal Server Error: odd", 500, True),
        ("413", 413, True),
        ("413: odd", 413, True),
        ("5000 tries", None, True),
        ("40\u0664 odd", None, True),
        ("no answer after 60 s", None, False),
        ("no answer after a while", None, True),
        ("yes, no answer after 60 s", None, True),
        ("the connection was lost before the answer was complete", None, False),
        ("what came back is not HTTP", None, True),
        ("", None, True),
    ],
)
def test_what_a_short_reason_tells_of_the_answer(
    last_error: str, status: int | None, *, is_answer: bool
) -> None:
    """A `last_error` of ours gives its status back, and says when there was no answer at all."""
    assert in_short(last_error) == (status, is_answer)


@pytest.mark.parametrize("status", [200, 302, 400, 404, 413, 429, 500, 503, 599])
def test_the_status_is_read_again_from_what_is_said(status: int) -> None:
    """Each message about an answer begins with its status, which a file without a ledger keeps."""
    for body in (b"", {}, {"detail": "odd"}, b"<html>"):
        assert in_short(classified(reply(status, body)).message) == (status, True)


@pytest.mark.parametrize("fault", [Fault.TIMED_OUT, Fault.LOST])
def test_silence_is_read_again_from_what_is_said(fault: Fault) -> None:
    """A message about an answer that never came, or broke off, says so to who reads it again."""
    for status in (None, 200):
        said = classified(reply(status, b"", fault)).message
        assert in_short(said) == (None, False)
        assert retold(said) != reasons.quoted(said)
