"""What this desktop shows, tried in a process of its own.

A display, a bus or a notification daemon may hang, together with any program that asks it, in a
library's C code, beyond the reach of any time limit inside Python. But a process can be ended. It
writes a JSON object a line: before each step what it asks, so that the one that hangs can be
named, and finally what it found.

    python -m mem0tray.desktop.trial tray
    python -m mem0tray.desktop.trial notification [LANGUAGE]
"""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from mem0tray.system import programs

if TYPE_CHECKING:
    from mem0tray.desktop.notify.notice import Notice

_PATIENCE: Final = 3.0  # seconds for each answer of a notification daemon
_ASKS: Final = "asks"


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What a trial found; `hung_at` names what did not answer in time, empty if everything did."""

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
    found: list[dict[str, Any]] = [{_ASKS: "the desktop"}]
    ended = threading.Event()

    def follow() -> None:
        with child.stdout or () as lines:  # type: ignore[union-attr]  # it is a pipe
            for line in lines:
                found.append(json.loads(line))
                if _ASKS not in found[-1]:
                    ended.set()  # it may go on: a test notification shows for some seconds
        child.wait()
        ended.set()

    threading.Thread(target=follow, name="mem0tray-trial", daemon=True).start()
    in_time, last = ended.wait(timeout), found[-1]
    if _ASKS not in last:
        return TrialResult(last)
    if in_time:  # it crashed, as desktop libraries may
        return TrialResult({"failed": f"{last[_ASKS]} brought a library to its end"})
    child.kill()
    return TrialResult(hung_at=last[_ASKS])


# In the child ---------------------------------------------------------------------------


def _write(**values: Any) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def _asks(what: str) -> None:
    _write(**{_ASKS: what})


def _tray() -> None:
    from mem0tray.desktop import session

    bus, missing = session.connected(_asks)
    if bus is None:
        _write(missing=missing)
    else:
        _write(shown_by=session.shown_by(bus, _asks))


def _notification(language: str | None) -> None:
    from mem0tray.desktop import session
    from mem0tray.desktop.notify import notice_texts, plyer_backend
    from mem0tray.system import user_language

    test = None if language is None else notice_texts.test_notice(user_language.chosen(language))
    if sys.platform not in ("win32", "darwin") and not session.in_flatpak():
        _write(**_over_the_bus(test))
        return
    plyer = plyer_backend.PlyerBackend()
    tried: dict[str, Any] = {"name": plyer.name, "tells_failure": plyer.tells_failure}
    if test is not None:
        _note_failure(tried, "the notification daemon, for the test,", lambda: plyer.show(test))
    _write(**tried)
    if sys.platform == "win32" and test is not None:
        from mem0tray.desktop.notify import windows

        windows.await_ends()


def _over_the_bus(test: "Notice | None") -> dict[str, Any]:
    """What the daemon on the session bus says about itself."""
    from mem0tray.desktop import session
    from mem0tray.desktop.bus import SessionBus
    from mem0tray.desktop.notify.dbus import Daemon
    from mem0tray.desktop.tray.icon import notice_icon

    with SessionBus(session.bus_address()) as bus:
        daemon = Daemon(bus, notice_icon, patience=_PATIENCE)
        tried: dict[str, Any] = {"name": daemon.name, "tells_failure": True}
        _note_failure(tried, "the notification daemon", lambda: tried.update(daemon=daemon.about()))
        if test is not None and "failed" not in tried:
            what = "the notification daemon, for the test,"
            _note_failure(tried, what, lambda: daemon.show(test))
    return tried


def _note_failure(tried: dict[str, Any], what: str, work: Callable[[], None]) -> None:
    """Do it, and note the reason if that fails."""
    from mem0tray.desktop.notify import notice

    _asks(what)
    try:
        work()
    except Exception as error:  # noqa: BLE001  (any error of a desktop's library)
        tried["failed"] = notice.explained(error)
        tried["hangs"] = isinstance(error, notice.SilentDaemonError)


if __name__ == "__main__":
    if sys.argv[1] == "tray":
        _tray()
    else:
        _notification(sys.argv[2] if sys.argv[2:] else None)
