"""What this desktop shows, tried in a process of its own.

A display, a bus or a notification daemon may hang, and hang whoever asks it,
in a library's C code and beyond the reach of any time limit inside Python. A
process can be ended. It says before each step what it asks, so that the one
that hangs can be named, and at last what it found: a JSON object a line.

    python -m mem0tray.desktop.trial tray
    python -m mem0tray.desktop.trial notification [LANGUAGE]
"""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any, Final

from mem0tray.system import children

_ASKS: Final = "asks"


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What a trial found; `hung_at` names what did not answer in time, empty when all did."""

    values: dict[str, Any] = field(default_factory=dict)
    hung_at: str = ""

    def text(self, name: str) -> str:
        """A value that is text; empty when it was not found out."""
        return str(self.values.get(name) or "")


def run(what: str, *words: str, timeout: float) -> TrialResult:
    """Try in a child that is ended after `timeout` seconds."""
    command = [sys.executable, "-m", __name__, what, *words]
    try:
        done = subprocess.run(  # noqa: S603  (ourselves)
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=children.environment(),
            timeout=timeout,
            check=False,
            **children.apart(),
        )
    except subprocess.TimeoutExpired as error:
        *_, asked = [{_ASKS: "the desktop"}, *_lines(error.output)]
        return TrialResult(hung_at=asked.get(_ASKS, "the desktop"))
    except OSError as error:
        return TrialResult({"failed": error.strerror or str(error)})
    *_, last = [{}, *_lines(done.stdout)]
    if done.returncode or _ASKS in last:  # it crashed, as libraries of a desktop may
        return TrialResult(
            {"failed": f"{last.get(_ASKS, 'the desktop')} brought a library to its end"}
        )
    return TrialResult(last)


def _lines(said: bytes | None) -> list[dict[str, Any]]:
    """The whole lines of what a child has said so far."""
    *whole, _cut = (said or b"").split(b"\n")
    return [json.loads(line) for line in whole]


# In the child ---------------------------------------------------------------------------


def _say(**values: Any) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def _asks(what: str) -> None:
    _say(**{_ASKS: what})


def _tray() -> None:
    from mem0tray.desktop import session
    from mem0tray.desktop.tray import panel_check

    missing = session.missing(_asks)
    if missing:
        _say(missing=missing)
        return
    _asks("the panel")
    _say(shown_by=panel_check.shown_by())


def _notification(language: str | None) -> None:
    from mem0tray.desktop.notify import backends, notice_texts, sending
    from mem0tray.system import user_language

    plyer = backends.PlyerBackend()
    way = {"name": plyer.name, "tells_failure": plyer.way.tells_failure}
    try:
        _asks("the notification daemon")
        way["daemon"] = plyer.way.daemon_name()
        if language is not None:
            _asks("the notification daemon, for the test,")
            plyer.show(notice_texts.test_notice(user_language.chosen(language)))
    except Exception as error:  # noqa: BLE001  (whatever a desktop's library raises)
        way["failed"] = sending.said(error)
    _say(**way)


def main() -> None:
    """Try what the first argument names."""
    what, *rest = sys.argv[1:]
    if what == "tray":
        _tray()
    else:
        _notification(rest[0] if rest else None)


if __name__ == "__main__":
    main()
