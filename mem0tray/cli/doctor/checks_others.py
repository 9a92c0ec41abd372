"""What `doctor` says about other workers on the same files, and its offer to stop one."""

import os
import socket
import sys
from collections.abc import Iterable

from mem0tray.actions.standing import Snapshot
from mem0tray.cli import asking, output, times
from mem0tray.cli.doctor.check import OK, WARN, Check
from mem0tray.core import another_worker, reasons
from mem0tray.core.errors import NotFoundError
from mem0tray.desktop import older_workers
from mem0tray.ledger.taken_by_others import WorkerSeen
from mem0tray.system import other_process, processes
from mem0tray.system.other_process import OtherProcess
from mem0tray.system.paths import Paths

_RECENT = 90.0  # seconds; a worker writes its metrics at least every thirty
_NAME = "another worker"


def other_workers(snapshot: Snapshot) -> Iterable[Check]:
    """Workers of another make, or on another computer, beside ours: both would send."""
    ours = snapshot.worker.pid if snapshot.worker is not None else None
    seen = _seen(snapshot)
    known = {os.getpid()} if ours is None else {os.getpid(), ours}
    found = False
    if seen is not None:
        found = True
        if seen.pid is not None:
            known.add(seen.pid)
        yield _told(seen, snapshot.paths)
    for what, stop in older_workers.find(known):
        found = True
        yield Check(
            _NAME,
            WARN,
            f"{what[0].upper()}{what[1:]} looks like another worker of memories.",
            f"If it is one, stop it: `{stop}`.",
        )
    if not found:
        yield Check(_NAME, OK, "None was seen.")


def _seen(snapshot: Snapshot) -> WorkerSeen | None:
    """Another worker that our worker names, or else one that wrote the metrics lately."""
    ours = snapshot.worker.pid if snapshot.worker is not None else None
    metrics = snapshot.shared_metrics
    values, written = metrics.values, metrics.written
    pid, host = values.get("pid"), values.get("host")
    is_foreign = (
        snapshot.at - written <= _RECENT
        and not metrics.are_of(ours)
        and ("vps_status" in values or "pid" in values)
    )
    if is_foreign and not _has_ended(pid, host):
        return WorkerSeen(
            pid if isinstance(pid, int) else None,
            host if isinstance(host, str) else None,
            written,
            written,
        )
    return snapshot.inside.ledger.other_worker if ours is not None else None


def _has_ended(pid: object, host: object) -> bool:
    here = host in (None, socket.gethostname())
    return here and isinstance(pid, int) and not processes.is_alive(pid)


def _told(seen: WorkerSeen, paths: Paths) -> Check:
    """The sentence of `status`, with the process, and the way of `doctor` to stop it."""
    named = _named(seen)
    stop = named.stop if named is not None else ""
    what, remedy = reasons.parted(another_worker.sentence(seen.pid, seen.host, stop))
    which, advice = "", str(reasons.sentence(remedy))
    if named is not None:
        which = f" ({named.command}{named.origin})"
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


def _named(seen: WorkerSeen) -> OtherProcess | None:
    return other_process.find(seen.pid, seen.host, seen.last)


def _may_stop(named: OtherProcess) -> bool:
    return named.ours and sys.platform != "win32"


# Stopping it --------------------------------------------------------------------------------


def offer(snapshot: Snapshot) -> None:
    """Ask at a terminal whether to stop the other worker, if it is known which one it is."""
    named = _stoppable(snapshot)
    if named is None or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return
    output.say(f"Process {named.pid} is another worker: {named.command}")
    if asking.chooses("Stop it now?", default=False):
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
    named = _named(seen) if seen is not None else None
    return named if named is not None and _may_stop(named) else None


def _stop(named: OtherProcess, *, told: bool) -> None:
    if not other_process.end(named):
        raise NotFoundError(
            f"Process {named.pid} was asked to end, and has not.", f"End it: `kill -9 {named.pid}`."
        )
    if told:
        output.say(f"Process {named.pid} has ended. Deliveries go on within half a minute.")
