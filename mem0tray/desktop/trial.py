"""What this desktop shows, tried in a process of its own.

A display, a bus or a notification daemon may hang, together with any program that asks it, in a
library's C code, beyond the reach of any time limit inside Python. But a process can be ended. It
says before each step what it asks, so that the one that hangs can be named, and finally what it
found: a JSON object a line.

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
    command = [sys.executable, "-P", "-m", __name__, what, *words]
    try:
        child = subprocess.Popen(  # noqa: S603  (ourselves)
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=programs.child_environment(),
            **programs.detached(),
        )
    except OSError as error:
        return TrialResult({"failed": error.strerror or str(error)})
    said: list[dict[str, Any]] = [{}]
    told = threading.Event()
    threading.Thread(
        target=_follow, args=(child, said, told), name="mem0tray-trial", daemon=True
    ).start()
    in_time, last = told.wait(timeout), said[-1]
    if last and _ASKS not in last:
        return TrialResult(last)
    asked = last.get(_ASKS, "the desktop")
    if in_time:  # it crashed, as desktop libraries may
        return TrialResult({"failed": f"{asked} brought a library to its end"})
    child.kill()
    return TrialResult(hung_at=asked)


def _follow(
    child: "subprocess.Popen[bytes]", said: list[dict[str, Any]], told: threading.Event
) -> None:
    """Collect what a child says; `told` is set once it has a result, or has ended.

    It may go on from there: a test notification is on the screen for some seconds.
    """
    if child.stdout is not None:
        with child.stdout as lines:
            for line in lines:
                said.append(json.loads(line))
                if _ASKS not in said[-1]:
                    told.set()
    child.wait()
    told.set()


# In the child ---------------------------------------------------------------------------


def _say(**values: Any) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def _asks(what: str) -> None:
    _say(**{_ASKS: what})


def _tray() -> None:
    from mem0tray.desktop import session
    from mem0tray.desktop.tray import panel_check

    bus, missing = session.connected(_asks)
    if bus is None:
        _say(missing=missing)
    else:
        _say(shown_by=panel_check.shown_by(bus, _asks))


def _notification(language: str | None) -> None:
    from mem0tray.desktop.notify import backends, notice_texts
    from mem0tray.system import user_language

    test = None if language is None else notice_texts.test_notice(user_language.chosen(language))
    plyer = backends.PlyerBackend()
    tried: dict[str, Any] = {}
    if sys.platform not in ("win32", "darwin") and not backends.in_flatpak():
        tried = _over_the_bus(test)
    if not tried:
        tried = {"name": plyer.name, "tells_failure": plyer.tells_failure}
        if test is not None:
            _asks("the notification daemon, for the test,")
            _note_failure(tried, lambda: plyer.show(test))
    _say(**tried)
    if sys.platform == "win32" and test is not None:
        from mem0tray.desktop.notify import windows_balloon

        windows_balloon.await_ends()


def _over_the_bus(test: "Notice | None") -> dict[str, Any]:
    """What the daemon on the session bus says about itself."""
    from mem0tray.desktop.bus.session_bus import SessionBus
    from mem0tray.desktop.notify.daemon import Daemon
    from mem0tray.desktop.tray.icon import notice_icon

    with SessionBus() as bus:
        daemon = Daemon(bus, notice_icon, patience=_PATIENCE)
        tried: dict[str, Any] = {"name": daemon.name, "tells_failure": True}
        _asks("the notification daemon")
        _note_failure(tried, lambda: tried.update(daemon=daemon.about()))
        if test is not None and "failed" not in tried:
            _asks("the notification daemon, for the test,")
            _note_failure(tried, lambda: daemon.show(test))
    return tried


def _note_failure(tried: dict[str, Any], work: Callable[[], None]) -> None:
    """Do it, and note the reason if that fails."""
    from mem0tray.desktop.notify import backends, sending

    try:
        work()
    except Exception as error:  # noqa: BLE001  (any error of a desktop's library)
        tried["failed"] = sending.said(error)
        tried["hangs"] = isinstance(error, backends.SilentDaemonError)


def main() -> None:
    """Try what the first argument names."""
    what, *rest = sys.argv[1:]
    if what == "tray":
        _tray()
    else:
        _notification(rest[0] if rest else None)


if __name__ == "__main__":
    main()
