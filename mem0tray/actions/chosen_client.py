"""A client of the chosen server, for a command that reads there, and one probe of its health."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec import Struct

from mem0tray.config import server_choice
from mem0tray.config.keyring_key import PATIENCE
from mem0tray.config.server_address import ServerAddress
from mem0tray.config.server_choice import THIS_COMPUTER
from mem0tray.config.settings import LOCAL_URL, Settings
from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.item import Kind
from mem0tray.core.reasons import Reason
from mem0tray.core.text import one_line
from mem0tray.files.lock import is_locked
from mem0tray.ledger.reader import Reader
from mem0tray.server import AUTO, Recognition, connect, connect_to_probe
from mem0tray.server.model import Client, Health, Outcome, Page, Terms
from mem0tray.system.paths import Paths

if TYPE_CHECKING:
    from mem0tray.localserver.endpoint import Endpoint

PROBE_TIMEOUT: Final = 5.0  # seconds
_RECOGNISED_WITHIN: Final = 10.0  # seconds
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
    settings: Settings,
    paths: Paths,
    *,
    within: float | None = None,
    former: tuple[str, str] | None = None,
) -> Iterator[Client | None]:
    """Yield a client of the server that the settings choose; None if nothing was ever stored there.

    If the embedded server does not run, it is started for this time; but not with `within`, a
    number of seconds that also limits the keyring, and finding out the dialect. `former`: a server
    that was chosen before, as the ledger names it, and that server's own key: the one in the
    settings goes nowhere else. Raises Mem0TrayError where no server is chosen, no client can be
    made, the dialect is not known, or the embedded server would have to be started.
    """
    server = settings.server
    url = former[0] if former is not None else server_choice.chosen(server.url, paths)
    if url is None:
        raise Mem0TrayError(reasons.sentence(server_choice.CHOOSE))
    if url == LOCAL_URL:
        with _embedded(paths, server.local_port, within) as client:
            yield client
        return
    if former is not None:
        address = ServerAddress.of(
            *former, ca_file=server.ca_file, allow_plain_key=server.allow_plain_key
        )
        recognition, terms = known(address, AUTO, paths), Terms(server.user)
    else:
        patience = PATIENCE if within is None else min(within, PATIENCE)
        address = ServerAddress.from_settings(server, keyring_within=patience)
        recognition = known(address, server.dialect, paths)
        terms = Terms(server.user, server.infer)
    if not recognition.dialect:
        with closing(connect_to_probe(address, recognition)) as asked:
            health = asked.recognise(within or _RECOGNISED_WITHIN)
        if not health.healthy:
            raise NotRecognisedError(address.host, health)
    with closing(connect(address, recognition.dialect, terms=terms)) as client:
        yield client


def known(address: ServerAddress, dialect: str, paths: Paths) -> Recognition:
    """Return the dialect of these settings, or the one that the worker recognised there, if any."""
    with Reader(paths.ledger) as reader:
        return Recognition(reader.dialect_of(address.url), setting=dialect)


def at_rest(settings: Settings) -> Path | None:
    """Return the embedded server's database, where that server is chosen and does not run.

    To read there takes a hundredth of the time in which the server would start.
    """
    paths = settings.locations()
    if server_choice.chosen(settings.server.url, paths) != LOCAL_URL:
        return None
    from mem0tray.localserver import endpoint

    database = paths.local_server / endpoint.DATABASE
    with suppress(OSError):  # there is none, or it cannot be read, as the server will say
        if database.stat().st_size and not is_locked(database.with_name(endpoint.LOCK)):
            return database
    return None


@contextmanager
def _embedded(paths: Paths, port: int, within: float | None) -> Iterator[Client | None]:
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
    """Where memories go (`name` in the ledger, empty: nowhere; `shown` to people), and how well."""

    name: str
    shown: str
    health: Health


def probe(settings: Settings, paths: Paths, timeout: float = PROBE_TIMEOUT) -> Probe:
    """Ask for the server's health."""
    url = server_choice.chosen(settings.server.url, paths)
    if url is None:
        return Probe("", "no server", _ill(Reason("no server is chosen")))
    if url == LOCAL_URL:
        from mem0tray.localserver import endpoint

        found = endpoint.find(paths.local_server, timeout)
        if found is None:
            health = _ill(Reason("the embedded server does not run: the worker starts it"))
        else:
            with closing(embedded(found)) as client:
                health = client.probe(timeout)
        return Probe(LOCAL_URL, THIS_COMPUTER, health)
    try:
        address = ServerAddress.from_settings(settings.server)
        recognition = known(address, settings.server.dialect, paths)
        with closing(connect_to_probe(address, recognition)) as there:
            return Probe(address.url, address.host, there.probe(timeout))
    except Mem0TrayError as error:
        return Probe(url, url.rpartition("@")[2], _ill(error.reason))  # without name and password


def _ill(reason: Reason) -> Health:
    return Health(healthy=False, reason=reason)


class NotAnsweredError(Exception):
    """The server did not answer a question."""

    def __init__(self, said: Outcome) -> None:
        super().__init__(said.message)
        self.said = said


class PatientQuestions:
    """Questions to one server, each repeated, if it has answered one, while no answer comes."""

    def __init__(self, client: Client, timeout: float) -> None:
        self.client = client
        self._timeout = timeout
        self._has_answered = False

    def answer(self, ask: Callable[..., _Answer | Outcome], *given: object) -> _Answer:
        """Return what `ask` returns for `given` and the timeout. Raises NotAnsweredError."""
        waits = iter(WAITS)
        while isinstance(found := ask(*given, self._timeout), Outcome):
            wait = next(waits, None)
            if wait is None or found.kind not in _PASSES or not self._has_answered:
                raise NotAnsweredError(found)
            time.sleep(min(max(found.retry_after or 0.0, wait), _LONGEST_WAIT))
        self._has_answered = True
        return found

    def pages(self, project: str, after: str = "") -> Iterator[Page]:
        """Yield the pages of a project, the newest memory first. Raises NotAnsweredError.

        They come to an end, whatever the server says: after a page that was seen before (some
        servers claim to page, but begin anew at each question), or that is one too many, the
        last one is empty and not whole.
        """
        seen: set[int] = set()
        page = Page([], after)
        while page.after or not seen:
            page = self.answer(self.client.page, project, page.after)
            mark = hash(tuple((each.id, each.text) for each in page.memories))
            if mark in seen or len(seen) >= _MOST:
                page = Page([], whole=False)
            seen.add(mark)
            yield page
