"""What `doctor` finds out about the server: chosen, safe to reach, healthy, and delivered to."""

import math
from collections.abc import Iterable
from typing import Final

from mem0tray.actions import overview
from mem0tray.cli import output
from mem0tray.cli.check import FAIL, OK, WARN, Check
from mem0tray.errors import Mem0TrayError
from mem0tray.paths import Paths
from mem0tray.server import Destination, connect
from mem0tray.settings import LOCAL_URL, Loaded, Settings
from mem0tray.worker import choice
from mem0tray.worker.state import ACTION_NEEDED, DOWN, HEALTHY

_TIMEOUT: Final = 5.0  # seconds


def server(loaded: Loaded) -> Iterable[Check]:
    """Where memories go, and whether they get there."""
    settings = loaded.settings
    paths = settings.locations()
    url = choice.chosen(settings.server.url, paths)
    if url is None:
        yield Check("server", FAIL, f"Nothing is sent: {choice.CHOOSE}.", f"Type {choice.HOW}.")
    elif url == LOCAL_URL:
        yield _embedded(paths)
    else:
        yield from _chosen(settings)


def _embedded(paths: Paths) -> Check:
    from mem0tray.localserver.finding import find

    found = find(paths.local_server, _TIMEOUT)
    if found is None:
        return Check(
            "server", OK, "this computer only; the worker starts the local server with itself."
        )
    return Check("server", OK, f"this computer only: the local server runs at {found.url}.")


def _chosen(settings: Settings) -> Iterable[Check]:
    try:
        there = Destination.from_settings(settings.server)
        client = connect(there, settings.server.dialect)
    except Mem0TrayError as error:
        yield Check("server", FAIL, error.message, error.remedy)
        return
    if there.plain_http and not there.is_loopback:
        yield _readable_on_the_way(there)
    try:
        health = client.probe(min(settings.sync.timeout, _TIMEOUT))
    finally:
        client.close()
    if health.healthy:
        yield Check("server", OK, f"{there.host} is healthy.")
    else:
        yield Check(
            "server",
            FAIL,
            f"{there.host} is down: {health.reason.rstrip('.')}.",
            "Memories wait until it is back. Is server.url right, and does the server run?",
        )


def _readable_on_the_way(there: Destination) -> Check:
    what = "Memories and the API key go" if there.token else "Memories go"
    return Check(
        "plain http",
        WARN,
        f"{what} to {there.host} over plain http: everybody on the way can read them.",
        "Use an https:// address, or a network that you trust.",
    )


def deliveries(loaded: Loaded) -> Iterable[Check]:
    """What a running worker itself says, as in `status`; and the pause."""
    seen = overview.gather(loaded.settings)
    if seen.pause is not None:
        end = "you resume" if math.isinf(seen.pause) else output.moment(seen.pause)
        yield Check("deliveries", WARN, f"paused until {end}.", "Type `mem0tray resume`.")
    if seen.worker is None:
        return  # that it is not running is a check of its own
    said = f"The worker says: {seen.state}{': ' if seen.reason else ''}{seen.reason.rstrip('.')}."
    if seen.state in (ACTION_NEEDED, DOWN):
        yield Check("deliveries", FAIL, said, "`mem0tray diagnose` says what to do.")
    elif seen.pause is None:
        yield Check("deliveries", OK if seen.state == HEALTHY else WARN, said)
