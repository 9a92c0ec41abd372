"""What `doctor` says of notifications: the way that they go, and a test that goes it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from mem0tray.cli.check import OK, WARN, Check
from mem0tray.settings import Loaded

if TYPE_CHECKING:
    from mem0tray.desktop.backends import PlyerBackend

_NAME: Final = "notifications"
_TIMEOUT: Final = 5.0
_OTHERWISE: Final = "Until then the tray icon shows them where it can; the log tells of all."


def notifications(loaded: Loaded, *, send: bool) -> Iterable[Check]:
    """Which way notifications go; with `send` one is shown."""
    from mem0tray.desktop import backends

    if loaded.settings.notifications.level == "none":
        yield Check(_NAME, OK, "They are switched off by notifications.level.")
        return
    plyer = backends.PlyerBackend()
    if plyer.way.missing == backends.NO_DESKTOP:
        yield Check(_NAME, OK, "There is no desktop here; the log says what happens.")
    elif plyer.way.missing:
        yield Check(_NAME, WARN, f"None can be sent: {plyer.way.missing}.", _OTHERWISE)
    else:
        yield _tried(loaded, plyer, send=send)


def _tried(loaded: Loaded, plyer: "PlyerBackend", *, send: bool) -> Check:
    from mem0tray import language
    from mem0tray.desktop import notice_texts, sending

    try:
        daemon = sending.within(plyer.way.daemon_name, _TIMEOUT)
    except Exception as error:  # noqa: BLE001  (whatever a desktop's library raises)
        return _failed(plyer.name, sending.said(error))
    way = f"They go through {plyer.name}" + (f" to {daemon}" if daemon else "")
    if not send:
        return Check(_NAME, OK, f"{way}.")
    words = language.chosen(loaded.settings.ui.language)
    outcome = sending.Sender([plyer], _TIMEOUT).send(notice_texts.test_notice(words))
    if not outcome.way:
        return _failed(plyer.name, outcome.reason)
    if not plyer.way.tells_failure:
        return Check(_NAME, OK, f"{way}, which never tells of a failure. Is a test on the screen?")
    return Check(_NAME, OK, f"{way}. A test is on the screen.")


def _failed(way: str, reason: str) -> Check:
    return Check(
        _NAME,
        WARN,
        f"None can be shown through {way}: {reason.rstrip('.')}.",
        f"Start a notification daemon. {_OTHERWISE}",
    )
