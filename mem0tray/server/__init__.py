"""Speaking to a server: clients for its address, their dialects, what the answers mean."""

import sys
from collections.abc import Callable
from functools import partial

from mem0tray.config.server_address import ServerAddress
from mem0tray.core.errors import SettingsError
from mem0tray.core.item import Kind
from mem0tray.core.reasons import Reason
from mem0tray.server.listings import Listings
from mem0tray.server.model import (
    KEY_REFUSED,
    Client,
    Health,
    KeyCheck,
    KeyVerdict,
    Memory,
    Outcome,
    Page,
    Presence,
    ProbeClient,
    ProjectCount,
    Proof,
    ServerMemory,
    Terms,
)
from mem0tray.server.recogniser import AUTO, Recogniser, Recognition, dialects_at

__all__ = [
    "AUTO",
    "DIALECTS",
    "KEY_REFUSED",
    "Client",
    "Health",
    "KeyCheck",
    "KeyVerdict",
    "Kind",
    "Listings",
    "Memory",
    "Outcome",
    "Page",
    "Presence",
    "ProbeClient",
    "ProjectCount",
    "Recognition",
    "ServerAddress",
    "ServerMemory",
    "Terms",
    "connect",
    "connect_to_probe",
]

_Factory = Callable[[ServerAddress, Proof | None, Listings | None, Terms], Client]


# httpx then does without its command line, which would load rich and pygments: 4 MB, 50 ms.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]


# What the network needs is slow to import, and most commands do without it.
def _vps() -> _Factory:
    from mem0tray.server.vps import VpsClient

    return VpsClient


def _oss() -> _Factory:
    from mem0tray.server.oss import OssClient

    return OssClient


def _platform() -> _Factory:
    from mem0tray.server.hosted import HostedClient

    return HostedClient


# The names of each dialect, its server and its client: `docs/words.md`. What a further one needs:
# CONTRIBUTING.md ("Where would a further dialect go?"); `tests/server/test_dialects.py` names each
# place that was forgotten.
DIALECTS: dict[str, Callable[[], _Factory]] = {"vps": _vps, "oss": _oss, "platform": _platform}


def connect(
    address: ServerAddress,
    dialect: str = "vps",
    proof: Proof | None = None,
    known: Listings | None = None,
    terms: Terms | None = None,
) -> Client:
    """Make a client that speaks `dialect` to `address`; it connects with its first call.

    One client serves one thread. With `proof` each connection must answer a challenge before
    anything else goes over it. `known` is what the clients of one server share of its answers.
    `terms`, from the settings, apply to what is saved, asked or read. Raises SettingsError for an
    unknown dialect.
    """
    factory = DIALECTS.get(dialect)
    if factory is None:
        raise SettingsError(
            Reason("There is no server dialect {name}.", name=repr(dialect)),
            Reason(
                "Set server.dialect to one of: {names}.", names=", ".join(sorted((AUTO, *DIALECTS)))
            ),
        )
    return factory()(address, proof, known, terms or Terms())


def connect_to_probe(address: ServerAddress, recognition: Recognition) -> ProbeClient:
    """Make a client for probes; it recognises the dialect unless the settings fix it."""
    if recognition.is_fixed:
        return connect(address, recognition.dialect)
    names = dialects_at(address.hostname)
    return Recogniser(address.host, partial(connect, address), names, recognition)
