"""Why nothing could be sent, in words."""

import errno
import os
import socket
import ssl
from queue import Empty

import httpcore
import pytest

from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.server.network import why
from tests.support import needs

IN_TIME = "no connection in time"
LOST = "the connection was lost before anything was sent"
NO_NAME = "the name of the host cannot be resolved"


def untrusted(message: str, code: int = 1) -> ssl.SSLCertVerificationError:
    """Make the error of a certificate, with OpenSSL's code and words."""
    error = ssl.SSLCertVerificationError(1, "CERTIFICATE_VERIFY_FAILED")
    error.verify_code, error.verify_message = code, message
    return error


def tls(reason: str) -> ssl.SSLError:
    """Make an error of TLS."""
    error = ssl.SSLError(1, "[SSL]")
    error.reason = reason
    return error


@needs.ERRORS
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Mem0TrayError(Reason("stopped")), "stopped"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), NO_NAME),
        ("a" * 64 + ".test", NO_NAME),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Refused"), "connection refused"),
        (TimeoutError(), IN_TIME),
        (Empty(), IN_TIME),
        (ConnectionResetError(errno.ECONNRESET, "Reset"), LOST),
        (httpcore.RemoteProtocolError("Server disconnected."), LOST),
        (httpcore.ProxyError("407\nPassword"), "the proxy answered 407 Password"),
        (untrusted("self-signed\nit is"), "the certificate cannot be trusted: self-signed it is"),
        (
            untrusted("certificate has expired", 10),
            "the certificate cannot be trusted: it has expired",
        ),
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), LOST),
        (tls("WRONG_VERSION_NUMBER"), "the server there does not speak TLS"),
        (tls("RECORD_LAYER_FAILURE"), "the server there does not speak TLS"),
        (tls("SOME_OTHER"), "some other"),
        (OSError(errno.ENETDOWN, "Network is down"), "Network is down"),
        (OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH)), "No route to host"),
        (OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH)), "Network is unreachable"),
        (
            httpcore.LocalProtocolError("a header"),
            "the request cannot be made (LocalProtocolError)",
        ),
    ],
)
def test_each_error_has_its_words(error: Exception | str, words: str) -> None:
    """Whatever kept a request from being sent is told in a few words."""
    if isinstance(error, str):  # a name that cannot be one
        with pytest.raises(UnicodeError) as raised:
            error.encode("idna")
        error = raised.value
    assert str(why(error)) == words
