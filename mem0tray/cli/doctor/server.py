"""Checks of the server, the deliveries, and other workers beside ours."""

import math
import os
from collections.abc import Iterable
from typing import Final

import click

from mem0tray.actions import server_test, standing
from mem0tray.actions.server_test import FAIL, OK, WARN, Check
from mem0tray.actions.standing import Snapshot
from mem0tray.cli import output
from mem0tray.cli.doctor import Examined
from mem0tray.config.server_address import is_in_keyring
from mem0tray.config.server_choice import in_sentence
from mem0tray.config.settings import API_KEY, ENVIRONMENT, LOCAL_URL, SERVER_URL, variable
from mem0tray.core import reasons, text
from mem0tray.core.errors import NotFoundError
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, WorkerSeen
from mem0tray.system import other_process, processes
from mem0tray.system.paths import config_file

_SECONDS: Final = 10.0  # for all of the server test
_RECENT: Final = 90.0  # seconds; a worker writes its metrics at least every thirty
_ANOTHER: Final = "another worker"


def server(examined: Examined) -> Iterable[Check]:
    """Check where memories go, and whether they get there: each step of the server test."""
    loaded = examined.loaded
    if any(key.startswith("server.") for key in loaded.unknown):
        seen = examined.snapshot
        there = seen.metrics.values.get("destination") if seen.told is not None else None
        goes_on = f" The worker goes on with the former settings: {there}." if there else ""
        yield Check(
            "server",
            WARN,
            f"No server is asked: which one is meant cannot be read in the settings.{goes_on}",
            "Mend the settings, and type `mem0tray doctor` again.",
        )
        return
    yield from server_test.examine(loaded, _SECONDS)
    if is_in_keyring(loaded.settings.server) and loaded.settings.server.url != LOCAL_URL:
        place = "looked for in the system's keyring (server.keyring)"
        yield Check("key place", OK, f"The API key is {place}.")
    elif API_KEY in loaded.sources:
        place = f"{config_file()} (`mem0tray setup --key-in keyring` moves it)"
        if loaded.sources[API_KEY] == ENVIRONMENT:
            place = f"the variable {variable(API_KEY)}"
        yield Check("key place", OK, f"The API key is in {place}.")


def former(examined: Examined) -> Iterable[Check]:
    """Name what only a former server has, and a migration may bring over."""
    if SERVER_URL in examined.loaded.unknown:
        return
    for server, count in standing.overview(examined.snapshot).to_bring_over.items():
        are = "memory is" if count == 1 else "memories are"
        yield Check(
            "former server",
            WARN,
            f"{count:,} {are} on {in_sentence(server)}, and not on the present server.",
            f"`mem0tray migrate --from {server}` brings what is there to the present server.",
        )


def deliveries(examined: Examined) -> Iterable[Check]:
    """Check what a running worker itself says, as in `status`; and the pause."""
    seen = standing.overview(examined.snapshot)
    if seen.pause is not None:
        end = "you resume" if math.isinf(seen.pause) else text.moment(seen.pause)
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


# Other workers --------------------------------------------------------------------------


def other_workers(examined: Examined) -> Iterable[Check]:
    """Warn of workers of another make, or on another computer, beside ours: both would send."""
    snapshot = examined.snapshot
    seen = _seen(snapshot)
    here = seen if seen is not None and processes.is_here(seen) else None
    known = [each.pid for each in (snapshot.worker, here) if each is not None]
    others = other_process.alike({os.getpid(), *known})
    if seen is not None:
        yield _named(seen, examined)
    for what, stop in others:
        said = f"{what[0].upper()}{what[1:]} looks like another worker of memories."
        yield Check(_ANOTHER, WARN, said, f"If it is one, stop it: `{stop}`.")
    if seen is None and not others:
        yield Check(_ANOTHER, OK, "None was seen.")


def _seen(snapshot: Snapshot) -> WorkerSeen | None:
    """Return another worker that ours names, or else one that wrote the metrics lately."""
    worker, metrics, ledger = snapshot.worker, snapshot.shared_metrics, snapshot.ledger
    values, seen = metrics.values, WorkerSeen.of(metrics.values, metrics.written)
    is_foreign = (
        snapshot.at - metrics.written <= _RECENT
        and not metrics.are_of(worker)
        and not ledger.broken  # it has the names of our runs
        and values.get("run") not in ledger.our_runs
        and ("vps_status" in values or "pid" in values)
    )
    if is_foreign and not processes.has_ended(seen):
        return seen
    return ledger.other_worker if worker is not None else None


def _named(seen: WorkerSeen, examined: Examined) -> Check:
    process = other_process.find(seen)
    what, remedy = reasons.parted(other_process.sentence(seen))
    which, advice = "", str(reasons.sentence(remedy))
    if process is not None:
        which = f" ({process.command})"
        also = ", or with `mem0tray doctor --stop-other`" if process.ours else ""
        advice = f"{advice.rstrip('.')}{also}."
    said = str(what)
    wrote = f"it wrote {examined.paths.metrics} {text.ago(seen.last)}"
    message = f"{said[0].upper()}{said[1:]}{which}: {wrote}; two workers deliver memories twice."
    return Check(_ANOTHER, WARN, message, advice)


def stop_other(examined: Examined, *, ask: bool, told: bool) -> None:
    """Stop the other worker, after a question at a terminal if we are to `ask`, or else raise."""
    seen = _seen(examined.snapshot)
    process = other_process.find(seen) if seen is not None else None
    if process is None or not process.ours:
        if ask:
            return
        raise NotFoundError(
            "No process can be named for sure as another worker of yours on this computer.",
            "`mem0tray doctor` says what was seen.",
        )
    if ask:
        if not output.can_ask():
            return
        output.say(f"Process {process.pid} is another worker: {process.command}")
        if not click.confirm("Stop it now?", default=False):
            return
    if not other_process.end(process):
        kill = f"kill -9 {process.pid}"
        said = f"Process {process.pid} was asked to end, and has not."
        raise NotFoundError(said, f"End it: `{kill}`.")
    if told:
        output.say(f"Process {process.pid} has ended. Deliveries go on within half a minute.")
