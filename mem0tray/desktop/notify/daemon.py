"""The notification daemon of a Linux desktop, over the session bus.

The threads that show notices ask it; what it reports (a click, a notification that
was closed) comes on the bus's thread. Each call is given up after a few seconds. A
daemon that ends takes its notifications along: the next one numbers them anew.
"""

import os
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dbus_fast import Variant

from mem0tray.core.text import one_line
from mem0tray.desktop.bus import DBUS, BusError, Match
from mem0tray.desktop.bus.session_bus import PATIENCE, SessionBus
from mem0tray.desktop.notify.backends import (
    BUS_NAME,
    BUS_PATH,
    NotShownError,
    SilentDaemonError,
)
from mem0tray.desktop.notify.notice import (
    Notice,
    NoticeAction,
    Offer,
    Urgency,
    escaped,
    fitted,
    plain,
)
from mem0tray.system.paths import APP

_MILLISECONDS: Final = 10_000  # on the screen; critical ones stay
_FOR_EVER: Final = 0
_REMEMBERED: Final = 64  # notifications: a daemon may never tell of their end
_TOKEN: Final = "XDG_ACTIVATION_TOKEN"  # noqa: S105  (the name of a variable)
_NOBODY: Final = ("org.freedesktop.DBus.Error.ServiceUnknown",)
Heard = Callable[[str], None]  # gets the key that was clicked, empty when it was closed


@dataclass(slots=True)
class _Shown:
    """A notification that may still be there."""

    kind: str
    heard: Heard


class Daemon:
    """Shows notices on the desktop, and calls `clicked` with what a click asks for.

    `icon` gives the file for the base of a notice. `clicked` is called on the bus's thread,
    and must return at once. The daemon gets `patience` seconds for each answer.
    """

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
        self._guard = threading.Lock()  # guards all fields below
        self._shown: dict[int, _Shown] = {}
        self._asking = 0  # notifications whose number is not known yet
        self._early: list[tuple[int, str]] = []  # clicks that came before the number
        bus.subscribe(_signal("ActionInvoked"), self._invoked)
        bus.subscribe(_signal("NotificationClosed"), self._closed)
        bus.subscribe(_signal("ActivationToken"), self._token)
        owner = Match(DBUS, "NameOwnerChanged", sender=DBUS, first=BUS_NAME)
        bus.subscribe(owner, lambda _: self._forget())
        bus.on_lost(self._forget)

    def show(self, notice: Notice) -> None:
        """Show it; NotShownError without a bus, NotShownError where nothing shows it."""
        offers = {each.offer.value: each.offer for each in _actions(notice)}

        def heard(key: str) -> None:
            if key in offers:
                self._clicked(offers[key])

        self._show(notice, [(each.offer.value, each.label) for each in _actions(notice)], heard)

    def ask(self, notice: Notice, answers: list[tuple[str, str]], patience: float) -> str:
        """Show a notice with these buttons (key and label), and wait for the answer's key.

        Empty when it was closed, or after `patience` seconds; errors as in `show`, and
        NotShownError where the daemon shows no buttons.
        """
        if "actions" not in self._capabilities():
            raise NotShownError("it shows no buttons")
        heard: queue.SimpleQueue[str] = queue.SimpleQueue()
        number = self._show(notice, answers, heard.put)
        try:
            return heard.get(timeout=patience)
        except queue.Empty:
            self._close(number)
            return ""

    def withdraw(self, kind: str) -> None:
        """Remove the notice of that kind, if it is still there."""
        with self._guard:
            numbers = [number for number, shown in self._shown.items() if shown.kind == kind]
        for number in numbers:
            self._close(number)

    def about(self) -> str:
        """Name and version of the daemon, which the bus may start; errors as in `show`."""
        name, _vendor, version, *_spec = self._ask("GetServerInformation")
        return one_line(f"{name} {version}", 60)

    # Asking -------------------------------------------------------------------------------

    def _show(self, notice: Notice, actions: list[tuple[str, str]], heard: Heard) -> int:
        able = self._capabilities()
        title, body = fitted(notice)
        # dunst may say that it renders no markup, but do so.
        body = escaped(body) if "body-markup" in able else plain(body)
        words = [word for action in actions for word in action] if "actions" in able else []
        hints = {"desktop-entry": Variant("s", APP), "urgency": Variant("y", int(notice.urgency))}
        if notice.category:
            hints["category"] = Variant("s", notice.category)
        ends = _FOR_EVER if notice.urgency is Urgency.CRITICAL else _MILLISECONDS
        icon, replaces = str(self._icon(notice.base)), self._begin(notice.kind)
        number: int = 0
        try:
            values = [APP, replaces, icon, title, body, words, hints, ends]
            (number,) = self._bus.call(
                BUS_NAME, BUS_PATH, BUS_NAME, "Notify", "susssasa{sv}i", values, self._patience
            )
        except BusError as error:
            raise _refusal(error) from error
        finally:
            early = self._end(number, _Shown(notice.kind, heard))
        for key in early:
            heard(key)
        return number

    def _begin(self, kind: str) -> int:
        """Note that a number is awaited; return the number that the notice may replace."""
        with self._guard:
            self._asking += 1
            same = [number for number, shown in self._shown.items() if kind and shown.kind == kind]
            return same[-1] if same else 0

    def _end(self, number: int, shown: _Shown) -> list[str]:
        """Note the number that came (0: none); return the clicks that came before it."""
        with self._guard:
            self._asking -= 1
            early = [key for each, key in self._early if each == number]
            if not self._asking:
                self._early.clear()
            if number and not early:
                self._shown.pop(number, None)
                self._shown[number] = shown
                for oldest in list(self._shown)[:-_REMEMBERED]:
                    del self._shown[oldest]
            return early[:1]

    def _close(self, number: int) -> None:
        with self._guard:
            self._shown.pop(number, None)
        self._bus.tell(BUS_NAME, BUS_PATH, BUS_NAME, "CloseNotification", "u", [number])

    def _capabilities(self) -> list[str]:
        return list(self._ask("GetCapabilities")[0])

    def _ask(self, member: str) -> list[Any]:
        try:
            self._bus.connect()
        except BusError as error:
            raise NotShownError(error.message) from error
        try:
            return self._bus.call(BUS_NAME, BUS_PATH, BUS_NAME, member)
        except BusError as error:
            raise _refusal(error) from error

    # On the thread of the bus -----------------------------------------------------------------

    def _invoked(self, values: list[Any]) -> None:
        with suppress(ValueError):
            number, key = values
            self._tell(number, key)

    def _closed(self, values: list[Any]) -> None:
        self._tell(values[0], "")

    def _tell(self, number: int, key: str) -> None:
        with self._guard:
            shown = self._shown.pop(number, None)
            if shown is None and self._asking:
                self._early.append((number, key))
        if shown is not None:
            shown.heard(key)

    def _token(self, values: list[Any]) -> None:
        """Keep the token by which a click's window may come to the front, for programs we start."""
        number, token = values
        with self._guard:
            ours = number in self._shown
        if ours:
            os.environ[_TOKEN] = str(token)

    def _forget(self) -> None:
        with self._guard:
            gone, self._shown = list(self._shown.values()), {}
        for each in gone:
            each.heard("")


def _signal(member: str) -> Match:
    return Match(BUS_NAME, member, sender=BUS_NAME, path=BUS_PATH)


def _actions(notice: Notice) -> tuple[NoticeAction, ...]:
    """The click on the notice itself, and the buttons."""
    return (*([notice.clicked] if notice.clicked else []), *notice.buttons)


def _refusal(error: BusError) -> NotShownError:
    """Why a notification is not shown, in words for the log and `doctor`."""
    if not error.name:
        return SilentDaemonError("the notification daemon does not answer")
    if error.name in _NOBODY:
        return NotShownError(f"no program shows notifications here ({BUS_NAME})")
    return NotShownError(f"{error.name}: {error.message}")
