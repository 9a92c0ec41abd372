"""Why nothing could be sent to a server, in a few words of ours or the system's."""

import socket
import ssl
from concurrent import futures

import httpx

from mem0tray.core import reasons
from mem0tray.core.reasons import Reason
from mem0tray.core.text import one_line


class UnreachableError(Exception):
    """There is no way to the server, and `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason


def why(error: BaseException) -> Reason:
    """What the error that ended an exchange means, of which nothing had been sent."""
    match error:
        case UnreachableError(reason=reason):
            found = reason
        case socket.gaierror() | UnicodeError():  # also of a name that cannot be one
            found = Reason("the name of the host cannot be resolved")
        case ConnectionRefusedError():
            found = Reason("connection refused")
        case TimeoutError() | futures.CancelledError():
            found = Reason("no connection in time")
        case ConnectionResetError() | httpx.RemoteProtocolError():
            found = Reason("the connection was lost before anything was sent")
        case httpx.ProxyError():
            found = Reason("the proxy answered {answer}", answer=one_line(str(error)))
        case ssl.SSLCertVerificationError(verify_message=message):
            found = Reason("the certificate cannot be trusted: {why}", why=one_line(message))
        case ssl.SSLError(reason=str(words)) if words:
            found = reasons.quoted(words.replace("_", " ").lower())
        case OSError():
            found = reasons.of_system(error)
        case _:
            found = Reason("the request cannot be made ({why})", why=type(error).__name__)
    return found
