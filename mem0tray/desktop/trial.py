"""A trial of what this desktop shows, in a process of its own.

A display or a desktop's library may hang or crash, beyond the reach of any time limit inside
Python. But a process can be ended. It writes what it found, as a JSON object.

    python -m mem0tray.desktop.trial tray
    python -m mem0tray.desktop.trial notification [LANGUAGE]
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from mem0tray.system import programs

if TYPE_CHECKING:
    from mem0tray.desktop.notify import Notice

_PATIENCE: Final = 3.0  # seconds for each answer of a notification daemon


@dataclass(frozen=True, slots=True)
class TrialResult:
    """The finds of a trial; `hung_at` names what did not answer in time, empty if all did."""

    values: dict[str, Any] = field(default_factory=dict)
    hung_at: str = ""

    def text(self, name: str) -> str:
        """A text that was found out; empty if it was not."""
        return str(self.values.get(name) or "")


def run(what: str, *words: str, timeout: float) -> TrialResult:
    """Try in a child process, which is ended if it has found nothing after `timeout` seconds."""
    try:
        child = subprocess.Popen(  # noqa: S603  (ourselves)
            [sys.executable, "-P", "-m", __name__, what, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=programs.child_environment(),
            **programs.detached(),
        )
    except OSError as error:
        return TrialResult({"failed": error.strerror or str(error)})
    found: list[bytes] = []
    ended = threading.Event()

    def follow() -> None:
        if child.stdout is not None:
            with child.stdout as lines:
                found.extend(lines.readline().splitlines())
                ended.set()  # it may go on: a test notification shows for some seconds
                lines.read()
        child.wait()

    threading.Thread(target=follow, name="mem0tray-trial", daemon=True).start()
    if not ended.wait(timeout):
        child.kill()
        display = f"the display {os.environ.get('DISPLAY', '')}"  # all else has its own limits
        return TrialResult(hung_at=display if what == "tray" else "the desktop")
    if not found:
        return TrialResult({"failed": "a library of the desktop crashed"})
    return TrialResult(json.loads(found[0]))


# In the child ---------------------------------------------------------------------------


def _write(**values: Any) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def _tray() -> None:
    from mem0tray.desktop import session

    bus, missing = session.connected()
    if bus is None:
        _write(missing=missing)
    else:
        _write(shown_by=session.shown_by(bus))


def _notification(language: str | None) -> None:
    from mem0tray.desktop import session
    from mem0tray.desktop.notify import notice_texts, plyer_backend

    test = None if language is None else notice_texts.test_notice(session.language(language))
    if sys.platform not in ("win32", "darwin") and not session.in_flatpak():
        _write(**_over_the_bus(test))
        return
    plyer = plyer_backend.PlyerBackend()
    tried: dict[str, Any] = {"name": plyer.name, "tells_failure": plyer.tells_failure}
    if test is not None:
        _note_failure(tried, lambda: plyer.show(test))
    _write(**tried)
    if sys.platform == "win32" and test is not None:
        from mem0tray.desktop.notify import windows

        windows.await_ends()


def _over_the_bus(test: "Notice | None") -> dict[str, Any]:
    """Ask what the daemon on the session bus says about itself."""
    from mem0tray.desktop import session
    from mem0tray.desktop.bus import SessionBus
    from mem0tray.desktop.notify.dbus import Daemon
    from mem0tray.desktop.tray.icon import notice_icon

    with SessionBus(session.bus_address()) as bus:
        daemon = Daemon(bus, notice_icon, patience=_PATIENCE)
        tried: dict[str, Any] = {"name": daemon.name, "tells_failure": True}
        _note_failure(tried, lambda: tried.update(daemon=daemon.about()))
        if test is not None and "failed" not in tried:
            _note_failure(tried, lambda: daemon.show(test))
    return tried


def _note_failure(tried: dict[str, Any], work: Callable[[], None]) -> None:
    """Do it, and note the reason if that fails."""
    from mem0tray.desktop import notify

    try:
        work()
    except Exception as error:  # noqa: BLE001  (any error of a desktop's library)
        tried["failed"] = notify.explained(error)
        tried["hangs"] = isinstance(error, notify.SilentDaemonError)


if __name__ == "__main__":
    if sys.argv[1] == "tray":
        _tray()
    else:
        _notification(sys.argv[2] if sys.argv[2:] else None)
