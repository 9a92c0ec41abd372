"""How far one gets towards a server before anything is asked of it: a connection, and TLS.

The connection is made as for each request (`network.py`), and records what can be seen.
"""

import ssl
from contextlib import closing
from time import monotonic
from typing import Any

from msgspec import Struct

from mem0tray.config.server_address import ServerAddress
from mem0tray.core import reasons
from mem0tray.core.reasons import Reason
from mem0tray.server.network import Network, why
from mem0tray.server.transport import authorities


class Encryption(Struct, frozen=True):
    """What TLS has shown: its `version`, who signed the certificate, and until when that is valid.

    `until` is in Unix seconds, 0.0 where the certificate does not say.
    """

    version: str
    issuer: str
    until: float


class Reached(Struct, frozen=True):
    """How far the connection got.

    `at`: the address that accepted it, empty where none did; `seconds`: how long that took.
    `encryption`: None where none was wanted, or it failed. `failure` is NONE if all went well.
    """

    at: str
    seconds: float
    encryption: Encryption | None
    failure: Reason


def reach(there: ServerAddress, timeout: float) -> Reached:
    """Connect, with TLS where the address wants that, within `timeout` seconds; send nothing."""
    started = monotonic()
    at, seconds, encryption, failure = "", 0.0, None, reasons.NONE
    with closing(Network(there, None)) as network:
        network.begin(started + timeout)
        try:
            network.connect_tcp(there.hostname, there.port)
            at = network.get_extra_info("server_addr")[0]
            seconds = monotonic() - started
            if not there.plain_http:
                network.start_tls(authorities(there), there.hostname)
                encryption = _seen(network.get_extra_info("socket"))
        except Exception as error:  # noqa: BLE001 - any error is reported
            failure = why(error)
    return Reached(at, seconds, encryption, failure)


def _seen(sock: ssl.SSLSocket) -> Encryption:
    shown: dict[str, Any] = sock.getpeercert() or {}
    names = {name: value for each in shown.get("issuer", ()) for name, value in each}
    issuer = names.get("organizationName") or names.get("commonName") or ""
    end = shown.get("notAfter")
    return Encryption(
        sock.version() or "TLS", issuer, float(ssl.cert_time_to_seconds(end)) if end else 0.0
    )
