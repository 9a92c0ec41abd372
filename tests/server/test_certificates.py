"""Why a certificate is not trusted, and what to do about it."""

import pytest

from mem0tray.core import reasons
from mem0tray.core.language import Language
from mem0tray.core.reasons import Reason
from mem0tray.server.answers import health
from mem0tray.server.model import Fault, Reply
from mem0tray.server.remedy import of_untrusted as remedy
from mem0tray.server.remedy import untrusted

CA_FILE = "`mem0tray config set server.ca_file FILE`"
URL = "`mem0tray config set server.url ADDRESS`"
# Codes of OpenSSL, and what its words become.
KNOWN = [
    (9, "it is not valid yet", "clock"),
    (10, "it has expired", "Renew it on the server."),
    (18, "it is signed by itself", CA_FILE),
    (19, "none of the authorities that are trusted here has signed it", CA_FILE),
    (20, "none of the authorities that are trusted here has signed it", CA_FILE),
    (21, "none of the authorities that are trusted here has signed it", CA_FILE),
    (62, "it is for another name", URL),
    (64, "it is for another name", URL),
]


@pytest.mark.parametrize(("code", "words", "advice"), KNOWN)
def test_what_is_wrong_has_its_words_and_its_remedy(code: int, words: str, advice: str) -> None:
    """Each usual fault of a certificate is told in words of ours, in French too."""
    found = Reason("TLS failed: {why}", why=untrusted(code, "OpenSSL's words"))
    assert str(found) == f"TLS failed: the certificate cannot be trusted: {words}"
    assert advice in str(remedy(found))
    assert words not in found.said(Language("fr"))
    assert remedy(found).said(Language("fr")) != str(remedy(found))


def test_any_other_fault_is_told_in_the_words_of_openssl() -> None:
    """Where the fault is a rare one its own words stand, and no remedy is made up."""
    found = untrusted(23, "certificate revoked")
    assert str(found) == "the certificate cannot be trusted: certificate revoked"
    assert remedy(found) == remedy(Reason("connection refused")) == reasons.NONE


def test_the_health_of_such_a_server_has_the_remedy() -> None:
    """Who shows how a server is says what to do about its certificate too."""
    detail = Reason("TLS failed: {why}", why=untrusted(10, ""))
    reply = Reply(None, {}, b"", 0.1, Fault.UNREACHABLE, detail)
    assert str(health(reply, healthy=False).reason) == (
        "TLS failed: the certificate cannot be trusted: it has expired. Renew it on the server."
    )
