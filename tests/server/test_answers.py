"""What an answer means, and what is said about it."""

import json
from email.utils import formatdate
from typing import Any

import httpx
import pytest

from mem0tray.core import reasons
from mem0tray.core.delivery_kind import Kind
from mem0tray.core.large import LargeText
from mem0tray.server.answers import brief, classify, health, retry_after
from mem0tray.server.model import NO_TLS, Fault, Health, Outcome, Reply
from mem0tray.server.vps import is_answered, says_success

NOW = 1_800_000_000.0
OK = {"success": True}


def reply(
    status: int | None, body: object = b"", fault: Fault | None = None, **headers: str
) -> Reply:
    """Make a reply; `body` becomes JSON unless it is bytes, `_` in a name stands for `-`."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = httpx.Headers({name.replace("_", "-"): text for name, text in headers.items()})
    return Reply(status, named, raw, 0.5, fault)


def classified(answer: Reply, content: str | LargeText = "", *secrets: str) -> Outcome:
    """Class an answer of a server that speaks `vps`."""
    return classify(answer, NOW, says_success, content, secrets)


def message(status: int, body: object, content: str = "", secret: str = "") -> str:
    """Say what is said about an answer."""
    return classified(reply(status, body), content, secret).message


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
        (403, b"", Kind.REFUSED),
        (404, OK, Kind.REFUSED),
        (405, b"", Kind.REFUSED),
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
    assert message(500, body) == f"500 Internal Server Error: {words}"


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


# The content does not show ----------------------------------------------------------------------

CONTENT = 'Das Kennwort für "Zürich" lautet:\nmöwe\\neun — bitte nicht weitersagen 🙂'
PART = CONTENT[20:60]


@pytest.mark.parametrize(
    "shown",
    [
        CONTENT,
        PART,
        CONTENT[:12],
        CONTENT[-12:],
        PART.upper(),
        PART.casefold(),
        json.dumps(PART),
        json.dumps(json.dumps(PART)),
        json.dumps(PART, ensure_ascii=False),
        repr(PART),
        repr(PART.encode()),
        ascii(PART),
        " ".join(PART.split()),
        PART.replace(" ", "   "),
        PART.replace(" ", "\u00a0"),
        PART.replace(" ", ""),
        PART.replace(" ", "_"),
        PART.replace("\n", " "),
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
def test_a_text_that_repeats_the_content_is_replaced(shown: str, around: str) -> None:
    """Twelve characters of the content in a row, however disguised, leave status and code."""
    body = {"detail": around.format(shown), "code": "too_odd"}
    assert message(422, body, CONTENT) == message(422, {"detail": "", "code": "x"}) + " (too_odd)"


@pytest.mark.parametrize("body", [b"sorry: %s", b'{"detail": [{"loc": ["%s"], "msg": "x"}]}'])
def test_the_content_shows_neither_in_plain_text_nor_in_a_location(body: bytes) -> None:
    """Every part of an answer that would be shown is looked at."""
    said = message(
        400, body.replace(b"%s", b"the treasure of the third oak"), "Treasure of the Third"
    )
    assert said == "400 Bad Request"


def test_a_code_or_a_redirect_that_repeats_the_content_is_dropped() -> None:
    """Not even what looks like a code, or a host, may show the content."""
    content = "treasure.below.the.oak"
    body = {"error": {"message": content, "code": content}}
    assert message(400, body, content) == "400 Bad Request"
    found = reply(302, b"", Location=f"http://{content}/")
    assert content not in classified(found, content).message
    found = reply(302, b"", Location=f"http://mem0.test/{content}/memory")
    assert "to http://mem0.test, which" in classified(found, content).message


@pytest.mark.parametrize("body", [b"", b"<html>", OK, {"detail": "moved"}])
def test_a_redirect_is_no_fault_of_an_item(body: object) -> None:
    """Whatever else it says; a path of the server's own is named as the address that it is."""
    found = reply(308, body, Location="/api/memory?x=1")
    found.asked = ("https://mem0.test:8443", "/memory")
    said = classified(found)
    assert said.kind is Kind.OUTAGE
    assert "to https://mem0.test:8443/api/memory, which" in said.message


def test_a_probe_that_is_redirected_says_what_to_set() -> None:
    """So does one of a server without TLS."""
    found = reply(301, b"", Location="https://mem0.test/health")
    found.asked = ("http://mem0.test", "/health")
    assert "`mem0tray config set server.url https://mem0.test`." in str(
        health(found, healthy=False).reason
    )
    found = Reply(None, httpx.Headers(), b"", 0.1, Fault.UNREACHABLE, NO_TLS)
    found.asked = ("https://mem0.test:8000/x", "/health")
    assert str(health(found, healthy=False).reason) == (
        "The server there does not speak TLS. If it speaks plain http, set that:"
        " `mem0tray config set server.url http://mem0.test:8000/x`."
    )


@pytest.mark.parametrize("content", ["", "a", "error", "x" * 500, "-" * 40, "   \n  " * 5])
def test_other_words_are_kept(content: str) -> None:
    """Contents that have nothing in common with the words do not hide them."""
    assert message(500, {"detail": "the model is not loaded"}, content).endswith("loaded")


@pytest.mark.parametrize("blank", ["-", "_", ", ", "...", "+"])
def test_other_punctuation_does_not_hide_the_content(blank: str) -> None:
    """Letters and digits of the content in a row are found whatever stands between words."""
    shown = "open the door now".replace(" ", blank)
    assert message(400, {"detail": f"bad slug {shown}"}, "Open the door now!") == "400 Bad Request"


def test_a_short_content_does_not_show_as_a_whole() -> None:
    """A content of fewer than twelve characters is looked for as a whole."""
    assert message(400, {"detail": "bad text: PIN 4711"}, "pin 4711") == "400 Bad Request"


def test_a_megabyte_of_content_is_looked_through() -> None:
    """A long content is compared to its end."""
    content = "lorem ipsum dolor " * 60_000 + "the treasure lies below"
    assert message(400, {"detail": "got ... THE TREASURE LIES"}, content) == "400 Bad Request"
    assert message(400, {"detail": "something else went wrong"}, content).endswith("wrong")


@pytest.mark.parametrize("secret", ["sesame-open-4711", "abc"])
def test_an_api_key_does_not_show(secret: str) -> None:
    """A server that repeats the key, or most of it, is not quoted."""
    assert message(400, {"detail": f"bad key {secret}"}, secret=secret) == "400 Bad Request"
    said: Any = {"detail": "bad key same-open-4711"}
    assert message(400, said, secret="sesame-open-4711") == "400 Bad Request"  # noqa: S106


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
                httpx.Headers(),
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


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("500 Internal Server Error: the database is away", "500: the database is away"),
        ("422 Unprocessable Entity: content: odd", "422: content: odd"),
        ("200 OK without success: no space", "200 without success: no space"),
        ("500 Internal Server Error", "500 Internal Server Error"),
        ("500: odd", "500: odd"),
        ("no answer after 60 s", "no answer after 60 s"),
    ],
)
def test_a_reason_begins_with_what_tells_most(reason: str, shown: str) -> None:
    """The status in words only where the server said nothing else."""
    assert brief(reason) == shown
