"""A trial of what this desktop shows, for `doctor`. What hangs is left behind on its thread."""

import atexit
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from mem0tray.desktop import notify, session
from mem0tray.desktop.notify import NoticeBackend, SilentDaemonError, notice_texts, plyer_backend
from mem0tray.system.threads import HangsError, within

Found = dict[str, Any]
_PATIENCE: Final = 3.0  # seconds for each answer of a notification daemon


def tray(timeout: float) -> Found:
    """Return `shown_by`, or `missing`; or after so many seconds `hung_at`."""
    display = f"the display {os.environ.get('DISPLAY', '')}"  # the bus has its own limits
    return _limited(_tray, timeout, display)


def notification(language: str | None, timeout: float) -> Found:
    """Try a notification, in a language one is shown; return `name`, `failed` and the like."""
    return _limited(lambda: _notification(language), timeout, "the desktop")


def _limited(work: Callable[[], Found], timeout: float, place: str) -> Found:
    try:
        return within(work, timeout)
    except HangsError:
        return {"hung_at": place}
    except Exception as error:  # noqa: BLE001  (any error of a desktop's library)
        return {"failed": notify.explained(error)}


def _tray() -> Found:
    bus, missing = session.connected()
    if bus is None:
        return {"missing": missing}
    with bus:
        return {"shown_by": session.shown_by(bus)}


def _notification(language: str | None) -> Found:
    test = None if language is None else notice_texts.test_notice(session.language(language))
    if sys.platform in ("win32", "darwin") or session.in_flatpak():
        plyer = plyer_backend.PlyerBackend()
        atexit.register(plyer_backend.await_ends)
        show = partial(plyer.show, test) if test is not None else lambda: None
        return _tried(plyer, show, tells_failure=plyer.tells_failure)
    from mem0tray.desktop.bus import SessionBus
    from mem0tray.desktop.notify.dbus import Daemon
    from mem0tray.desktop.tray.icon import notice_icon

    with SessionBus(session.bus_address()) as bus:
        daemon = Daemon(bus, notice_icon, patience=_PATIENCE)
        about: list[str] = []

        def ask() -> None:
            about.append(daemon.about())
            if test is not None:
                daemon.show(test)

        return _tried(daemon, ask, tells_failure=True) | {"daemon": "".join(about)}


def _tried(backend: NoticeBackend, work: Callable[[], object], *, tells_failure: bool) -> Found:
    found: Found = {"name": backend.name, "tells_failure": tells_failure}
    try:
        work()
    except Exception as error:  # noqa: BLE001  (any error of a desktop's library)
        found |= {"failed": notify.explained(error), "hangs": isinstance(error, SilentDaemonError)}
    return found
