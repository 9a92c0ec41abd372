"""What is said about an answer never shows the content of a memory, nor a key."""

import json
from typing import Any

import pytest

from mem0tray.core.item import Kind
from mem0tray.server.answers import health
from mem0tray.server.model import NO_TLS, Fault, Reply
from tests.server.replies import OK, classified, message, reply

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
    found = Reply(None, {}, b"", 0.1, Fault.UNREACHABLE, NO_TLS)
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
    content = "lorem ipsum dolor " * 55_000 + "the treasure lies below"
    assert message(400, {"detail": "got ... THE TREASURE LIES"}, content) == "400 Bad Request"
    assert message(400, {"detail": "something else went wrong"}, content).endswith("wrong")


@pytest.mark.parametrize("secret", ["sesame-open-4711", "abc"])
def test_an_api_key_does_not_show(secret: str) -> None:
    """A server that repeats the key, or most of it, is not quoted."""
    assert message(400, {"detail": f"bad key {secret}"}, secret=secret) == "400 Bad Request"
    said: Any = {"detail": "bad key same-open-4711"}
    assert message(400, said, secret="sesame-open-4711") == "400 Bad Request"  # noqa: S106
