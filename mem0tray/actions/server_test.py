"""The server test: each step of the way to the chosen server. It stores nothing."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Final, NamedTuple

from msgspec.structs import replace

from mem0tray.config import server_choice
from mem0tray.config.server_address import ServerAddress, is_in_keyring
from mem0tray.config.settings import API_KEY, ENVIRONMENT, LOCAL_URL, Loaded, variable
from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError, SettingsError
from mem0tray.localserver import endpoint
from mem0tray.server import Recognition, connect, connect_to_probe
from mem0tray.server.answers import redirected_to
from mem0tray.server.model import (
    CANNOT_TELL,
    KEY_REFUSED,
    Health,
    KeyCheck,
    KeyVerdict,
    Outcome,
    Terms,
)
from mem0tray.server.remedy import of_redirect

OK: Final = "ok"
WARN: Final = "warn"
FAIL: Final = "fail"
SKIP: Final = "skip"

ENCRYPTION: Final = "server encryption"
SERVER: Final = "server"
KEY: Final = "server key"
READING: Final = "server reading"
STEPS: Final = (SERVER, KEY, READING)

_NOBODY: Final = "mem0tray-key-check"  # a project that no server has; clients ask for it too
_IS_IT_THERE: Final = (
    "Memories wait until it is back. Does the server run, and is its address right?"
    " `mem0tray config get server.url` shows the address,"
    " `mem0tray config set server.url ADDRESS` changes it."
)


class Check(NamedTuple):
    """One thing that was looked at, its level, what was seen, and what to do, where one can."""

    name: str
    level: str
    message: str
    remedy: str = ""


def as_typed(loaded: Loaded, url: str, key: str = "", dialect: str = "") -> Loaded:
    """Return the settings with a server as a person types it; nothing is set.

    The key that is set goes along only to the host and port that it is set for.
    """
    server = loaded.settings.server
    typed = replace(server, url=url, dialect=dialect or server.dialect)
    if key or _place(server.url) != _place(url):
        typed = replace(typed, api_key=key, keyring=False)
    return replace(loaded, settings=replace(loaded.settings, server=typed))


def _place(url: str) -> tuple[bool, str, int] | None:
    try:
        address = ServerAddress.of(url)
    except SettingsError:  # for `local` too, and where none is chosen
        return None
    return address.plain_http, address.hostname, address.port


def examine(loaded: Loaded, seconds: float) -> list[Check]:
    """Test the server that the settings choose, within so many seconds; nothing is stored.

    The steps are all of `STEPS` for a server at an address, after ENCRYPTION if it has none and
    is elsewhere; SERVER alone where none is chosen or the settings cannot be used, and for the
    embedded server.
    """
    settings = loaded.settings
    paths = settings.locations()
    url = server_choice.chosen(settings.server.url, paths)
    if url is None:
        what, how = reasons.parted(server_choice.CHOOSE)
        return [Check(SERVER, FAIL, f"Nothing is sent: {what}.", f"Type {how}.")]
    if url == LOCAL_URL:
        found = endpoint.find(paths.local_server, seconds)
        how_it_is = "; the embedded server starts together with the worker"
        if found is not None:
            how_it_is = f": the embedded server runs at {found.url}"
        return [Check(SERVER, OK, f"this computer only{how_it_is}.")]
    try:
        examination = _Examination(loaded, time.monotonic() + seconds)
    except Mem0TrayError as error:
        return [Check(SERVER, FAIL, error.message, error.remedy)]
    made = list(examination.steps())
    failed = next((step.name for step in made if step.level == FAIL), "")
    left = [name for name in STEPS if name not in {step.name for step in made}]
    return [*made, *(Check(name, SKIP, f"Skipped: {failed} failed first.") for name in left)]


class _Examination:
    """One test of the server at an address, until `end` (monotonic); may raise Mem0TrayError."""

    def __init__(self, loaded: Loaded, end: float) -> None:
        server = loaded.settings.server
        self._loaded, self._end = loaded, end
        self._there = ServerAddress.from_settings(server)
        self._host = self._there.host
        self._recognition = Recognition(setting=server.dialect)
        self._client = connect_to_probe(self._there, self._recognition)

    def steps(self) -> Iterator[Check]:
        """Make one step after another, until one fails that the next depends on."""
        with closing(self._client):
            if self._there.plain_http and not self._there.is_loopback:
                what = "Memories and the API key go" if self._there.token else "Memories go"
                seen = f"{what} to {self._host} over plain http: everybody on the way can read it."
                how = "Use its https address, or a network that you trust."
                yield Check(ENCRYPTION, WARN, seen, how)
            started = time.monotonic()
            health = self._client.probe(self._left())
            yield self._health(health, time.monotonic() - started)
            if not health.healthy and health.status not in KEY_REFUSED:
                return
            found = self._key(self._client.check_key(self._left()))
            yield found
            if health.healthy and found.level != FAIL:
                yield self._reading()

    def _left(self) -> float:
        return max(0.0, min(self._end - time.monotonic(), self._loaded.settings.sync.timeout))

    def _health(self, health: Health, took: float) -> Check:
        host, dialect = self._host, self._recognition.dialect
        if health.healthy:
            known = "so says server.dialect" if self._recognition.is_fixed else "it is recognised"
            within = f"{health.path} is answered within {milliseconds(took)}"
            seen = f"{host} is healthy and speaks `{dialect}`: {known}, and {within}."
            return Check(SERVER, OK, seen)
        why, how = reasons.parted(health.reason)
        sentence, remedy = str(reasons.sentence(why)), str(how)
        if not health.recognised:  # the reason names the host, and what each path said
            return Check(SERVER, FAIL, sentence, remedy)
        if health.status in KEY_REFUSED:
            seen = f"{host} wants a key for its health too. {sentence}"
            return Check(SERVER, FAIL, seen, self._set_key())
        if self._recognition.is_fixed and health.status in CANNOT_TELL:
            remedy = "Set server.dialect to `auto`, if the server speaks another than the one set."
        return Check(SERVER, FAIL, f"{host} is down. {sentence}", remedy or _IS_IT_THERE)

    def _key(self, found: KeyCheck) -> Check:
        host, token, said = self._host, self._there.token, _said(str(found.reason))
        elsewhere = redirected_to(found.reason)
        if elsewhere:
            seen = f"{host} sends what is asked of it elsewhere: {said}."
            return Check(KEY, FAIL, seen, str(of_redirect(elsewhere)))
        if found.verdict is KeyVerdict.REFUSED:
            what = "refuses the API key" if token else "wants an API key, and none is set"
            return Check(KEY, FAIL, f"{host} {what}: {said}.", self._set_key())
        if found.verdict is KeyVerdict.TAKEN:
            return Check(KEY, OK, f"{host} takes the API key.")
        is_open = found.verdict is KeyVerdict.OPEN
        if not token:
            rest = "wants none" if is_open else "was not asked for one"
            return Check(KEY, OK, f"No API key is set, and {host} {rest}.")
        why = "answers those without a key as well" if is_open else f"does not say ({said})"
        how = "The next delivery shows it: `mem0tray run --until-idle`, then `mem0tray diagnose`."
        return Check(KEY, WARN, f"The API key could not be checked: {host} {why}.", how)

    def _set_key(self) -> str:
        if self._loaded.sources.get(API_KEY) == ENVIRONMENT:
            name = variable(API_KEY)
            return f"Put the right key into the variable {name}, which wins over the file."
        if is_in_keyring(self._loaded.settings.server):
            return "Put the right key into the keyring: `mem0tray setup` asks for it."
        return f"Set the right key: `mem0tray config set {API_KEY}` asks for it."

    def _reading(self) -> Check:
        """Try whether the server shows its memories, with a project that it does not have."""
        host, server = self._host, self._loaded.settings.server
        terms = Terms(server.user, server.infer)
        with closing(connect(self._there, self._recognition.dialect, terms=terms)) as client:
            found = client.read(_NOBODY, 1, self._left())
        if not isinstance(found, Outcome):
            return Check(READING, OK, f"{host} can be asked for the memories of a project.")
        has_no_way = found.status in CANNOT_TELL
        verb = "has no way to show" if has_no_way else "does not show"
        seen = f"{host} {verb} what it has: {_said(found.message)}."
        how = "Deliveries do not need it. `recall` and `search` show what waits here."
        return Check(READING, WARN, seen, how)


def _said(message: str) -> str:
    return message.rstrip(".") or "its answer makes no sense"


def milliseconds(seconds: float) -> str:
    """`12 ms`, rounded up."""
    return f"{int(seconds * 1000) + 1} ms"
