"""What to do about an answer of the server, or its certificate, with the exact command. Pure.

A remedy for one memory has the memory's id as the argument `id`, which whoever shows it fills in.
"""

import re
from http import HTTPStatus
from typing import Final

from mem0tray.core import reasons
from mem0tray.core.reasons import Reason
from mem0tray.core.text import one_line

ID: Final = "ID"
_SET_KEY: Final = Reason("Set the key that it wants with `mem0tray config set server.api_key`.")
_SET_RIGHTS: Final = Reason(
    "Set a key that may save with `mem0tray config set server.api_key`, or allow it on the server."
)
_SET_MODEL_KEY: Final = Reason(
    "Set the key of the model's provider in the server's own configuration."
)
SET_ADDRESS: Final = Reason("Set the right address with `mem0tray config set server.url ADDRESS`.")
_SET_REDIRECTED: Final = Reason(
    "If your server is there, set its address: `mem0tray config set server.url {address}`."
).id
_NO_SLASH: Final = Reason(
    "No address helps: the server wants a slash at the end that mem0tray does not send. Have it"
    " answer without."
)
_NO_TLS: Final = Reason(
    "If it speaks plain http, set that: `mem0tray config set server.url {address}`."
).id
SET_DIALECT: Final = Reason(
    "Set the right address with `mem0tray config set server.url ADDRESS`, or how the server there"
    " is spoken to with `mem0tray config set server.dialect NAME`: `vps` is one of your own making,"
    " `oss` an official one, `platform` Mem0's own service."
)
_PROJECT: Final = Reason(
    "Look whether the server knows this project, and whether the"
    " address is right: `mem0tray config get server.url`."
)
REWORD: Final = Reason(
    "Change it with `mem0tray edit {id}`, or delete it with `mem0tray delete {id}`.", id=ID
)
SHORTEN: Final = Reason(
    "It is too large for the server: shorten it with `mem0tray edit {id}`, or have the server take"
    " more.",
    id=ID,
)
_NOTHING: Final = Reason("Nothing to do: {why}").id
WAIT: Final = Reason(_NOTHING, why=Reason("it is tried again automatically."))
_FAULT: Final = Reason(
    "The fault is the server's: see its log. The memory is tried again automatically."
)
UPDATE: Final = Reason(
    "Update the server: an earlier version says that it stores memories, and does not."
)
# With 502 an official server says that its model's provider refuses it: the one such refusal here.
_REFUSALS: Final = {401: _SET_KEY, 403: _SET_RIGHTS, 502: _SET_MODEL_KEY}
_REJECTIONS: Final = {
    401: _SET_KEY, 403: _SET_RIGHTS, 404: _PROJECT, 405: _PROJECT, 413: SHORTEN, 429: WAIT,
}  # fmt: skip
# The paths that each dialect asks for, below a server's address.
_ASKED_FOR: Final = re.compile(
    r"(\w+://[^/]+(?:/.*?)?)/(?:v1/ping/|v1/event/[^/]+/|v3/memories/(?:add/|search/)?|health"
    r"|memory(?:/[^/]+)?|memories|(?<!/memory/)search|auth/setup-status|openapi\.json)(/?)"
)

_UNTRUSTED: Final = Reason("the certificate cannot be trusted: {why}").id
# A certificate that is signed by none of them, or by itself: error codes of OpenSSL.
_OF_NO_AUTHORITY: Final = (18, 19, 20, 21)
_NO_AUTHORITY: Final = Reason("none of the authorities that are trusted here has signed it")
_SET_AUTHORITY: Final = Reason(
    "If an authority of your own has signed it, name the file of that:"
    " `mem0tray config set server.ca_file FILE`."
)


def nothing(why: Reason) -> Reason:
    """Make the remedy where nobody has to do anything, and say why."""
    return Reason(_NOTHING, why=why)


def asks_nothing(remedy: Reason) -> bool:
    """Return whether a remedy is one of `nothing`."""
    return remedy.id == _NOTHING


def of_refusal(status: int | None) -> Reason:
    """Find the remedy for a server that refuses every delivery."""
    return _REFUSALS.get(status or 0, SET_ADDRESS)


def of_redirect(address: str) -> Reason:
    """Find the remedy for a redirect to `address`, which is not followed; NONE without one."""
    if not address:
        return reasons.NONE
    found = _ASKED_FOR.fullmatch(address)
    if found is None:
        return SET_ADDRESS
    return _NO_SLASH if found[2] else Reason(_SET_REDIRECTED, address=found[1])


def address_in(redirect: str) -> str:
    """Find the server's address within a redirect's target; else return all of the target."""
    found = _ASKED_FOR.fullmatch(redirect)
    return redirect if found is None else found[1]


def of_no_tls(address: str) -> Reason:
    """Make the remedy for a server at this https address that does not speak TLS."""
    return Reason(_NO_TLS, address=re.sub("^https", "http", address))


def of_rejection(status: int | None) -> tuple[Reason, bool]:
    """Find the remedy for one memory that is not taken; and whether that may pass by itself."""
    if status is not None and status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _FAULT, True
    if status is not None and status < HTTPStatus.BAD_REQUEST:
        return SET_ADDRESS, False
    remedy = _REJECTIONS.get(status or 0, REWORD)
    return remedy, remedy is WAIT


def untrusted(code: int, message: str) -> Reason:
    """Say why a certificate was not trusted, from OpenSSL's code and its words."""
    words = one_line(message).rstrip(".")
    return Reason(_UNTRUSTED, why=_NO_AUTHORITY if code in _OF_NO_AUTHORITY else words)


def of_untrusted(reason: Reason) -> Reason:
    """Find the remedy for a reason that is, or holds, one of `untrusted`; NONE for any other."""
    found = reason.find(_UNTRUSTED)
    is_of_none = found is not None and found.get("why") == _NO_AUTHORITY
    return _SET_AUTHORITY if is_of_none else reasons.NONE
