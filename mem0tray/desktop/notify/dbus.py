"""The notification daemon of a Linux desktop; what it reports comes on the bus's thread."""

import os
import queue
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from dbus_fast import Message, Variant

from mem0tray.core.text import one_line
from mem0tray.desktop.bus import DBUS, PATIENCE, SIMILAR, UNANSWERED, BusError, Match, SessionBus
from mem0tray.desktop.notify import Notice, NotShownError, Offer, SilentDaemonError, Urgency, fitted
from mem0tray.desktop.session import TOKEN
from mem0tray.system.paths import APP

BUS_NAME: Final = "org.freedesktop.Notifications"
BUS_PATH: Final = "/org/freedesktop/Notifications"
_MILLISECONDS: Final = 10_000  # on the screen; critical ones stay
_FOR_EVER: Final = 0
_EARLY: Final = 64  # clicks, of other programs' notifications too
_NOBODY: Final = "org.freedesktop.DBus.Error.ServiceUnknown"
_ESCAPED: Final = str.maketrans({"<": "&lt;", ">": "&gt;", "&": "&amp;"})
Heard = Callable[[str], None]  # takes the key that was clicked, empty when it was closed


class Daemon:
    """Shows notices; `clicked` is called on the bus's thread. An answer gets `patience` seconds."""

    name = "the session bus"

    def __init__(
        self,
        bus: SessionBus,
        icon: Callable[[str], Path],
        clicked: Callable[[Offer], None] = lambda _: None,
        patience: float = PATIENCE,
    ) -> None:
        self._bus = bus
        self._icon = icon
        self._clicked = clicked
        self._patience = patience
        self._guard = threading.Lock()  # guards the notifications that may still be there
        self._shown: dict[int, tuple[str, Heard]] = {}  # kind and listener, by number
        self._early: deque[tuple[int, str]] = deque(maxlen=_EARLY)  # what came before the number
        bus.subscribe(_signal("ActionInvoked"), lambda values: self._happened(*values))
        bus.subscribe(_signal("NotificationClosed"), lambda values: self._happened(values[0]))
        bus.subscribe(_signal("ActivationToken"), self._take_token)
        owner = Match(DBUS, "NameOwnerChanged", sender=DBUS, first=BUS_NAME)
        bus.subscribe(owner, lambda _: self._forget())
        bus.on_lost(self._forget)

    def show(self, notice: Notice) -> None:
        """Show it. Raises NotShownError without a bus, or where nothing shows it."""
        offers = {offer.value: label for offer, label in notice.actions}
        clicked = lambda key: self._clicked(Offer(key)) if key in offers else None  # noqa: E731
        self._show(notice, list(offers.items()), clicked)

    def ask(self, notice: Notice, answers: list[tuple[str, str]], patience: float) -> str:
        """Show a notice with these buttons (key and label); return the answer's key, or nothing."""
        if "actions" not in self._ask("GetCapabilities")[0]:
            raise NotShownError("it shows no buttons")
        heard: queue.SimpleQueue[str] = queue.SimpleQueue()
        number = self._show(notice, answers, heard.put)
        try:
            return heard.get(timeout=patience)
        except queue.Empty:
            self._close(number)
            return ""

    def withdraw(self, kind: str) -> None:
        for number in self._of_kind(kind):
            self._close(number)

    def about(self) -> str:
        """Name and version of the daemon, which the bus may start; errors as in `show`."""
        name, _vendor, version, *_spec = self._ask("GetServerInformation")
        return one_line(f"{name} {version}", 60)

    def _show(self, notice: Notice, actions: list[tuple[str, str]], heard: Heard) -> int:
        (able,) = self._ask("GetCapabilities")
        title, body = fitted(notice)
        # dunst may say that it renders no markup, but do so.
        body = body.translate(_ESCAPED if "body-markup" in able else SIMILAR)
        words = [word for action in actions for word in action] if "actions" in able else []
        hints = {"desktop-entry": Variant("s", APP), "urgency": Variant("y", int(notice.urgency))}
        ends = _FOR_EVER if notice.urgency is Urgency.CRITICAL else _MILLISECONDS
        replaces = self._of_kind(notice.kind)[-1:] or [0]
        icon = str(self._icon(notice.base))
        values = [APP, *replaces, icon, title, body, words, hints, ends]
        (number,) = self._ask("Notify", "susssasa{sv}i", values)
        with self._guard:
            early = [key for each, key in self._early if each == number]
            if not early:
                self._shown[number] = notice.kind, heard
        if early:
            heard(early[0])
        return int(number)

    def _of_kind(self, kind: str) -> list[int]:
        with self._guard:
            return [number for number, (each, _) in self._shown.items() if kind and each == kind]

    def _close(self, number: int) -> None:
        with self._guard:
            self._shown.pop(number, None)
        self._bus.send(_message("CloseNotification", "u", [number], flags=UNANSWERED))

    def _ask(self, member: str, signature: str = "", values: list[Any] | None = None) -> list[Any]:
        try:
            self._bus.connect()
        except BusError as error:
            raise NotShownError(error.message) from error
        try:
            return self._bus.call(_message(member, signature, values), self._patience)
        except BusError as error:
            if not error.name:
                raise SilentDaemonError("the notification daemon does not answer") from error
            if error.name == _NOBODY:
                nobody = f"no program shows notifications here ({BUS_NAME})"
                raise NotShownError(nobody) from error
            raise NotShownError(f"{error.name}: {error.message}") from error

    # On the thread of the bus -----------------------------------------------------------------

    def _happened(self, number: int, key: str = "") -> None:
        """A notification was clicked, or closed (no key): perhaps another program's."""
        with self._guard:
            _, heard = self._shown.pop(number, ("", None))
            if heard is None:
                self._early.append((number, key))
        if heard is not None:
            if key:
                self._close(number)  # LXQt leaves it on the screen
            heard(key)

    def _take_token(self, values: list[Any]) -> None:
        """Keep the token by which a click's window may come to the front, for programs we start."""
        number, token = values
        with self._guard:
            ours = number in self._shown
        if ours:
            os.environ[TOKEN] = str(token)

    def _forget(self) -> None:
        with self._guard:
            gone, self._shown = list(self._shown.values()), {}
            self._early.clear()
        for _, heard in gone:
            heard("")


def _signal(member: str) -> Match:
    return Match(BUS_NAME, member, sender=BUS_NAME, path=BUS_PATH)


def _message(member: str, signature: str, values: list[Any] | None, **options: Any) -> Message:
    what = (BUS_NAME, BUS_PATH, BUS_NAME, member)
    return Message(*what, signature=signature, body=values or [], **options)
