"""A client of the chosen server, for a command that reads there, and one probe of its health."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec import Struct

from mem0tray.config import server_choice
from mem0tray.config.keyring_key import PATIENCE
from mem0tray.config.server_choice import THIS_COMPUTER
from mem0tray.config.settings import LOCAL_URL, Settings
from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.core.text import one_line
from mem0tray.ledger.reader import Reader
from mem0tray.server import (
    AUTO,
    Client,
    Health,
    Kind,
    Outcome,
    Page,
    Recognition,
    ServerAddress,
    Terms,
    connect,
    connect_to_probe,
)
from mem0tray.system.paths import Paths

if TYPE_CHECKING:
    from mem0tray.localserver.endpoint import Endpoint

PROBE_TIMEOUT: Final = 5.0  # seconds
_RECOGNISED_WITHIN: Final = 10.0  # seconds
# Addresses for documentation (RFC 5737, 3849): nobody is there, but the route is the way out.
_OUTSIDE: Final = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
_RESOLVED_WITHIN: Final = 3.0  # seconds
WAITS: Final = (1.0, 5.0)  # seconds before each repetition of a question
_LONGEST_WAIT: Final = 30.0  # seconds, whatever the server asks for
_PASSES: Final = frozenset({Kind.OUTAGE, Kind.NO_ANSWER, Kind.SLOW_DOWN})
_MOST: Final = 2000  # pages of a project: 2,000,000 memories where a page has 1,000
_Answer = TypeVar("_Answer")
DOCTOR: Final = "`mem0tray doctor` looks for the cause."


class NotRecognisedError(Mem0TrayError):
    """Nobody knows which dialect the server speaks; `said` is what it answered."""

    def __init__(self, host: str, health: Health) -> None:
        why, remedy = reasons.parted(health.reason)
        verb = "did not answer" if health.status is None else "is down"
        text = f"{host} {verb}: {why}" if health.recognised else str(reasons.sentence(why))
        super().__init__(text, str(remedy) or DOCTOR)
        self.said = Outcome(Kind.OUTAGE, health.status, one_line(str(why)))


@contextmanager
def opened(
    settings: Settings, paths: Paths, *, within: float | None = None
) -> Iterator[Client | None]:
    """Yield a client of the server that the settings choose; None if nothing was ever stored there.

    If the embedded server does not run, it is started for this time; but not with `within`, a
    number of seconds that also limits the keyring, and finding out the dialect. Raises
    Mem0TrayError where no server is chosen, no client can be made, the dialect is not known, or the
    embedded server would have to be started.
    """
    server = settings.server
    url = server_choice.chosen(server.url, paths)
    if url is None:
        raise Mem0TrayError(reasons.sentence(server_choice.CHOOSE))
    if url == LOCAL_URL:
        with _embedded(paths, server.local_port, within) as client:
            yield client
        return
    patience = PATIENCE if within is None else min(within, PATIENCE)
    address = ServerAddress.from_settings(server, keyring_within=patience)
    recognition = known(address, server.dialect, paths)
    terms = Terms(server.user, server.infer)
    with closing(_spoken(address, recognition, terms, within)) as client:
        yield client


@contextmanager
def opened_former(settings: Settings, paths: Paths, name: str, key: str) -> Iterator[Client | None]:
    """Yield a client of a server that was chosen before; None if nothing was ever stored there.

    `name` is what the ledger calls it, `key` is that server's own: the key in the settings is
    the chosen server's, and goes nowhere else. The dialect is found out. Raises as `opened`.
    """
    server = settings.server
    if name == LOCAL_URL:
        with _embedded(paths, server.local_port) as client:
            yield client
        return
    address = ServerAddress.of(
        name, key, ca_file=server.ca_file, allow_plain_key=server.allow_plain_key
    )
    with closing(_spoken(address, known(address, AUTO, paths), Terms(server.user))) as client:
        yield client


def known(address: ServerAddress, dialect: str, paths: Paths) -> Recognition:
    """Return the dialect of these settings, or the one that the worker recognised there, if any."""
    with Reader(paths.ledger) as reader:
        return Recognition(reader.dialect_of(address.url), setting=dialect)


def _spoken(
    address: ServerAddress, recognition: Recognition, terms: Terms, within: float | None = None
) -> Client:
    """Return a client in the dialect spoken there, which is asked for where nobody knows it yet."""
    if not recognition.dialect:
        with closing(connect_to_probe(address, recognition)) as client:
            health = client.recognise(within or _RECOGNISED_WITHIN)
        if not health.healthy:
            raise NotRecognisedError(address.host, health)
    return connect(address, recognition.dialect, terms=terms)


@contextmanager
def _embedded(paths: Paths, port: int, within: float | None = None) -> Iterator[Client | None]:
    from mem0tray.localserver import endpoint

    folder = paths.local_server
    if not (folder / endpoint.DATABASE).exists():
        yield None
        return
    named = endpoint.read(folder)
    if named is not None:
        with closing(embedded(named)) as running:
            # It proves itself when we connect. In a hurry it is asked at once, which shows more.
            if within is not None or running.probe(PROBE_TIMEOUT).healthy:
                yield running
                return
    if within is not None:
        raise Mem0TrayError(
            "The embedded server does not run.",
            "`mem0tray run` starts it with the worker; `mem0tray recall` shows what it has now.",
        )
    from mem0tray.localserver.child import LocalServer  # slow to import, and rarely wanted

    server = LocalServer(folder, port)
    try:
        with closing(embedded(server.ensure())) as client:
            yield client
    finally:
        server.stop()


def embedded(found: "Endpoint") -> Client:
    """Return a client of the embedded server that runs there; close it."""
    from mem0tray.localserver import endpoint

    there = ServerAddress.of(found.url, found.token)
    return connect(there, proof=partial(endpoint.proof, found.token))


class Probe(Struct, frozen=True):
    """Where memories go, and how healthy the server is.

    `name` is what the ledger calls the server, empty when none is chosen;
    `shown` is for people; `hostname` is empty when the server is on this computer.
    """

    name: str
    shown: str
    hostname: str
    health: Health


def probe(settings: Settings, paths: Paths, timeout: float = PROBE_TIMEOUT) -> Probe:
    """Ask for the server's health; trouble of any kind makes it a server that is not healthy."""
    url = server_choice.chosen(settings.server.url, paths)
    if url is None:
        return Probe("", "no server", "", _ill(Reason("no server is chosen")))
    if url == LOCAL_URL:
        from mem0tray.localserver import endpoint

        found = endpoint.find(paths.local_server, timeout)
        if found is None:
            health = _ill(Reason("the embedded server does not run: the worker starts it"))
        else:
            with closing(embedded(found)) as client:
                health = client.probe(timeout)
        return Probe(LOCAL_URL, THIS_COMPUTER, "", health)
    try:
        address = ServerAddress.from_settings(settings.server)
        recognition = known(address, settings.server.dialect, paths)
        with closing(connect_to_probe(address, recognition)) as there:
            health = there.probe(timeout)
    except Mem0TrayError as error:
        shown = url.rpartition("@")[2]  # without name and password
        return Probe(url, shown, "", _ill(error.reason))
    away = "" if address.is_loopback else address.hostname
    return Probe(address.url, address.host, away, health)


def _ill(reason: Reason) -> Health:
    return Health(healthy=False, reason=reason)


def network_trouble(hostname: str) -> Reason:
    """Return what keeps this computer from reaching a host; empty if its name resolves.

    `hostname` is empty for a server on this computer, for which the network does not matter.
    """
    if not hostname:
        return reasons.NONE
    if not has_way_out():
        return Reason("this computer has no connection to any network")
    if not addresses_of(hostname, _RESOLVED_WITHIN):
        return Reason("the name {name} cannot be resolved (DNS)", name=hostname)
    return reasons.NONE


def has_way_out() -> bool:
    """Return whether there is a route to other computers; connecting UDP sends nothing."""
    for family, address in _OUTSIDE:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as way:
            way.connect((address, 9))
            name: str = way.getsockname()[0]
            if not name.startswith("127.") and name != "::1":
                return True
    return False


def addresses_of(hostname: str, timeout: float) -> list[str]:
    """Return the addresses that a host's name resolves to; none if they do not come in time."""
    found: list[str] = []

    def ask() -> None:
        with contextlib.suppress(OSError, UnicodeError):
            known = socket.getaddrinfo(hostname, None, type=socket.SOCK_STREAM)
            found.extend(str(each[4][0]) for each in known)

    # The resolver has no time limit of its own.
    thread = threading.Thread(target=ask, name="mem0tray-resolve", daemon=True)
    thread.start()
    thread.join(timeout)
    return list(dict.fromkeys(found))


class PatientQuestions:
    """Questions to one server, each with `timeout` seconds, repeated if no answer comes.

    A server that has not answered at all yet is not waited for: its trouble is reported at once.
    """

    def __init__(self, client: Client, timeout: float) -> None:
        self.client = client
        self._timeout = timeout
        self._has_answered = False

    def answer(self, ask: Callable[..., _Answer | Outcome], *given: object) -> _Answer | Outcome:
        """Return what the client's method `ask` returns for what is `given`, and the timeout."""
        for wait in (*WAITS, None):
            found = ask(*given, self._timeout)
            if not isinstance(found, Outcome):
                self._has_answered = True
                return found
            if wait is None or found.kind not in _PASSES or not self._has_answered:
                break
            time.sleep(min(max(found.retry_after or 0.0, wait), _LONGEST_WAIT))
        return found

    def pages(self, project: str) -> Iterator[Page | Outcome]:
        """Yield the pages of a project, the newest memory first; the last item may say why it ends.

        They come to an end, whatever the server says: after a page that was seen before (some
        servers claim to page, but begin anew at each question), or that is one too many, the
        last one is empty and not whole.
        """
        seen: set[int] = set()
        after = ""
        while True:
            page = self.answer(self.client.page, project, after)
            if isinstance(page, Outcome):
                yield page
                return
            mark = hash(tuple((each.id, each.text) for each in page.memories))
            if mark in seen or len(seen) >= _MOST:
                yield Page([], whole=False)
                return
            seen.add(mark)
            yield page
            after = page.after
            if not after:
                return
