"""The server test: each step of the way to the chosen server, and what it showed.

It stores nothing, and uses only GETs as long as the dialect is not known. The key goes where
deliveries take it: `ServerAddress` refuses plain http to others without leave, and no client
follows a redirect.
"""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Final

from mem0tray.actions import server_test_way
from mem0tray.actions.server_test_step import (
    FAILED,
    KEY,
    OK,
    READING,
    SERVER,
    SKIPPED,
    STEPS,
    WARNING,
    Step,
)
from mem0tray.actions.server_test_way import IS_IT_THERE, milliseconds
from mem0tray.config import server_choice
from mem0tray.config.server_address import is_in_keyring
from mem0tray.config.settings import ENVIRONMENT, LOCAL_URL, Loaded, variable
from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError
from mem0tray.localserver import finding
from mem0tray.server import (
    KEY_REFUSED,
    Health,
    KeyCheck,
    KeyVerdict,
    Outcome,
    Recognition,
    ServerAddress,
    Terms,
    connect,
    connect_to_probe,
)
from mem0tray.server.answers import redirected_to, retold
from mem0tray.server.model import CANNOT_TELL
from mem0tray.server.remedy import of_redirect
from mem0tray.system.paths import Paths

_NOBODY: Final = "mem0tray-key-check"  # a project that no server has; clients ask for it too
_KEY: Final = "server.api_key"
_SLOW: Final = 1.0  # seconds: a server that took longer is not asked the same once more
_LEAST: Final = 0.2  # seconds that a question needs


def examine(loaded: Loaded, seconds: float) -> list[Step]:
    """Test the server that the settings choose, within so many seconds; nothing is stored.

    The steps are all of `STEPS` for a server at an address; SERVER alone where none is chosen,
    where the settings cannot be used, and for the embedded server.
    """
    settings = loaded.settings
    paths = settings.locations()
    url = server_choice.chosen(settings.server.url, paths)
    if url is None:
        what, how = reasons.parted(server_choice.CHOOSE)
        return [Step(SERVER, FAILED, f"Nothing is sent: {what}.", f"Type {how}.")]
    if url == LOCAL_URL:
        return [_embedded(paths, seconds)]
    try:
        examination = _Examination(loaded, time.monotonic() + seconds)
    except Mem0TrayError as error:
        return [Step(SERVER, FAILED, error.message, error.remedy)]
    made = {step.name: step for step in examination.steps()}
    failed = next((step.name for step in made.values() if step.result == FAILED), "")
    skipped = f"Skipped: {failed} failed first."
    return [made.get(name) or Step(name, SKIPPED, skipped) for name in STEPS]


def _embedded(paths: Paths, seconds: float) -> Step:
    found = finding.find(paths.local_server, seconds)
    if found is None:
        seen = "this computer only; the embedded server starts together with the worker."
    else:
        seen = f"this computer only: the embedded server runs at {found.url}."
    return Step(SERVER, OK, seen)


class _Examination:
    """One test of the server at an address, which ends at `end` (monotonic seconds).

    Raises Mem0TrayError where no client of that server can be made.
    """

    def __init__(self, loaded: Loaded, end: float) -> None:
        server = loaded.settings.server
        self._loaded = loaded
        self._end = end
        self._there = ServerAddress.from_settings(server)
        self._terms = Terms(server.user, server.infer)
        self._recognition = Recognition(setting=server.dialect)
        self._client = connect_to_probe(self._there, self._recognition)

    def steps(self) -> Iterator[Step]:
        """Make one step after another, until one fails that the next depends on."""
        with closing(self._client):
            for step in server_test_way.steps(self._there, self._left):
                yield step
                if step.result == FAILED:
                    return
            started = time.monotonic()
            health = self._client.probe(self._left())
            took = time.monotonic() - started
            yield self._healthy(health.path, took) if health.healthy else self._ill(health)
            if not health.healthy and health.status not in KEY_REFUSED:
                return
            if self._is_over():
                yield from (self._not_asked(name) for name in (KEY, READING))
                return
            found = self._key(self._client.check_key(self._left()))
            yield found
            if health.healthy and found.result != FAILED:
                yield self._not_asked(READING) if self._is_over() else self._reading()

    def _left(self) -> float:
        """Seconds for the next question."""
        return max(0.0, min(self._end - time.monotonic(), self._loaded.settings.sync.timeout))

    def _is_over(self) -> bool:
        """Whether too little is left of the time for a further question."""
        return self._left() < _LEAST

    def _not_asked(self, name: str) -> Step:
        seen = f"{self._there.host} is slow: the time for its test was over before this step."
        return Step(name, WARNING, seen, "Deliveries give it longer (`sync.timeout`).")

    # Its health, and what it speaks -------------------------------------------------------

    def _healthy(self, path: str, took_first: float) -> Step:
        """Ask once more over the open connection: that shows how long an answer takes."""
        started = time.monotonic()
        if took_first < _SLOW:
            path = self._client.probe(self._left()).path
            took_first = time.monotonic() - started
        took = milliseconds(took_first)
        speaks = f"{self._there.host} is healthy and speaks `{self._recognition.dialect}`"
        known = "so says server.dialect" if self._recognition.is_fixed else "it is recognised"
        return Step(SERVER, OK, f"{speaks}: {known}, and {path} is answered within {took}.")

    def _ill(self, health: Health) -> Step:
        host = self._there.host
        why, remedy = reasons.parted(health.reason)
        if not health.recognised:  # the reason names the host, and what each path said
            wants_key = health.status in KEY_REFUSED
            seen = str(reasons.sentence(why))
            return Step(SERVER, FAILED, seen, str(remedy), wants_key=wants_key)
        if health.status in KEY_REFUSED:
            seen = f"{host} wants a key for its health too. {reasons.sentence(why)}"
            return Step(SERVER, FAILED, seen, self._set_key(), wants_key=True)
        seen = f"{host} is down. {reasons.sentence(why)}"
        if health.status is None and self._there.plain_http:
            if server_test_way.speaks_tls(self._there, self._left()):
                address = self._there.url.replace("http:", "https:", 1)
                seen = f"{host} speaks TLS, and server.url says plain http."
                return Step(SERVER, FAILED, seen, _set("server.url", address))
        elif self._recognition.is_fixed and health.status in CANNOT_TELL:
            found = Recognition()
            with closing(connect_to_probe(self._there, found)) as client:
                client.probe(self._left())
            if found.dialect:
                seen = f"{host} speaks `{found.dialect}`, not `{self._recognition.dialect}`."
                return Step(SERVER, FAILED, seen, _set("server.dialect", found.dialect))
        return Step(SERVER, FAILED, seen, str(remedy) or IS_IT_THERE)

    # The key ------------------------------------------------------------------------------

    def _key(self, found: KeyCheck) -> Step:
        """What the server makes of the key, or of having none."""
        host, token = self._there.host, self._there.token
        said = found.message.rstrip(".") or "its answer makes no sense"
        elsewhere = redirected_to(retold(found.message))
        if elsewhere:
            seen = f"{host} sends what is asked of it elsewhere: {said}."
            return Step(KEY, FAILED, seen, str(of_redirect(elsewhere)))
        if found.verdict is KeyVerdict.REFUSED and token:
            return Step(
                KEY, FAILED, f"{host} refuses the API key: {said}.", self._set_key(), wants_key=True
            )
        if found.verdict is KeyVerdict.REFUSED:
            seen = f"{host} wants an API key, and none is set: {said}."
            return Step(KEY, FAILED, seen, self._set_key(), wants_key=True)
        if found.verdict is KeyVerdict.TAKEN:
            return Step(KEY, OK, f"{host} takes the API key.")
        if not token:
            rest = "wants none" if found.verdict is KeyVerdict.OPEN else "was not asked for one"
            return Step(KEY, OK, f"No API key is set, and {host} {rest}.")
        return self._unchecked_key(found)

    def _unchecked_key(self, found: KeyCheck) -> Step:
        """The key where the server tells nothing about it: past deliveries prove nothing."""
        host = self._there.host
        if found.verdict is KeyVerdict.OPEN:
            why = f"{host} answers those without a key as well"
        else:
            why = f"{host} does not tell ({found.message.rstrip('.') or 'no sense'})"
        return Step(
            KEY,
            WARNING,
            f"The API key could not be checked: {why}.",
            "The next delivery shows it: `mem0tray run --until-idle`, then `mem0tray diagnose`.",
        )

    def _set_key(self) -> str:
        if self._loaded.sources.get(_KEY) == ENVIRONMENT:
            name = variable(_KEY)
            return f"Put the right key into the variable {name}, which wins over the file."
        if is_in_keyring(self._loaded.settings.server):
            return "Put the right key into the keyring: `mem0tray setup` asks for it."
        return f"Set the right key: `mem0tray config set {_KEY}` asks for it."

    # Reading ------------------------------------------------------------------------------

    def _reading(self) -> Step:
        """Whether the server shows its memories, tried with a project that it does not have."""
        host = self._there.host
        dialect = self._recognition.dialect
        with closing(connect(self._there, dialect, terms=self._terms)) as client:
            found = client.read(_NOBODY, 1, self._left())
        if isinstance(found, Outcome):
            return self._unread(found)
        if found.memories:
            seen = f"{host} shows memories of a project that nobody has."
            remedy = "`recall` and `search` may show those of other projects too."
            return Step(READING, WARNING, seen, remedy)
        return Step(READING, OK, f"{host} can be asked for the memories of a project.")

    def _unread(self, found: Outcome) -> Step:
        host, said = self._there.host, found.message.rstrip(".") or "its answer makes no sense"
        if found.status in CANNOT_TELL:
            return Step(
                READING,
                WARNING,
                f"{host} has no way to show what it has: {said}.",
                "Deliveries do not need it. `recall` and `search` show what waits here, and after a"
                " lost connection a memory is sent again with the same key.",
            )
        return Step(
            READING,
            WARNING,
            f"{host} does not show what it has: {said}.",
            "Deliveries do not need it; `recall` and `search` do. The server's log may say more.",
        )


def _set(key: str, value: str) -> str:
    return f"Set it: `mem0tray config set {key} {value}`."
