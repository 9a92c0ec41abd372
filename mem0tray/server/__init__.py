"""Speaking to a server: clients for its address, their dialects, what the answers mean."""

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Final

from mem0tray.config.server_address import ServerAddress
from mem0tray.core import reasons
from mem0tray.core.reasons import Reason
from mem0tray.server.listings import Listings
from mem0tray.server.model import (
    CANNOT_TELL,
    KEY_REFUSED,
    Client,
    Health,
    KeyCheck,
    ProbeClient,
    Proof,
    Terms,
)
from mem0tray.server.remedy import SET_DIALECT, of_refusal

AUTO: Final = "auto"  # the setting that leaves the dialect open
# The names of each dialect, its server and its client: `docs/words.md`. What a further one needs:
# CONTRIBUTING.md ("Where would a further dialect go?"); `tests/server/test_dialects.py` names each
# place that was forgotten.
DIALECTS: Final = ("vps", "oss", "platform")
_TRIED: Final = ("vps", "oss")  # where nothing is known, in this order
# Servers known by their host name: only these are asked in these dialects.
_BY_HOST: Final = {"api.mem0.ai": ("platform",)}
_UNRECOGNISED: Final = Reason("no Mem0 server was recognised at {host} ({why}).").id
_WANTS_KEY: Final = Reason("{host} wants the right key before it shows what it is ({why}).").id


def dialects_at(hostname: str) -> tuple[str, ...]:
    """Return the dialects that a server on this host may speak, in the order of trying."""
    return _BY_HOST.get(hostname.rstrip(".").lower(), _TRIED)


class Recognition:
    """What all clients of one server know of its dialect, which is empty while unknown.

    With a `setting` other than `auto` the dialect is fixed. `note` keeps what was learnt.
    """

    def __init__(
        self,
        dialect: str = "",
        note: Callable[[str], None] = lambda _: None,
        setting: str = AUTO,
    ) -> None:
        self.is_fixed = setting != AUTO
        self.dialect = setting if self.is_fixed else dialect
        self._note = note

    def learn(self, dialect: str) -> None:
        if dialect != self.dialect:
            self.dialect = dialect
            self._note(dialect)


class Recogniser:
    """Probes one server and recognises its dialect; see `ProbeClient`.

    `make` gives a client for the name of a dialect; `names` are the dialects, in the order in
    which they are tried.
    """

    def __init__(
        self,
        host: str,
        make: Callable[[str], Client],
        names: Sequence[str],
        recognition: Recognition,
    ) -> None:
        self._host = host
        self._make = make
        self._names = names
        self._recognition = recognition
        self._clients: dict[str, Client] = {}

    def probe(self, timeout: float) -> Health:
        end = time.monotonic() + timeout
        known = self._recognition.dialect
        if not known:
            return self.recognise(timeout)
        health = self._client(known).recognise(timeout, is_known=True)
        if health.recognised and health.status not in CANNOT_TELL:
            return health
        found = self.recognise(end - time.monotonic())
        return health if health.recognised and not found.healthy else found

    def recognise(self, timeout: float) -> Health:
        """Try each dialect in turn until one is recognised; if none is, a known one stays.

        Then no answer, one that may pass, or one about the key says more than that nothing was
        recognised. As a path may hang, no dialect gets more than its share of the time.
        """
        end = time.monotonic() + timeout
        said: list[Health] = []
        for place, name in enumerate(self._names):
            share = (end - time.monotonic()) / (len(self._names) - place)
            health = self._client(name).recognise(share)
            if health.healthy:
                self._recognition.learn(name)
                return health
            said.append(health)
        for health in said:
            if health.status is None or health.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                return health
        refused = next((each.status for each in said if each.status in KEY_REFUSED), None)
        answers, advice = reasons.NONE, of_refusal(refused) if refused else reasons.NONE
        for health in said:
            answer = Reason("{path}: {answer}", path=health.path, answer=health.answer)
            answers = Reason("{one}; {other}", one=answers, other=answer) if answers else answer
            advice = advice or health.advice
        what = Reason(_WANTS_KEY if refused else _UNRECOGNISED, host=self._host, why=answers)
        reason = reasons.advised(what, advice or SET_DIALECT)
        return Health(healthy=False, reason=reason, status=refused, recognised=False)

    def check_key(self, timeout: float) -> KeyCheck:
        return self._client(self._recognition.dialect or self._names[0]).check_key(timeout)

    def abort(self) -> None:
        for client in tuple(self._clients.values()):
            client.abort()

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def _client(self, name: str) -> Client:
        if name not in self._clients:
            self._clients[name] = self._make(name)
        return self._clients[name]


# httpx then does without its command line, which would load rich and pygments: 4 MB, 50 ms.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]


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
    `terms`, from the settings, apply to what is saved, asked or read.
    """
    # What the network needs is slow to import, and most commands do without it.
    from mem0tray.server.oss import OssClient
    from mem0tray.server.platform import PlatformClient
    from mem0tray.server.vps import VpsClient

    make: dict[str, Callable[[ServerAddress, Proof | None, Listings | None, Terms], Client]]
    make = {"vps": VpsClient, "oss": OssClient, "platform": PlatformClient}
    return make[dialect](address, proof, known, terms or Terms())


def connect_to_probe(address: ServerAddress, recognition: Recognition) -> ProbeClient:
    """Make a client for probes; it recognises the dialect unless the settings fix it."""
    if recognition.is_fixed:
        return connect(address, recognition.dialect)
    names = dialects_at(address.hostname)
    return Recogniser(address.host, partial(connect, address), names, recognition)
