"""What `doctor` finds out about the server: chosen, safe to reach, healthy, and delivered to."""

import math
from collections.abc import Iterable
from typing import Final

from mem0tray.actions import overview
from mem0tray.actions.snapshot import Snapshot
from mem0tray.cli import output
from mem0tray.cli.doctor.check import FAIL, OK, WARN, Check
from mem0tray.config import server_choice
from mem0tray.config.settings import ENVIRONMENT, LOCAL_URL, Loaded, variable
from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY
from mem0tray.server import (
    KEY_REFUSED,
    Client,
    Health,
    KeyCheck,
    KeyVerdict,
    Recognition,
    ServerAddress,
    connect,
)
from mem0tray.server.answers import redirected_to, retold
from mem0tray.server.remedy import of_redirect
from mem0tray.system.paths import Paths

_TIMEOUT: Final = 5.0  # seconds
_KEY: Final = "server.api_key"


def is_known(loaded: Loaded) -> bool:
    """Whether the settings of the server can be read."""
    return not any(key.startswith("server.") for key in loaded.unknown)


def unknown(seen: Snapshot) -> Iterable[Check]:
    """That no server is asked, and where the worker delivers by its former settings."""
    there = seen.metrics.values.get("destination") if seen.told is not None else None
    goes_on = f" The worker goes on with the former settings: {there}." if there else ""
    yield Check(
        "server",
        WARN,
        f"No server is asked: which one is meant cannot be read in the settings.{goes_on}",
        "Mend the settings, and type `mem0tray doctor` again.",
    )


def server(loaded: Loaded) -> Iterable[Check]:
    """Where memories go, and whether they get there."""
    settings = loaded.settings
    paths = settings.locations()
    url = server_choice.chosen(settings.server.url, paths)
    if url is None:
        what, how = reasons.parted(server_choice.CHOOSE)
        yield Check("server", FAIL, f"Nothing is sent: {what}.", f"Type {how}.")
    elif url == LOCAL_URL:
        yield _embedded(paths)
    else:
        yield from _chosen(loaded)


def _embedded(paths: Paths) -> Check:
    from mem0tray.localserver.finding import find

    found = find(paths.local_server, _TIMEOUT)
    if found is None:
        return Check(
            "server", OK, "this computer only; the worker starts the local server with itself."
        )
    return Check("server", OK, f"this computer only: the local server runs at {found.url}.")


def _chosen(loaded: Loaded) -> Iterable[Check]:
    settings = loaded.settings
    try:
        there = ServerAddress.from_settings(settings.server)
        recognition = Recognition()
        client = connect(there, settings.server.dialect, recognition=recognition)
    except Mem0TrayError as error:
        yield Check("server", FAIL, error.message, error.remedy)
        return
    if there.plain_http and not there.is_loopback:
        yield _readable_on_the_way(there)
    timeout = min(settings.sync.timeout, _TIMEOUT)
    try:
        health = client.probe(timeout)
        yield _health(there, health, recognition.dialect)
        if health.healthy or health.status in KEY_REFUSED:
            yield _key(loaded, there, client, timeout)
    finally:
        client.close()


def _health(there: ServerAddress, health: Health, recognised: str) -> Check:
    """How the server is; `recognised` is the dialect that it was found to speak, if any was."""
    if health.healthy:
        speaks = f" and speaks `{recognised}`" if recognised else ""
        return Check("server", OK, f"{there.host} is healthy{speaks}.")
    why, remedy = reasons.parted(health.reason)
    if not health.recognised:
        return Check("server", FAIL, f"{reasons.sentence(why)}", str(remedy))
    return Check(
        "server",
        FAIL,
        f"{there.host} is down: {reasons.bare(why)}.",
        str(remedy)
        or "Memories wait until it is back. Does the server run, and is its address right?"
        " `mem0tray config get server.url` shows the address,"
        " `mem0tray config set server.url ADDRESS` changes it.",
    )


def _key(loaded: Loaded, there: ServerAddress, client: Client, timeout: float) -> Check:
    """What the server makes of the key; whether a worker runs or not."""
    found = client.check_key(timeout)
    name = "server key"
    said = found.message.rstrip(".") or "its answer makes no sense"
    elsewhere = redirected_to(retold(found.message))
    if elsewhere:
        message = f"{there.host} sends what is asked of it elsewhere: {said}."
        return Check("server", FAIL, message, str(of_redirect(elsewhere)))
    if found.verdict is KeyVerdict.REFUSED and there.token:
        return Check(name, FAIL, f"{there.host} refuses the API key: {said}.", _set_key(loaded))
    if found.verdict is KeyVerdict.REFUSED:
        message = f"{there.host} wants an API key, and none is set: {said}."
        return Check(name, FAIL, message, _set_key(loaded))
    if found.verdict is KeyVerdict.TAKEN:
        return Check(name, OK, f"{there.host} takes the API key.")
    if not there.token:
        rest = "wants none" if found.verdict is KeyVerdict.OPEN else "was not asked for one"
        return Check(name, OK, f"No API key is set, and {there.host} {rest}.")
    return _unchecked_key(there, found)


def _set_key(loaded: Loaded) -> str:
    if loaded.sources.get(_KEY) == ENVIRONMENT:
        return f"Put the right key into the variable {variable(_KEY)}, which wins over the file."
    return f"Set the right key: `mem0tray config set {_KEY}` asks for it."


def _unchecked_key(there: ServerAddress, found: KeyCheck) -> Check:
    """The check of a key of which the server tells nothing: past deliveries prove nothing of it."""
    if found.verdict is KeyVerdict.OPEN:
        why = f"{there.host} answers those without a key as well"
    else:
        why = f"{there.host} does not tell ({found.message.rstrip('.') or 'no sense'})"
    return Check(
        "server key",
        WARN,
        f"The API key could not be checked: {why}.",
        "The next delivery shows it: `mem0tray run --until-idle`, then `mem0tray diagnose`.",
    )


def _readable_on_the_way(there: ServerAddress) -> Check:
    what = "Memories and the API key go" if there.token else "Memories go"
    return Check(
        "plain http",
        WARN,
        f"{what} to {there.host} over plain http: everybody on the way can read them.",
        "Use its https address (`mem0tray config set server.url https://…`), or a network that you"
        " trust.",
    )


def deliveries(snapshot: Snapshot) -> Iterable[Check]:
    """What a running worker itself says, as in `status`; and the pause."""
    seen = overview.of(snapshot)
    if seen.pause is not None:
        end = "you resume" if math.isinf(seen.pause) else output.moment(seen.pause)
        yield Check("pause", WARN, f"Deliveries are paused until {end}.", "Type `mem0tray resume`.")
    if seen.worker is None:
        return  # that it is not running is a check of its own
    what, how = reasons.parted(seen.reason)
    said = f"The worker says: {seen.state}{': ' if what else ''}{reasons.bare(what)}."
    if seen.state in (ACTION_NEEDED, DOWN):
        remedy = str(reasons.sentence(how)) or "`mem0tray diagnose` says what to do."
        yield Check("deliveries", FAIL, said, remedy)
    elif seen.pause is None:
        yield Check("deliveries", OK if seen.state == HEALTHY else WARN, said)
