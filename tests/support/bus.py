"""A connection to a D-Bus session bus, for tests that are plain functions.

The connection lives on an event loop in a thread of its own. Calls block with
a time limit; what others send is handled there as it comes, and whoever waits
for something to change looks again after each message.
"""

import asyncio
import contextlib
import functools
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Self, TypeVar

from dbus_fast import Message, MessageType, RequestNameReply
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusError
from dbus_fast.unpack import unpack_variants

DBUS: Final = "org.freedesktop.DBus"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"
LIMIT: Final = 5.0  # seconds that one call may take
Handler = Callable[[Message], Message | bool | None]
Found = TypeVar("Found")
Result = TypeVar("Result")


class CallError(Exception):
    """A call was answered with an error, or not at all."""


class Bus:
    """One connection to the bus at `address`; everything is thread-safe."""

    def __init__(self, address: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._came = threading.Condition()
        self._count = 0  # messages from others so far
        self._handlers: list[Handler] = []
        try:
            self._connection = self._run(self._connect(address))
        except BaseException:
            self._end_loop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect; what was owned is given up."""
        if self._loop.is_closed():
            return
        try:
            self._run(self._disconnect())
        finally:
            self._end_loop()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LIMIT)
        self._loop.close()

    # Asking -----------------------------------------------------------------------

    def call(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: Sequence[Any] = (),
    ) -> list[Any]:
        """Call a method; the values of its answer, variants unpacked. Raises CallError."""
        message = Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
        )
        try:
            reply = self._run(self._connection.call(message))
        except TimeoutError as error:
            raise CallError(f"{destination} did not answer {member} within {LIMIT} s") from error
        if reply.message_type is MessageType.ERROR:
            raise CallError(f"{member}: {reply.error_name}: {reply.body}")
        return list(unpack_variants(reply.body))

    def properties(self, destination: str, path: str, interface: str) -> dict[str, Any]:
        return dict(self.call(destination, path, PROPERTIES, "GetAll", "s", [interface])[0])

    def has_owner(self, name: str) -> bool:
        return bool(self.call(DBUS, "/org/freedesktop/DBus", DBUS, "NameHasOwner", "s", [name])[0])

    # Being there for others ---------------------------------------------------------

    def listen(self, rule: str) -> None:
        """Receive what matches a rule, such as `type='signal',interface='...'`."""
        self.call(DBUS, "/org/freedesktop/DBus", DBUS, "AddMatch", "s", [rule])

    def handle(self, handler: Handler) -> None:
        """Give each call and signal to `handler`, on the connection's own thread.

        It returns an answer, or True for "mine, but not answered", or None for "not mine".
        """
        self._handlers.append(handler)

    def own(self, name: str) -> None:
        reply = self._run(self._connection.request_name(name))
        assert reply is RequestNameReply.PRIMARY_OWNER, f"{name}: {reply}"

    def emit(
        self, path: str, interface: str, member: str, signature: str = "", body: Sequence[Any] = ()
    ) -> None:
        message = Message.new_signal(path, interface, member, signature, list(body))
        self._run(self._send(message))

    def hand_out(self, message: Message) -> None:
        self._loop.call_soon_threadsafe(self._connection.send, message)

    # Waiting ------------------------------------------------------------------------

    def wait_for(
        self,
        look: Callable[[], Found | None],
        timeout: float = 10.0,
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

    async def _connect(self, address: str) -> MessageBus:
        connection = await MessageBus(bus_address=address).connect()
        connection.add_message_handler(self._receive)
        return connection

    async def _disconnect(self) -> None:
        self._connection.disconnect()
        with contextlib.suppress(DBusError, EOFError, OSError):  # the bus may be gone
            await self._connection.wait_for_disconnect()  # type: ignore[no-untyped-call] # theirs

    async def _send(self, message: Message) -> None:
        await self._connection.send(message)

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

    def _run(self, work: Awaitable[Result]) -> Result:
        async def limited() -> Result:
            return await asyncio.wait_for(work, LIMIT)

        return asyncio.run_coroutine_threadsafe(limited(), self._loop).result(LIMIT + 1)
