"""What `doctor` finds out about the server: chosen, safe to reach, healthy, and delivered to."""

import math
from collections.abc import Iterable
from typing import Final

from mem0tray.actions import server_test, standing
from mem0tray.actions.standing import Snapshot
from mem0tray.cli.doctor.check import FAIL, OK, SKIP, WARN, Check
from mem0tray.config.server_address import is_in_keyring
from mem0tray.config.server_choice import former_in_words
from mem0tray.config.settings import ENVIRONMENT, LOCAL_URL, Loaded, variable
from mem0tray.core import reasons, times
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY
from mem0tray.system.paths import config_file

_SECONDS: Final = 10.0  # for all of the server test
_KEY: Final = "server.api_key"
_LEVELS: Final = {
    server_test.OK: OK,
    server_test.WARNING: WARN,
    server_test.FAILED: FAIL,
    server_test.SKIPPED: SKIP,
}


def is_known(loaded: Loaded) -> bool:
    """Whether the settings of the server can be read."""
    return not any(key.startswith("server.") for key in loaded.unknown)


def unknown(seen: Snapshot) -> Iterable[Check]:
    """Say that no server is asked, and where the worker delivers with its former settings."""
    there = seen.metrics.values.get("destination") if seen.told is not None else None
    goes_on = f" The worker goes on with the former settings: {there}." if there else ""
    yield Check(
        "server",
        WARN,
        f"No server is asked: which one is meant cannot be read in the settings.{goes_on}",
        "Mend the settings, and type `mem0tray doctor` again.",
    )


def server(loaded: Loaded) -> Iterable[Check]:
    """Where memories go, and whether they get there: each step of the server test."""
    for step in server_test.examine(loaded, _SECONDS):
        yield Check(step.name, _LEVELS[step.result], step.seen, step.remedy)
    if is_in_keyring(loaded.settings.server) and loaded.settings.server.url != LOCAL_URL:
        yield Check(
            "key place", OK, "The API key is looked for in the system's keyring (server.keyring)."
        )
    elif _KEY in loaded.sources:
        yield Check("key place", OK, f"The API key is in {_place(loaded)}.")


def _place(loaded: Loaded) -> str:
    if loaded.sources[_KEY] == ENVIRONMENT:
        return f"the variable {variable(_KEY)}"
    return f"{config_file()} (`mem0tray setup --key-in keyring` moves it)"


def former(snapshot: Snapshot) -> Iterable[Check]:
    """What only a former server has, and a migration may bring over."""
    for server, count in standing.overview(snapshot).to_bring_over.items():
        are = "memory is" if count == 1 else "memories are"
        yield Check(
            "former server",
            WARN,
            f"{count:,} {are} on {former_in_words(server)}, and not on the present server.",
            f"`mem0tray migrate --from {server}` brings what is there to the present server.",
        )


def deliveries(snapshot: Snapshot) -> Iterable[Check]:
    """What a running worker itself says, as in `status`; and the pause."""
    seen = standing.overview(snapshot)
    if seen.pause is not None:
        end = "you resume" if math.isinf(seen.pause) else times.moment(seen.pause)
        yield Check("pause", WARN, f"Deliveries are paused until {end}.", "Type `mem0tray resume`.")
    if seen.worker is None:
        return  # another check says that it is not running
    what, how = reasons.parted(seen.reason)
    said = f"The worker says: {seen.state}{': ' if what else ''}{reasons.bare(what)}."
    if seen.state in (ACTION_NEEDED, DOWN):
        remedy = str(reasons.sentence(how)) or "`mem0tray diagnose` says what to do."
        yield Check("deliveries", FAIL, said, remedy)
    elif seen.pause is None:
        yield Check("deliveries", OK if seen.state == HEALTHY else WARN, said)
