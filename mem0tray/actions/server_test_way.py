"""The first steps of the server test: the name, the connection, TLS. Nothing is asked there."""

import ipaddress
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from mem0tray.actions import own_network
from mem0tray.actions.server_test_step import (
    CONNECTION,
    FAILED,
    NAME,
    OK,
    SKIPPED,
    TLS,
    WARNING,
    Step,
)
from mem0tray.config.server_address import ServerAddress
from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.server import certificates
from mem0tray.server.model import NO_TLS
from mem0tray.server.remedy import of_no_tls

if TYPE_CHECKING:
    from mem0tray.server.reach import Encryption

IS_IT_THERE: Final = (
    "Memories wait until it is back. Does the server run, and is its address right?"
    " `mem0tray config get server.url` shows the address,"
    " `mem0tray config set server.url ADDRESS` changes it."
)
_SET_ADDRESS: Final = "Correct the address: `mem0tray config set server.url ADDRESS`."
_ENDS_SOON: Final = 14 * 86400.0  # seconds
_SHOWN: Final = 3  # addresses of a name


def steps(there: ServerAddress, left: Callable[[], float]) -> Iterator[Step]:
    """Go towards the server, one step after another; `left` gives the seconds for the next.

    A failed step is the last one. A client of the server was made before: the network's code
    is loaded.
    """
    from mem0tray.server.reach import reach
    from mem0tray.server.transport import proxy

    try:
        through = proxy(there)
    except Mem0TrayError as error:
        yield Step(CONNECTION, FAILED, error.message, "Mend the settings of the proxy.")
        return
    if through is not None:
        way = f"The way is over the proxy {through.url.host}:{through.url.port}"
        yield Step(NAME, SKIPPED, f"{way}, which looks the name up.")
        yield Step(CONNECTION, SKIPPED, f"{way}, which connects.")
        yield _plain(there) if there.plain_http else Step(TLS, SKIPPED, f"{way}.")
        return
    yield _name(there, left())
    reached = reach(there, left())
    if not reached.at:
        where = _at(there.hostname, there.port)
        seen = f"There is no connection to {where}: {reasons.bare(reached.failure)}."
        yield Step(CONNECTION, FAILED, seen, IS_IT_THERE)
        return
    took = milliseconds(reached.seconds)
    yield Step(CONNECTION, OK, f"{_at(reached.at, there.port)} was reached within {took}.")
    if there.plain_http:
        yield _plain(there)
    elif reached.encryption is None:
        yield _not_encrypted(there, reached.failure)
    else:
        yield _encrypted(there, reached.encryption, time.time())


def milliseconds(seconds: float) -> str:
    """`12 ms`, rounded up."""
    return f"{int(seconds * 1000) + 1} ms"


def _at(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _name(there: ServerAddress, timeout: float) -> Step:
    name = there.hostname
    if there.is_loopback:
        return Step(NAME, OK, f"{name} is this computer.")
    if _kind(name):
        return Step(NAME, OK, f"{name} is an address of {_kind(name)}.")
    found = own_network.addresses_of(name, timeout)
    if found:
        shown = ", ".join(f"{each} ({_kind(each)})" for each in found[:_SHOWN])
        more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        return Step(NAME, OK, f"{name} is {shown}{more}.")
    if not own_network.has_way_out():
        seen = "This computer has no connection to any network."
        return Step(NAME, FAILED, seen, "Connect it; deliveries go on by themselves then.")
    return Step(NAME, FAILED, f"The name {name} cannot be resolved (DNS).", _SET_ADDRESS)


def _kind(address: str) -> str:
    """The kind of place that an IP address leads to; empty for no address."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if found.is_loopback:
        return "this computer"
    return "the internet" if found.is_global else "a private network"


def _plain(there: ServerAddress) -> Step:
    if there.is_loopback:
        return Step(TLS, SKIPPED, "Plain http, which does not leave this computer.")
    what = "Memories and the API key go" if there.token else "Memories go"
    return Step(
        TLS,
        WARNING,
        f"{what} to {there.host} over plain http: everybody on the way can read them.",
        "Use its https address (`mem0tray config set server.url https://…`), or a network that you"
        " trust.",
    )


def _not_encrypted(there: ServerAddress, failure: Reason) -> Step:
    remedy = certificates.remedy(failure)
    if failure.find(NO_TLS.id):
        remedy = of_no_tls(there.url)
    return Step(TLS, FAILED, str(reasons.sentence(failure)), str(remedy) or IS_IT_THERE)


def _encrypted(there: ServerAddress, shown: "Encryption", now: float) -> Step:
    by = "by server.ca_file" if there.ca_file else "by the authorities of this computer"
    seen = (
        f"{shown.version}; the certificate, signed by {shown.issuer or 'somebody'}, is trusted"
        f" {by}, and holds until {_day(shown.until)}."
    )
    if shown.until - now < _ENDS_SOON:
        return Step(TLS, WARNING, seen, "Renew it on the server: memories wait once it has ended.")
    return Step(TLS, OK, seen)


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(at))


def speaks_tls(there: ServerAddress, timeout: float) -> bool:
    """Whether the server speaks TLS though the address says plain http, with any certificate."""
    from mem0tray.server.reach import reach

    encrypted = ServerAddress.of(there.url.replace("http:", "https:", 1))
    reached = reach(encrypted, timeout)
    return reached.encryption is not None or bool(certificates.remedy(reached.failure))
