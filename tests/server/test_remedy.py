"""What to do about an answer of the server, or its certificate."""

import pytest

from mem0tray.core import reasons
from mem0tray.core.language import Language
from mem0tray.core.reasons import Reason
from mem0tray.server.answers import health
from mem0tray.server.model import Fault, Reply
from mem0tray.server.remedy import (
    of_no_tls,
    of_redirect,
    of_refusal,
    of_rejection,
    of_untrusted,
    untrusted,
)

# What each remedy alone says.
KEY, RIGHTS = "the key that it wants", "a key that may save"
ADDRESS, PROJECT = "server.url ADDRESS`", "knows this project"
CHANGE, LARGE = "`mem0tray edit ID`, or delete", "shorten it with `mem0tray edit ID`"
MODEL, FAULT = "the key of the model's provider", "see its log"
WAIT = "Nothing to do: it is tried again automatically."
SET = "If your server is there, set its address: `mem0tray config set server.url {}`."


@pytest.mark.parametrize(
    ("status", "remedy", "by_itself"),
    [
        (401, KEY, False),
        (403, RIGHTS, False),
        (404, PROJECT, False),
        (413, LARGE, False),
        (302, ADDRESS, False),
        (400, CHANGE, False),
        (None, CHANGE, False),
        (429, WAIT, True),
        (500, FAULT, True),
    ],
)
def test_a_rejected_memory_has_its_remedy(
    status: int | None, remedy: str, *, by_itself: bool
) -> None:
    found, ends = of_rejection(status)
    assert remedy in str(found)
    assert ends is by_itself


@pytest.mark.parametrize(
    ("status", "remedy"),
    [(401, KEY), (403, RIGHTS), (404, ADDRESS), (502, MODEL), (503, ADDRESS), (None, ADDRESS)],
)
def test_a_server_that_refuses_all_has_its_remedy(status: int | None, remedy: str) -> None:
    assert remedy in str(of_refusal(status))


@pytest.mark.parametrize(
    ("address", "remedy"),
    [
        ("https://a.test/memory", SET.format("https://a.test")),
        ("http://a.test:8000/api/v1/memory/project", SET.format("http://a.test:8000/api/v1")),
        ("http://memory/memory/search", SET.format("http://memory")),
        ("http://portal.test/login", ADDRESS),
        ("http://a.test/health/", "No address helps: "),
    ],
)
def test_a_redirect_has_the_address_to_set(address: str, remedy: str) -> None:
    assert remedy in str(of_redirect(address))
    assert of_redirect("") == reasons.NONE


def test_a_server_without_tls_has_an_http_address() -> None:
    assert "server.url http://a.test:1/https`" in str(of_no_tls("https://a.test:1/https"))


@pytest.mark.parametrize("code", [18, 20])
def test_a_certificate_of_no_known_authority_has_its_words_and_its_remedy(code: int) -> None:
    found = Reason("TLS failed: {why}", why=untrusted(code, "OpenSSL's words"))
    remedy = of_untrusted(found)
    words = "none of the authorities that are trusted here has signed it"
    assert str(found) == f"TLS failed: the certificate cannot be trusted: {words}"
    assert "`mem0tray config set server.ca_file FILE`" in str(remedy)
    assert words not in found.said(Language("fr"))
    assert remedy.said(Language("fr")) != str(remedy)
    reply = Reply(None, {}, b"", 0.1, Fault.UNREACHABLE, found)
    assert str(health(reply, healthy=False).reason) == f"{found}. {remedy}"


def test_any_other_fault_is_told_in_the_words_of_openssl() -> None:
    found = untrusted(10, "certificate has expired")
    assert str(found) == "the certificate cannot be trusted: certificate has expired"
    assert of_untrusted(found) == of_untrusted(Reason("connection refused")) == reasons.NONE
