"""What is said about an answer, word for word, and what is read again of it."""

import pytest

from mem0tray.core import reasons
from mem0tray.server.answers import health, status_in
from mem0tray.server.model import Fault, Reply
from tests.server.replies import OK, classified, reply


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (reply(200, b"<html>"), "200 OK, but the answer is not a JSON object"),
        (reply(399, b""), "399, but the answer is not a JSON object"),
        (reply(400, b"odd"), "400: odd"),
        (reply(200, b"", Fault.TOO_LONG), "200 OK, but the answer is too long"),
        (reply(200, {}), "200 OK without success"),
        (reply(299, {"detail": "odd"}), "299 without success: odd"),
        (reply(300, {"detail": "odd"}), "300: odd"),
        (reply(302, b"", Location="//a.test/x"), "302 Found to ://a.test/x, which is not followed"),
        (reply(302, b"", Location="/x"), "302 Found, but the answer is not a JSON object"),
        (
            reply(302, b"", Location="https://me@a.test/x"),
            "302 Found to https://a.test/x, which is not followed",
        ),
        (reply(500, b"odd", Fault.LOST), "500 Internal Server Error"),
        (reply(500, b"odd", Content_Encoding="gzip"), "500 Internal Server Error"),
        (reply(500, b"[odd"), "500 Internal Server Error"),
        (reply(500, b" " * 3999 + b"odd"), "500: o"),
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
    ("message", "status"),
    [("500: odd", 500), ("413", 413), ("5000 tries", None), ("40\u0664 odd", None), ("", None)],
)
def test_a_message_about_an_answer_begins_with_its_status(message: str, status: int | None) -> None:
    assert status_in(message) == status


@pytest.mark.parametrize("status", [200, 302, 400, 404, 413, 429, 500, 503, 599])
def test_each_message_about_an_answer_begins_so(status: int) -> None:
    for body in (b"", {}, {"detail": "odd"}, b"<html>"):
        assert status_in(classified(reply(status, body)).message) == status
