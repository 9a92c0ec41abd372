"""A notification daemon that keeps what it is asked to show, for tests."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from dbus_fast import Message, MessageType
from dbus_fast.unpack import unpack_variants

from tests.support.bus import Bus
from tests.support.processes import PATIENCE

NAME: Final = "org.freedesktop.Notifications"
PATH: Final = "/org/freedesktop/Notifications"
Mode = Literal["ok", "hang", "deaf", "error"]
CAPABILITIES: Final = ("body", "body-markup", "actions", "icon-static")


@dataclass(frozen=True)
class Notification:
    """What a program wanted to be shown; `timeout` in milliseconds, -1 as the daemon likes."""

    id: int
    app: str
    icon: str
    title: str
    body: str
    actions: tuple[str, ...]
    hints: dict[str, Any]
    timeout: int
    replaces: int


class NotificationDaemon:
    """The daemon of a bus.

    `mode` may be turned at any moment: ok, hang (takes notifications and does
    not answer), deaf (answers nothing), error. `click` is the button that is
    clicked at once.
    """

    def __init__(
        self,
        address: str,
        mode: Mode = "ok",
        capabilities: tuple[str, ...] = CAPABILITIES,
        click: str = "",
    ) -> None:
        self.mode = mode
        self.click = click
        self.received: list[Notification] = []  # in every mode: what has arrived
        self.closed: list[int] = []
        self._capabilities = capabilities
        self._last = 0
        self._held: list[Message] = []  # answers that nobody has got
        self._bus = Bus(address)
        self._bus.handle(self._receive)
        self._bus.own(NAME)

    def close(self) -> None:
        self._bus.close()

    def wait(
        self, wanted: Callable[[Notification], bool] = lambda _: True, timeout: float = PATIENCE
    ) -> Notification:
        return self._bus.wait_for(
            lambda: next(filter(wanted, list(self.received)), None),
            timeout,
            "a notification",
            explain=lambda: f"there are: {self.received}",
        )

    def act(self, notification: Notification, action: str = "default") -> None:
        """Click on a notification, or on one of its buttons; it closes."""
        self._bus.emit(PATH, NAME, "ActionInvoked", "us", [notification.id, action])
        self._bus.emit(PATH, NAME, "NotificationClosed", "uu", [notification.id, 2])

    def answer(self) -> None:
        self.mode = "ok"
        while self._held:
            self._bus.hand_out(self._held.pop(0))

    # On the connection's thread -----------------------------------------------------

    def _receive(self, message: Message) -> Message | bool | None:
        if message.message_type is not MessageType.METHOD_CALL or message.path != PATH:
            return None
        answer = self._answer(message)
        silent = self.mode == "deaf" or (self.mode == "hang" and message.member == "Notify")
        if answer is None or not silent:
            return answer
        self._held.append(answer)
        return True

    def _answer(self, message: Message) -> Message | None:
        match message.member:
            case "GetCapabilities":
                return Message.new_method_return(message, "as", [list(self._capabilities)])
            case "GetServerInformation":
                about = ["lab", "mem0tray", "1", "1.2"]
                return Message.new_method_return(message, "ssss", about)
            case "CloseNotification":
                self.closed.append(int(message.body[0]))
                return Message.new_method_return(message)
            case "Notify":
                return self._notify(message)
        return None

    def _notify(self, message: Message) -> Message:
        app, replaces, icon, title, body, actions, hints, timeout = unpack_variants(message.body)
        self._last += 1
        number = replaces or self._last
        self.received.append(
            Notification(number, app, icon, title, body, tuple(actions), hints, timeout, replaces)
        )
        if self.click:
            # To the sender alone, as some daemons do; of a notification of others first.
            for each in (number + 1, number):
                self._click(message, each)
        if self.mode == "error":
            return Message.new_error(message, "org.example.Refused", "not now")
        return Message.new_method_return(message, "u", [number])

    def _click(self, message: Message, number: int) -> None:
        clicked = Message.new_signal(PATH, NAME, "ActionInvoked", "us", [number, self.click])
        clicked.destination = message.sender
        self._bus.hand_out(clicked)
