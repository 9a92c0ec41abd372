"""A connection of its own to a D-Bus session bus, for tests that are plain functions."""

import functools
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Self, TypeVar

from dbus_fast import Message, MessageType

from mem0tray.desktop.bus import DBUS, DBUS_PATH, BusError, SessionBus
from tests.support.processes import PATIENCE

__all__ = ["DBUS", "PROPERTIES", "Bus", "BusError"]
PROPERTIES: Final = "org.freedesktop.DBus.Properties"
Handler = Callable[[Message], Message | bool | None]
Found = TypeVar("Found")


class Bus:
    """One connection to the bus at an address; everything is thread-safe."""

    def __init__(self, address: str) -> None:
        self._bus = SessionBus(address)
        self.close = self._bus.close
        self.hand_out = self._bus.send  # also from a handler
        self._came = threading.Condition()
        self._count = 0  # messages from others so far
        self._handlers: list[Handler] = []
        try:
            self._bus.connect()
            self._bus._run(self._attend(), PATIENCE)
            self.listen("type='signal',member='NameOwnerChanged',sender='org.freedesktop.DBus'")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: Sequence[Any] = (),
        timeout: float = PATIENCE,
    ) -> list[Any]:
        message = Message(destination, path, interface, member, signature=signature, body=[*body])
        return self._bus.call(message, timeout)

    def emit(
        self, path: str, interface: str, member: str, signature: str = "", body: Sequence[Any] = ()
    ) -> None:
        self.hand_out(Message.new_signal(path, interface, member, signature, [*body]))

    def properties(self, destination: str, path: str, interface: str) -> dict[str, Any]:
        return dict(self.call(destination, path, PROPERTIES, "GetAll", "s", [interface])[0])

    def has_owner(self, name: str) -> bool:
        return bool(self.call(DBUS, DBUS_PATH, DBUS, "NameHasOwner", "s", [name])[0])

    def listen(self, rule: str) -> None:
        """Receive what matches a rule, such as `type='signal',interface='...'`."""
        self.call(DBUS, DBUS_PATH, DBUS, "AddMatch", "s", [rule])

    def handle(self, handler: Handler) -> None:
        """Give each call and signal to `handler`, on the connection's own thread.

        It returns an answer, or True for "mine, but not answered", or None for "not mine".
        """
        self._handlers.append(handler)

    def own(self, name: str) -> None:
        reply = self.call(DBUS, DBUS_PATH, DBUS, "RequestName", "su", [name, 0])
        assert reply == [1], f"{name}: {reply}"

    def wait_for(
        self,
        look: Callable[[], Found | None],
        timeout: float = PATIENCE,
        what: str = "",
        *,
        explain: Callable[[], str] = str,
    ) -> Found:
        """Look until something true is found, again after each message; AssertionError if late."""
        deadline = time.monotonic() + timeout
        while True:
            seen = self._count
            if found := look():
                return found
            with self._came:
                left = deadline - time.monotonic()
                in_time = self._came.wait_for(functools.partial(self._is_past, seen), left)
            assert in_time, f"not within {timeout} s: {what}\n{explain()}"

    def _is_past(self, seen: int) -> bool:
        return self._count != seen

    # On the loop's thread -------------------------------------------------------------

    async def _attend(self) -> None:
        assert self._bus._connection is not None
        self._bus._connection.add_message_handler(self._receive)

    def _receive(self, message: Message) -> Message | bool | None:
        if message.message_type not in (MessageType.METHOD_CALL, MessageType.SIGNAL):
            return None
        answer: Message | bool | None = None
        for handler in self._handlers:
            answer = handler(message)
            if answer:
                break
        with self._came:
            self._count += 1
            self._came.notify_all()
        return answer
