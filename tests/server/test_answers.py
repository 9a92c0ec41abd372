"""What an answer means, and what is said about it."""

from email.utils import formatdate

import pytest

from mem0tray.core import reasons
from mem0tray.core.item import Kind
from mem0tray.server.answers import classify, health, retry_after
from mem0tray.server.http_client import is_answered
from mem0tray.server.model import Fault, Health, Reply
from tests.server.replies import NOW, OK, classified, message, reply

# Classes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, OK, Kind.DELIVERED),
        (200, {"success": True, "id": 7, "score": float("nan")}, Kind.DELIVERED),
        (200, b'\xef\xbb\xbf{"success": true, "echo": "\\ud800"}', Kind.DELIVERED),
        (201, OK, Kind.DELIVERED),
        (200, {"success": False}, Kind.ITEM_FAILURE),
        (200, {"success": "true"}, Kind.ITEM_FAILURE),
        (200, {"success": 1}, Kind.ITEM_FAILURE),
        (200, {}, Kind.ITEM_FAILURE),
        (200, b"", Kind.OUTAGE),
        (200, b"<html>Sign in to the network</html>", Kind.OUTAGE),
        (200, [OK], Kind.OUTAGE),
        (200, "success", Kind.OUTAGE),
        (200, b'{"success": tr', Kind.OUTAGE),
        (200, b"[" * 100_000, Kind.OUTAGE),
        (200, b"1" * 5_000, Kind.OUTAGE),
        (204, b"", Kind.OUTAGE),
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
        (500, OK, Kind.ITEM_FAILURE),
        (501, b"", Kind.ITEM_FAILURE),
        (505, b"", Kind.ITEM_FAILURE),
        (599, b"", Kind.ITEM_FAILURE),
        (400, OK, Kind.ITEM_FAILURE),
        (402, b"", Kind.ITEM_FAILURE),
        (408, b"", Kind.ITEM_FAILURE),
        (413, b"", Kind.ITEM_FAILURE),
        (422, b"", Kind.ITEM_FAILURE),
        (451, b"", Kind.ITEM_FAILURE),
    ],
)
def test_status_and_body_decide(status: int, body: object, kind: Kind) -> None:
    """Each complete answer has the class that the contract's table gives it."""
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
        (200, Fault.TIMED_OUT, Kind.NO_ANSWER),
        (200, Fault.NOT_HTTP, Kind.OUTAGE),
        (200, Fault.TOO_LONG, Kind.OUTAGE),
        (307, Fault.LOST, Kind.OUTAGE),
        (401, Fault.LOST, Kind.UNAUTHORIZED),
        (429, Fault.TIMED_OUT, Kind.SLOW_DOWN),
        (503, Fault.LOST, Kind.OUTAGE),
        (500, Fault.TOO_LONG, Kind.ITEM_FAILURE),
    ],
)
def test_what_broke_off_counts_as_far_as_it_came(
    status: int | None, fault: Fault, kind: Kind
) -> None:
    """A status that is no success counts without its body; a success is unknown without it."""
    answer = classified(reply(status, b"", fault))
    assert answer.kind is kind
    assert answer.timed_out == (fault is Fault.TIMED_OUT and kind is Kind.NO_ANSWER)
    assert answer.message


@pytest.mark.parametrize(
    ("status", "fault", "may_have_it"),
    [
        (None, Fault.UNREACHABLE, False),
        (None, Fault.NOT_HTTP, True),
        (None, Fault.TOO_LONG, True),
        (None, Fault.LOST, True),
        (200, Fault.TIMED_OUT, True),
        (200, None, True),
        (302, None, True),
        (400, None, False),
        (401, None, False),
        (404, None, False),
        (429, None, False),
        (500, None, True),
        (502, None, True),
        (503, None, True),
        (504, None, True),
    ],
)
def test_only_a_refusal_leaves_nothing_unknown(
    status: int | None, fault: Fault | None, *, may_have_it: bool
) -> None:
    """Unless nothing was sent, or a 4xx refuses it, the server may have stored it all the same."""
    assert classified(reply(status, b"<html>", fault)).may_have_it is may_have_it


@pytest.mark.parametrize(("body", "kind"), [({"id": 7}, Kind.DELIVERED), (OK, Kind.ITEM_FAILURE)])
def test_a_dialect_says_what_stored_means(body: object, kind: Kind) -> None:
    """Which object of a 2xx means that it is done differs from one dialect to another."""
    assert classify(reply(200, body), NOW, lambda found: "id" in found).kind is kind


def test_the_outcome_of_a_delivery_is_known() -> None:
    """A success leaves nothing to be asked."""
    assert not classified(reply(200, OK)).may_have_it


def test_a_compressed_answer_is_no_json_object() -> None:
    """What we asked not to be compressed, and is, is not read."""
    assert classified(reply(200, OK, Content_Encoding="gzip")).kind is Kind.OUTAGE
    assert classified(reply(200, OK, Content_Encoding="identity")).kind is Kind.DELIVERED


# Retry-After ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        ("1.5", 1.5),
        (" 30 ", 30.0),
        ("3601", 3600.0),
        ("9" * 5000, 3600.0),
        (formatdate(NOW + 90, usegmt=True), 90.0),
        (formatdate(NOW + 90), 90.0),
        (formatdate(NOW - 90, usegmt=True), 0.0),
        (formatdate(NOW + 1e6, usegmt=True), 3600.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600.0),
        ("-5", None),
        ("soon\t-1", None),
        ("nan", None),
        ("1e3", None),
        ("", None),
        ("Fri, 99 Dec 2026 99:99:99 GMT", None),
        ("Fri, 31 Dec 99999999999 23:59:59 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_an_hour(text: str, seconds: float | None) -> None:
    """Seconds or an HTTP date, bounded; what makes no sense is none."""
    found = reply(429, b"", Retry_After=text)
    assert retry_after(found, NOW) == seconds
    assert classified(found).retry_after == seconds


# Messages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"detail": "the model is not loaded"}, "the model is not loaded"),
        ({"error": {"message": "quota used up", "code": "quota"}}, "quota used up"),
        ({"message": "no such user"}, "no such user"),
        ("just text", "just text"),
        (b"plain words", "plain words"),
        ({"detail": [{"loc": ["body", 0, "x"], "msg": "required"}]}, "body.0.x: required"),
        ({"detail": [{"msg": "one"}, {"loc": ["two"]}]}, "one; two"),
    ],
)
def test_what_the_server_says_is_kept(body: object, words: str) -> None:
    """The server's own words stand behind the status."""
    assert message(500, body) == f"500: {words}"


def test_of_a_detail_list_only_loc_and_msg_are_kept() -> None:
    """What FastAPI repeats of the input does not show."""
    entry = {"loc": ["body"], "msg": "too odd", "input": "abc", "ctx": {"x": "abc"}, "url": "abc"}
    assert message(422, {"detail": [entry, "abc", ["abc"]]}).endswith(": body: too odd")


@pytest.mark.parametrize(
    "body",
    [
        b"<html>x</html>",
        b"  <!doctype html>",
        b"\x00\xff\xfe",
        {},
        [],
        {"error": None},
        b"",
        "\x1b\0",
    ],
)
def test_a_page_is_not_repeated(body: object) -> None:
    """Markup and bytes that are no text leave the status alone."""
    assert message(500, body) == "500 Internal Server Error"


def test_a_redirect_names_host_and_path_and_no_more() -> None:
    """Where a redirect points helps to mend the settings; its query and password do not."""
    found = reply(301, b"", Location="https://me:pass@mem0.test/a b/memory;id=1?key=1#x")
    said = classified(found).message
    assert "to https://mem0.test/a%20b/memory, which" in said
    assert "pass" not in said
    assert "=1" not in said
    assert (
        "to https://a.test, which"
        in classified(reply(301, Location=f"https://a.test/{'x' * 100}")).message
    )
    assert "JSON" in classified(reply(301, b"", Location="http://[bad")).message


HOSTILE = "a\x1b[31mred\r\nnext\tline\x00\x85\x9b\u2028\u2029\u202e\u2066\u200e\u200f\ud800 end"


@pytest.mark.row(42)
@pytest.mark.parametrize(
    "body", [{"detail": HOSTILE}, {"detail": [{"loc": [HOSTILE], "msg": "x"}]}]
)
def test_a_message_is_one_harmless_line(body: object) -> None:
    """No control character, direction mark or half character gets through."""
    said = message(500, body)
    assert said.isprintable()
    assert not set(said) & set(HOSTILE) - set(" aredxtlinm[31")
    said.encode()


@pytest.mark.parametrize("length", [150, 300, 1_000_000])
def test_a_message_is_short(length: int) -> None:
    """However much the server says, the message has at most 200 characters."""
    assert len(message(500, {"detail": "ab " * length})) <= 200


# Health -----------------------------------------------------------------------------------------


def test_health_is_200_and_an_object() -> None:
    """A server is healthy when it answers 200 with a JSON object."""
    for body in ({"status": "ok"}, {}):
        found = reply(200, body)
        assert health(found, healthy=is_answered(found)) == Health(
            healthy=True, reason=reasons.NONE, status=200
        )


def test_a_dialect_says_what_healthy_means() -> None:
    """Of the same answer one dialect may say that the server is well, another that it is not."""
    assert health(reply(401, {}), healthy=True).healthy
    told = health(reply(200, {}), healthy=False).reason
    assert str(told) == "The health check was answered with 200 OK."


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            Reply(
                None,
                {},
                b"",
                0.1,
                Fault.UNREACHABLE,
                reasons.quoted("connection refused"),
            ),
            "Connection refused.",
        ),
        (reply(None, b"", Fault.TIMED_OUT), "No answer after 0.5 s."),
        (reply(200, b"", Fault.LOST), "The connection was lost before the answer was complete."),
        (reply(503, {"status": "ok"}), "503 Service Unavailable."),
        (reply(201, {"status": "ok"}), "201 Created."),
        (reply(302, b"", Location="http://portal.test/\x1b"), "to http://portal.test/%1B, which"),
        (reply(200, b"<html>"), "something that is not a JSON object."),
        (reply(200, [1]), "something that is not a JSON object."),
        (reply(200, b"", Fault.TOO_LONG), "something that is not a JSON object."),
    ],
)
def test_what_is_not_healthy_is_said_in_a_sentence(found: Reply, words: str) -> None:
    """Everything else is not healthy, with a sentence that says why."""
    result = health(found, healthy=is_answered(found))
    assert (result.healthy, result.status) == (False, found.status)
    assert words in str(result.reason)
    assert str(result.reason)[0].isupper()
    assert str(result.reason).isprintable()
