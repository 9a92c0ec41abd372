"""What `doctor` says about other workers on the same files, and its offer to stop one."""

import os
import sys
from collections.abc import Iterable

from mem0tray.actions.standing import Snapshot
from mem0tray.cli import interaction, output
from mem0tray.cli.doctor.check import OK, WARN, Check
from mem0tray.core import reasons, times
from mem0tray.core.errors import NotFoundError
from mem0tray.core.state import WorkerSeen
from mem0tray.desktop import older_workers
from mem0tray.system import other_process, processes
from mem0tray.system.other_process import OtherProcess
from mem0tray.system.paths import Paths

_RECENT = 90.0  # seconds; a worker writes its metrics at least every thirty
_NAME = "another worker"


def other_workers(snapshot: Snapshot) -> Iterable[Check]:
    """Workers of another make, or on another computer, beside ours: both would send."""
    seen = _seen(snapshot)
    here = seen if seen is not None and processes.is_here(seen) else None
    known = [each.pid for each in (snapshot.worker, here) if each is not None]
    others = older_workers.find({os.getpid(), *known})
    if seen is not None:
        yield _told(seen, snapshot.paths)
    for what, stop in others:
        yield Check(
            _NAME,
            WARN,
            f"{what[0].upper()}{what[1:]} looks like another worker of memories.",
            f"If it is one, stop it: `{stop}`.",
        )
    if seen is None and not others:
        yield Check(_NAME, OK, "None was seen.")


def _seen(snapshot: Snapshot) -> WorkerSeen | None:
    """Another worker that our worker names, or else one that wrote the metrics lately."""
    worker, metrics, ledger = snapshot.worker, snapshot.shared_metrics, snapshot.inside.ledger
    values, seen = metrics.values, WorkerSeen.of(metrics.values, metrics.written)
    is_foreign = (
        snapshot.at - metrics.written <= _RECENT
        and not metrics.are_of(worker)
        and values.get("run") != ledger.last_run
        and ("vps_status" in values or "pid" in values)
    )
    if is_foreign and not processes.has_ended(seen):
        return seen
    return ledger.other_worker if worker is not None else None


def _told(seen: WorkerSeen, paths: Paths) -> Check:
    """The sentence of `status`, with the process, and the way of `doctor` to stop it."""
    named = other_process.find(seen)
    what, remedy = reasons.parted(other_process.sentence(seen))
    which, advice = "", str(reasons.sentence(remedy))
    if named is not None:
        which = f" ({named.command})"
        also = ", or with `mem0tray doctor --stop-other`" if _may_stop(named) else ""
        advice = f"{advice.rstrip('.')}{also}."
    said = str(what)
    return Check(
        _NAME,
        WARN,
        f"{said[0].upper()}{said[1:]}{which}: it wrote {paths.metrics} {times.ago(seen.last)};"
        " two workers deliver memories twice.",
        advice,
    )


def _may_stop(named: OtherProcess) -> bool:
    return named.ours and sys.platform != "win32"


# Stopping it --------------------------------------------------------------------------------


def offer(snapshot: Snapshot) -> None:
    """Ask at a terminal whether to stop the other worker, if it is known which one it is."""
    named = _stoppable(snapshot)
    if named is None or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return
    output.say(f"Process {named.pid} is another worker: {named.command}")
    if interaction.chooses("Stop it now?", default=False):
        _stop(named, told=True)


def stop(snapshot: Snapshot, *, told: bool) -> None:
    """Stop the other worker. Raises NotFoundError if it is not known for sure which it is."""
    named = _stoppable(snapshot)
    if named is None:
        raise NotFoundError(
            "No process can be named for sure as another worker of yours on this computer.",
            "`mem0tray doctor` says what was seen.",
        )
    _stop(named, told=told)


def _stoppable(snapshot: Snapshot) -> OtherProcess | None:
    seen = _seen(snapshot)
    named = other_process.find(seen) if seen is not None else None
    return named if named is not None and _may_stop(named) else None


def _stop(named: OtherProcess, *, told: bool) -> None:
    if not other_process.end(named):
        raise NotFoundError(
            f"Process {named.pid} was asked to end, and has not.", f"End it: `kill -9 {named.pid}`."
        )
    if told:
        output.say(f"Process {named.pid} has ended. Deliveries go on within half a minute.")
