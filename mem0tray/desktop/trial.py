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
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from mem0tray.system import programs

if TYPE_CHECKING:
    from mem0tray.desktop.notify import Notice

_PATIENCE: Final = 3.0  # seconds for each answer of a notification daemon


def run(what: str, *words: str, timeout: float) -> dict[str, Any]:
    """Try in a child process, and return what it found.

    It is ended after `timeout` seconds; then `hung_at` names what did not answer.
    """
    try:
        done = subprocess.run(  # noqa: S603  (ourselves)
            [sys.executable, "-P", "-m", __name__, what, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=programs.child_environment(),
            timeout=timeout,
            check=False,
            **programs.detached(),
        )
    except subprocess.TimeoutExpired:
        display = f"the display {os.environ.get('DISPLAY', '')}"  # all else has its own limits
        return {"hung_at": display if what == "tray" else "the desktop"}
    except OSError as error:
        return {"failed": error.strerror or str(error)}
    if not done.stdout:
        return {"failed": "a library of the desktop crashed"}
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# In the child ---------------------------------------------------------------------------


def _write(**values: Any) -> None:
    sys.stdout.write(json.dumps(values))


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
