"""Whether this computer's own network keeps a server out of reach. Nothing is sent."""

import contextlib
import socket
import threading
from typing import Final

from mem0tray.core import reasons
from mem0tray.core.reasons import Reason

# Addresses for documentation (RFC 5737, 3849): nobody is there, but the route is the way out.
_OUTSIDE: Final = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
_PATIENCE: Final = 3.0


def trouble(hostname: str) -> Reason:
    """What is wrong with the local network, in words; empty if the server's name resolves.

    `hostname` is empty for a server on this computer, for which the network does not matter.
    """
    if not hostname:
        return reasons.NONE
    if not has_way_out():
        return Reason("this computer has no connection to any network")
    if not resolves(hostname):
        return Reason("the name {name} cannot be resolved (DNS)", name=hostname)
    return reasons.NONE


def has_way_out() -> bool:
    """Whether there is a route to other computers; connecting UDP sends nothing."""
    for family, address in _OUTSIDE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((address, 9))
                name: str = probe.getsockname()[0]
        except OSError:
            continue
        if not name.startswith("127.") and name != "::1":
            return True
    return False


def resolves(hostname: str) -> bool:
    """Whether a host's name resolves to an address, within a few seconds."""
    return bool(addresses_of(hostname, _PATIENCE))


def addresses_of(hostname: str, timeout: float) -> list[str]:
    """The addresses that a host's name resolves to; none if they do not come in time."""
    found: list[str] = []

    def ask() -> None:
        with contextlib.suppress(OSError, UnicodeError):
            found.extend(
                str(each[4][0])
                for each in socket.getaddrinfo(hostname, None, type=socket.SOCK_STREAM)
            )

    # The resolver has no time limit of its own.
    thread = threading.Thread(target=ask, name="mem0tray-resolve", daemon=True)
    thread.start()
    thread.join(timeout)
    return list(dict.fromkeys(found))
