"""Why a server's certificate is not trusted, and what to do about it. Pure.

OpenSSL tells the cause by a number; its words are not meant for people.
"""

from typing import Final

from mem0tray.core import reasons
from mem0tray.core.reasons import Reason
from mem0tray.core.text import one_line

_UNTRUSTED: Final = Reason("the certificate cannot be trusted: {why}").id
_EXPIRED: Final = Reason("it has expired")
_TOO_EARLY: Final = Reason("it is not valid yet")
_SELF_SIGNED: Final = Reason("it is signed by itself")
_NO_AUTHORITY: Final = Reason("none of the authorities that are trusted here has signed it")
_OTHER_NAME: Final = Reason("it is for another name")
# The codes of X509_verify_cert_error_string(3).
_WHY: Final = {
    9: _TOO_EARLY,
    10: _EXPIRED,
    18: _SELF_SIGNED,
    19: _NO_AUTHORITY,
    20: _NO_AUTHORITY,
    21: _NO_AUTHORITY,
    62: _OTHER_NAME,
    64: _OTHER_NAME,
}
_REMEDIES: Final = {
    _EXPIRED: Reason("Renew it on the server."),
    _TOO_EARLY: Reason("Set the clock of this computer, or that of the server."),
    _SELF_SIGNED: Reason(
        "If the server is yours, have its certificate trusted:"
        " `mem0tray config set server.ca_file FILE`."
    ),
    _NO_AUTHORITY: Reason(
        "If an authority of your own has signed it, name the file of that:"
        " `mem0tray config set server.ca_file FILE`."
    ),
    _OTHER_NAME: Reason(
        "Set the address with the name that the certificate is for:"
        " `mem0tray config set server.url ADDRESS`."
    ),
}


def untrusted(code: int, message: str) -> Reason:
    """Why a certificate was not trusted, from OpenSSL's code and its words."""
    return Reason(_UNTRUSTED, why=_WHY.get(code) or one_line(message))


def remedy(reason: Reason) -> Reason:
    """What to do about a reason that is, or holds, one of `untrusted`; NONE for any other."""
    found = reason.find(_UNTRUSTED)
    why = found.get("why") if found is not None else None
    return _REMEDIES.get(why, reasons.NONE) if isinstance(why, Reason) else reasons.NONE
