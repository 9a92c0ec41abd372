"""What an answer means, and what is said about it: never the content of a memory, nor a key."""

import json
from email.utils import formatdate
from typing import Any

import pytest

from mem0tray.core import reasons
from mem0tray.core.item import Kind
from mem0tray.core.reasons import Reason
from mem0tray.server import answers
from mem0tray.server.answers import health, retry_after, status_in
from mem0tray.server.http_client import is_answered
from mem0tray.server.model import NO_TLS, Fault, Reply
from tests.server.calls import NOW, OK, classified, message, reply


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, OK, Kind.DELIVERED),
        (200, b'\xef\xbb\xbf{"success": true, "echo": "\\ud800"}', Kind.DELIVERED),
        (201, OK, Kind.DELIVERED),
        (200, {"success": False}, Kind.ITEM_FAILURE),
        (200, {"success": "true"}, Kind.ITEM_FAILURE),
        (200, {}, Kind.ITEM_FAILURE),
        (200, b"", Kind.OUTAGE),
        (200, b"<html>Sign in to the network</html>", Kind.OUTAGE),
        (200, [OK], Kind.OUTAGE),
        (200, b'{"success": tr', Kind.OUTAGE),
        (200, b"[" * 100_000, Kind.OUTAGE),
        (302, b"", Kind.OUTAGE),
        (307, b"<html>Moved</html>", Kind.OUTAGE),
        (307, OK, Kind.ITEM_FAILURE),
        (401, {"detail": "no"}, Kind.UNAUTHORIZED),
        (403, b"", Kind.FORBIDDEN),
        (404, OK, Kind.FORBIDDEN),
        (405, b"", Kind.FORBIDDEN),
        (429, b"", Kind.SLOW_DOWN),
        (502, b"", Kind.OUTAGE),
        (503, OK, Kind.OUTAGE),
        (504, b"", Kind.OUTAGE),
        *((status, b"", Kind.ITEM_FAILURE) for status in (400, 402, 408, 413, 422, 451)),
        *((status, OK, Kind.ITEM_FAILURE) for status in (500, 501, 505, 599)),
    ],
)
def test_status_and_body_decide(status: int, body: object, kind: Kind) -> None:
    answer = classified(reply(status, body))
    assert (answer.kind, answer.status, answer.duration) == (kind, status, 0.5)
    assert bool(answer.message) == (kind is not Kind.DELIVERED)


@pytest.mark.parametrize(
    ("status", "fault", "kind"),
    [
        (None, Fault.UNREACHABLE, Kind.OUTAGE),
        (None, Fault.NOT_HTTP, Kind.OUTAGE),
        (None, Fault.TOO_LONG, Kind.OUTAGE),
        (None, Fault.LOST, Kind.NO_ANSWER),
        (None, Fault.TIMED_OUT, Kind.NO_ANSWER),
        (200, Fault.LOST, Kind.NO_ANSWER),
        (200, Fault.NOT_HTTP, Kind.OUTAGE),
        (200, None, Kind.OUTAGE),
        (307, Fault.LOST, Kind.OUTAGE),
        (401, Fault.LOST, Kind.UNAUTHORIZED),
        (429, Fault.TIMED_OUT, Kind.SLOW_DOWN),
        (400, None, Kind.ITEM_FAILURE),
        (499, None, Kind.ITEM_FAILURE),
        (500, None, Kind.ITEM_FAILURE),
        (500, Fault.TOO_LONG, Kind.ITEM_FAILURE),
    ],
)
def test_what_broke_off_counts_as_far_as_it_came(
    status: int | None, fault: Fault | None, kind: Kind
) -> None:
    answer = classified(reply(status, b"<html>", fault))
    assert (answer.kind, answer.status) == (kind, status)
    assert answer.timed_out is (fault is Fault.TIMED_OUT and kind is Kind.NO_ANSWER)
    refused = status is not None and 400 <= status < 500
    assert answer.may_have_it is not (fault is Fault.UNREACHABLE or refused)


def test_a_compressed_answer_is_no_json_object() -> None:
    assert classified(reply(200, OK, Content_Encoding="gzip")).kind is Kind.OUTAGE
    assert classified(reply(200, OK, Content_Encoding="identity")).kind is Kind.DELIVERED


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        (" 30 ", 30.0),
        ("3601", 3600.0),
        (formatdate(NOW + 90, usegmt=True), 90.0),
        (formatdate(NOW - 90, usegmt=True), 0.0),
        (formatdate(NOW + 1e6, usegmt=True), 3600.0),
        ("-5", None),
        ("Fri, 99 Dec 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_an_hour(text: str, seconds: float | None) -> None:
    found = reply(429, b"", Retry_After=text)
    assert retry_after(found, NOW) == classified(found).retry_after == seconds


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (reply(200, b"<html>"), "200 OK, but the answer is not a JSON object"),
        (reply(200, b"", Fault.TOO_LONG), "200 OK, but the answer is too long"),
        (reply(200, {}), "200 OK without success"),
        (reply(200, {"detail": "odd"}), "200 without success: odd"),
        (reply(400, b"odd"), "400: odd"),
        (reply(500, {"detail": "the model is not loaded"}), "500: the model is not loaded"),
        (reply(500, "just text"), "500: just text"),
        (reply(None), "no connection"),
        (reply(None, b"", Fault.NOT_HTTP), "what came back is not HTTP"),
        (reply(None, b"", Fault.TIMED_OUT), "no answer after 0.5 s"),
        (reply(302, b"", Location="//a.test/x"), "302 Found to ://a.test/x, which is not followed"),
        (reply(302, b"", Location="/x"), "302 Found, but the answer is not a JSON object"),
        (reply(302, Location="http://[bad"), "302 Found, but the answer is not a JSON object"),
        (
            reply(302, Location="https://me:pass@a.test/a b/memory;id=1?key=1#x"),
            "302 Found to https://a.test/a%20b/memory, which is not followed",
        ),
    ],
)
def test_an_answer_is_told_in_these_words(found: Reply, words: str) -> None:
    outcome = classified(found)
    assert outcome.message == str(outcome.reason) == words


@pytest.mark.parametrize(
    "found",
    [
        reply(500, b"odd", Fault.LOST),
        reply(500, b"odd", Content_Encoding="gzip"),
        *(
            reply(500, body)
            for body in (b"<html>x", b"  <!doctype html>", b"\x00\xff", b"[odd", b"")
        ),
        *(reply(500, json.loads(body)) for body in ("{}", "[]", '{"error": null}', '"\\u0000"')),
    ],
)
def test_what_was_cut_off_packed_or_a_page_is_not_repeated(found: Reply) -> None:
    assert classified(found).message == "500 Internal Server Error"


HOSTILE = "a\x1b[31mred\r\nnext\tline\x00\x85\x9b\u2028\u2029\u202e\u2066\u200e\u200f\ud800 end"


@pytest.mark.row(42)
@pytest.mark.parametrize(
    "body", [{"detail": HOSTILE}, {"detail": [{"loc": [HOSTILE], "msg": "x"}]}]
)
def test_a_message_is_one_harmless_line(body: object) -> None:
    said = message(500, body)
    assert said.isprintable()
    assert not set(said) & set(HOSTILE) - set(" aredxtlinm[31")
    said.encode()


@pytest.mark.parametrize("length", [150, 1_000_000])
def test_a_message_has_at_most_200_characters(length: int) -> None:
    assert len(message(500, {"detail": "ab " * length})) <= 200


@pytest.mark.parametrize(
    ("text", "status"),
    [("500: odd", 500), ("413", 413), ("5000 tries", None), ("40\u0664 odd", None), ("", None)],
)
def test_a_message_begins_with_its_status(text: str, status: int | None) -> None:
    assert status_in(text) == status
    for body in (b"", {}, {"detail": "odd"}, b"<html>"):
        assert status_in(message(status or 302, body)) == status or 302


REFUSED = Reply(None, {}, b"", 0.1, Fault.UNREACHABLE, reasons.quoted("connection refused"))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (REFUSED, "Connection refused."),
        (reply(None, b"", Fault.TIMED_OUT), "No answer after 0.5 s."),
        (reply(200, b"", Fault.LOST), "The connection was lost before the answer was complete."),
        (reply(503, {"status": "ok"}), "503 Service Unavailable."),
        (reply(302, b"", Location="http://portal.test/\x1b"), "to http://portal.test/%1B, which"),
        (reply(200, b"<html>"), "something that is not a JSON object."),
    ],
)
def test_what_is_not_healthy_is_said_in_a_sentence(found: Reply, words: str) -> None:
    result = health(found, healthy=is_answered(found))
    assert (result.healthy, result.status) == (False, found.status)
    assert words in str(result.reason)
    assert str(result.reason)[0].isupper()
    assert str(result.reason).isprintable()


def test_a_probe_that_is_redirected_or_finds_no_tls_says_what_to_set() -> None:
    found = reply(301, b"", Location="https://mem0.test/health")
    found.asked = ("http://mem0.test", "/health")
    told = str(health(found, healthy=False).reason)
    assert "`mem0tray config set server.url https://mem0.test`." in told
    found = Reply(None, {}, b"", 0.1, Fault.UNREACHABLE, NO_TLS)
    found.asked = ("https://mem0.test:8000/x", "/health")
    assert str(health(found, healthy=False).reason) == (
        "The server there does not speak TLS. If it speaks plain http, set that:"
        " `mem0tray config set server.url http://mem0.test:8000/x`."
    )


CONTENT = 'Das Kennwort für "Zürich" lautet:\nmöwe\\neun — bitte nicht weitersagen 🙂'
PART = CONTENT[20:60]


@pytest.mark.parametrize(
    "shown",
    [
        PART.upper(),
        json.dumps(PART),
        json.dumps(json.dumps(PART)),
        repr(PART.encode()),
        " ".join(PART.split()),
        PART.replace(" ", "\u00a0"),
        PART.replace(" ", ""),
        PART.replace("e", "e\u200b"),
        PART.replace("ö", "o\u0308"),
        "".join(f"&#{ord(letter)};" for letter in PART),
        PART.replace('"', "&quot;"),
        "".join(f"%{byte:02X}" for byte in PART.encode()),
        "".join(f"\\u{ord(letter):04x}" for letter in PART[:20]),
        "".join(f"\\x{byte:02x}" for byte in PART.encode()),
    ],
)
@pytest.mark.parametrize("around", ["{}", "cannot store {}!", "value_error: got '{}"])
def test_a_text_that_repeats_the_content_is_replaced_by_status_and_code(
    shown: str, around: str
) -> None:
    body = {"detail": around.format(shown), "code": "too_odd"}
    assert message(422, body, CONTENT) == message(422, {}) + " (too_odd)"


@pytest.mark.parametrize(
    ("body", "content"),
    [
        (b"sorry: the treasure of the third oak", "Treasure of the Third"),
        ({"detail": [{"loc": ["the treasure of the third oak"], "msg": "x"}]}, "treasure of the"),
        ({"error": {"message": "the.third.oak", "code": "the.third.oak"}}, "the.third.oak"),
        ({"detail": "bad text: PIN 4711"}, "pin 4711"),
        (
            {"detail": "got ... THE TREASURE LIES"},
            "lorem ipsum dolor " * 55_000 + "the treasure lies below",
        ),
        ({"detail": "bad slug open-the_door, now"}, "Open the door now"),
        (b"", "oak " * 250_001),
    ],
)
def test_no_part_of_an_answer_shows_the_content(body: object, content: str) -> None:
    assert message(400, body, content) == "400 Bad Request"


@pytest.mark.parametrize(
    "content", ["", "a", "error", "x" * 500, "-" * 40, "   \n  " * 5, "lorem ipsum " * 55_000]
)
def test_other_words_are_kept(content: str) -> None:
    assert message(500, {"detail": "the model is not loaded"}, content).endswith("loaded")


@pytest.mark.parametrize("secret", ["sesame-open-4711", "abc"])
def test_an_api_key_does_not_show(secret: str) -> None:
    assert message(400, {"detail": f"bad key {secret}"}, secret=secret) == "400 Bad Request"
    said: Any = {"detail": "bad key same-open-4711"}
    assert message(400, said, secret="sesame-open-4711") == "400 Bad Request"  # noqa: S106


def test_a_redirect_that_shows_the_content_is_not_named() -> None:
    found = reply(302, b"", Location="http://mem0.test/treasure.below.the.oak/memory")
    said = classified(found, "treasure.below.the.oak").message
    assert said == "302 Found, but the answer is not a JSON object"


@pytest.mark.parametrize("body", [b"", b"<html>", OK, {"detail": "moved"}])
def test_a_redirect_is_no_fault_of_an_item(body: object) -> None:
    found = reply(308, body, Location="/api/memory?x=1")
    found.asked = ("https://mem0.test:8443", "/memory")
    said = classified(found)
    assert said.kind is Kind.OUTAGE
    assert "to https://mem0.test:8443/api/memory, which" in said.message


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (reasons.quoted("422: raw"), "rejected by the server"),
        (reasons.quoted("200 without success: raw"), "rejected by the server"),
        (reasons.quoted("413 Content Too Large"), "too large for the server"),
        (reasons.quoted("500: raw"), "the server had a fault of its own"),
        (reasons.quoted("[Errno 104] raw"), "no usable answer from the server"),
        (answers.no_use(200, answers.NOT_KEPT), str(answers.NOT_KEPT)),
        (answers.NO_PROJECT, "the item names no project"),
        (answers.failed_later(reply(200, {"error": "raw"}), "", ()), str(answers.FAILED_LATER)),
        (answers.FORGOTTEN, str(answers.FORGOTTEN)),
        (Fault.LOST.value, str(Fault.LOST.value)),
        (reasons.NONE, ""),
    ],
)
def test_plain_words_have_none_of_the_servers(reason: Reason, said: str) -> None:
    assert str(answers.in_plain_words(reason)) == said
