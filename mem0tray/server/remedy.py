"""What to do about an answer of the server, with the exact command. Pure.

A remedy that is about one memory has its id as the argument `id`, which whoever shows it fills in.
"""

from http import HTTPStatus
from typing import Final

from mem0tray.core.reasons import Reason

ID: Final = "ID"
_SET_KEY: Final = Reason("Set the key that it wants with `mem0tray config set server.api_key`.")
_SET_RIGHTS: Final = Reason(
    "Set a key that may save with `mem0tray config set server.api_key`, or allow it on the server."
)
_SET_ADDRESS: Final = Reason("Set the right address with `mem0tray config set server.url ADDRESS`.")
_PROJECT: Final = Reason(
    "Look whether the server knows this project, and whether the"
    " address is right: `mem0tray config get server.url`."
)
REWORD: Final = Reason(
    "Change it with `mem0tray edit {id}`, or delete it with `mem0tray delete {id}`.", id=ID
)
_SHORTEN: Final = Reason(
    "It is too large for the server: shorten it with `mem0tray edit {id}`, or have the server take"
    " more.",
    id=ID,
)
_NOTHING: Final = Reason("Nothing to do: {why}").id
_FAULT: Final = Reason(
    "The fault is the server's: see its log. The memory is tried again by itself."
)

_SET_KEYS: Final = {401: _SET_KEY, 403: _SET_RIGHTS}
_BY_STATUS: Final = _SET_KEYS | {404: _PROJECT, 405: _PROJECT, 413: _SHORTEN}


def nothing(why: Reason) -> Reason:
    """For what needs nobody, and why."""
    return Reason(_NOTHING, why=why)


def asks_nothing(remedy: Reason) -> bool:
    """Whether it is that of `nothing`."""
    return remedy.id == _NOTHING


_WAIT: Final = nothing(Reason("it is tried again by itself."))


def of_refusal(status: int | None) -> Reason:
    """For a server that refuses every delivery."""
    return _SET_KEYS.get(status or 0, _SET_ADDRESS)


def of_rejection(status: int | None) -> tuple[Reason, bool]:
    """For one memory that is not taken; and whether that may end by itself."""
    match status:
        case 429:
            return _WAIT, True
        case int() if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return _FAULT, True
    return _BY_STATUS.get(status or 0, REWORD), False
