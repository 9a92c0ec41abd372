"""The session bus (D-Bus, Linux): one connection of this process, on a thread of its own.

What is called on that thread, `mem0tray-bus`, returns at once, and never uses `call`.
"""

import asyncio
import contextlib
import inspect
import logging
import os
import socket
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Self, TypeVar

from dbus_fast import Message, MessageFlag, MessageType, PropertyAccess, service
from dbus_fast.aio import MessageBus
from dbus_fast.errors import AuthError, DBusError, InvalidAddressError, InvalidMessageError
from dbus_fast.service import ServiceInterface
from dbus_fast.unpack import unpack_variants

from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason

DBUS: Final = "org.freedesktop.DBus"
DBUS_PATH: Final = "/org/freedesktop/DBus"
PATIENCE: Final = 5.0  # seconds for a connection, or an answer
# For a call of a program that already runs, and whose answer nobody awaits.
UNANSWERED: Final = MessageFlag.NO_REPLY_EXPECTED | MessageFlag.NO_AUTOSTART
# Some panels and daemons take a text for markup: these look similar, and mean nothing.
SIMILAR: Final = str.maketrans({"<": "‹", ">": "›", "&": "＆"})
_PAUSE: Final = 0.25  # seconds until a bus that has ended is tried again
AWAY: Final = 10.0  # seconds without a bus after which the session is over
_LEAVING: Final = 1.0  # seconds for the end of a connection, which closes its socket
_log: Final = logging.getLogger(__name__)
_SILENT: Final = Reason("The session's D-Bus does not answer.")
_ENDED: Final = Reason("The session's D-Bus has ended.")
# What dbus_fast raises while a connection is made or ends; up to version 2 without a base.
_OF_LIBRARY: Final = (AuthError, DBusError, InvalidAddressError, InvalidMessageError)
_FAULTS: Final = (EOFError, OSError, *_OF_LIBRARY)
_Found = TypeVar("_Found")
Heard = Callable[[list[Any]], object]  # takes the signal's arguments, variants unpacked


class BusError(Mem0TrayError):
    """There is no bus, or no answer; or one with an error of this D-Bus `name`."""

    def __init__(self, message: Reason, *, name: str = "") -> None:
        super().__init__(message)
        self.name = name


@dataclass(frozen=True, slots=True)
class Match:
    """A kind of signal; an empty field matches anything. `first` is the first argument."""

    interface: str
    member: str
    sender: str = ""
    path: str = ""
    first: str = ""

    def rule(self) -> str:
        parts = {"sender": self.sender, "path": self.path, "arg0": self.first}
        wanted = "".join(f",{name}='{value}'" for name, value in parts.items() if value)
        return f"type='signal',interface='{self.interface}',member='{self.member}'{wanted}"

    def fits(self, message: Message) -> bool:
        """Return whether a signal matches: the bus sends what any of our rules names."""
        return (
            (message.interface, message.member) == (self.interface, self.member)
            and self.path in ("", message.path)
            and (self.sender != DBUS or message.sender == DBUS)
            and self.first in ("", *message.body[:1])
        )


def constant(name: str, signature: str, read: Callable[[Any], object]) -> property:
    """Make a property of an exported interface, which others may only read."""

    def getter(interface: Any) -> object:
        return read(interface)

    getter.__name__ = name
    getter.__annotations__["return"] = signature
    return service.dbus_property(access=PropertyAccess.READ, name=name)(getter)


def method(*takes: str, gives: str = "") -> Callable[[Callable[..., object]], Callable[..., None]]:
    """Make a method of an exported interface, which takes and gives values of these types.

    The types of D-Bus stand in no annotation: up to version 3 dbus_fast wants them there alone.
    """

    def made(called: Callable[..., object]) -> Callable[..., None]:
        _, *names = inspect.signature(called).parameters
        called.__annotations__ = dict(zip(names, takes, strict=True)) | {"return": gives}
        return service.method()(called)

    return made


class SessionBus:
    """The connection to the bus at `address`. The first call makes it; `close` ends it."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._guard = threading.Lock()  # guards `_closed`: nothing reaches a loop that has ended
        self._closed = False
        # All below is touched only on the bus's thread.
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(_log_failure)
        self._connecting = asyncio.Lock()
        self._connection: MessageBus | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._kept: list[Callable[[MessageBus], object]] = []  # what each connection begins with
        self._heard: list[tuple[Match, Heard]] = []
        self._when_connected: list[Callable[[], object]] = []
        self._when_lost: list[Callable[[], object]] = []
        self._when_ended: list[Callable[[], object]] = []
        self._thread = threading.Thread(target=self._serve, name="mem0tray-bus", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self) -> None:
        """Connect, unless connected. Raises BusError, after `PATIENCE` seconds at most."""
        self._run(self._reach(), PATIENCE)

    def call(self, message: Message, timeout: float = PATIENCE) -> list[Any]:
        """Call a method, and return the values of its answer, variants unpacked.

        Raises BusError, and ValueError for a text that the bus cannot carry (NUL, lone surrogates).
        """
        if any(isinstance(each, str) and "\0" in each for each in message.body):
            raise ValueError("a text of D-Bus has no NUL")  # which ended the connection, once
        reply = self._run(self._answer(message), timeout)
        if reply.message_type is MessageType.ERROR:
            text = str(reply.body[0]) if reply.body else str(reply.error_name)
            raise BusError(reasons.quoted(text), name=reply.error_name or "")
        return list(unpack_variants(reply.body))

    def send(self, message: Message) -> None:
        """Send a signal, or a call that is `UNANSWERED`; it is lost while there is no bus."""
        self._soon(lambda: self._connection and self._connection.send(message))

    def subscribe(self, match: Match, heard: Heard) -> None:
        """Call `heard` with the arguments of each matching signal from now on."""
        self._soon(lambda: self._heard.append((match, heard)))
        self._keep_up(_to_bus("AddMatch", "s", match.rule()))

    def export(self, path: str, interface: ServiceInterface) -> None:
        self._keep_up(lambda bus: bus.export(path, interface))

    def request_name(self, name: str) -> None:
        """Own this name on the bus, which nobody else may own."""
        self._keep_up(_to_bus("RequestName", "su", name, 0))

    def release_name(self, name: str) -> None:
        """Give up this name, until the bus comes back."""
        release = _to_bus("ReleaseName", "s", name)
        self._soon(lambda: self._connection and release(self._connection))

    def on_connected(self, connected: Callable[[], object]) -> None:
        """Call `connected` each time the bus is reached, the first time included."""
        self._when_connected.append(connected)

    def on_lost(self, lost: Callable[[], object]) -> None:
        self._when_lost.append(lost)

    def on_ended(self, ended: Callable[[], object]) -> None:
        """Call `ended` when the bus, lost, has not come back for `AWAY` seconds."""
        self._when_ended.append(ended)

    def watch(self, descriptor: int, readable: Callable[[], object]) -> None:
        """Call `readable` once the descriptor can be read, which is then closed."""

        def once() -> None:
            self._loop.remove_reader(descriptor)
            os.close(descriptor)
            _call_each([readable])

        self._soon(lambda: self._loop.add_reader(descriptor, once))

    def later(self, seconds: float, work: Callable[[], object]) -> None:
        self._soon(lambda: self._loop.call_later(seconds, work))

    def close(self) -> None:
        """Leave the bus, and end the thread; nothing can be asked afterwards."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
            asyncio.run_coroutine_threadsafe(self._leave(), self._loop)
        if self._thread is not threading.current_thread():
            self._thread.join(2 * _LEAVING)

    # From other threads to that of the bus ----------------------------------------------------

    def _run(self, work: Coroutine[Any, Any, _Found], timeout: float) -> _Found:
        with self._guard:
            if self._closed:
                work.close()
                raise BusError(_ENDED)
            waiting = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return waiting.result(timeout)
        except (TimeoutError, asyncio.CancelledError) as error:
            waiting.cancel()
            raise BusError(_SILENT) from error

    def _soon(self, work: Callable[[], object]) -> None:
        with self._guard:
            if not self._closed:
                self._loop.call_soon_threadsafe(work)

    def _keep_up(self, begin: Callable[[MessageBus], object]) -> None:
        def there() -> None:
            self._kept.append(begin)
            if self._connection is not None:
                begin(self._connection)

        self._soon(there)

    # On the thread of the bus ---------------------------------------------------------------

    def _serve(self) -> None:
        try:
            self._loop.run_forever()
            tasks = asyncio.all_tasks(self._loop)
            for task in tasks:
                task.cancel()
            if tasks:
                self._loop.run_until_complete(asyncio.wait(tasks))
        finally:
            self._loop.close()

    async def _leave(self) -> None:
        if self._connection is not None:
            self._connection.disconnect()
            with contextlib.suppress(*_FAULTS, TimeoutError):
                async with asyncio.timeout(_LEAVING):
                    await self._connection.wait_for_disconnect()  # type: ignore[no-untyped-call]
        self._loop.stop()

    async def _answer(self, message: Message) -> Message:
        bus = await self._reach()
        try:
            reply = await bus.call(message)
        except (EOFError, OSError) as error:
            raise BusError(_ENDED) from error
        if reply is None:  # the bus was left in the meantime
            raise BusError(_ENDED)
        return reply

    async def _reach(self) -> MessageBus:
        async with self._connecting:
            if self._connection is not None:
                return self._connection
            if not self._address:
                raise BusError(Reason("There is no session bus (D-Bus) here."))
            try:
                bus = await self._connected()
            except TimeoutError as error:
                raise BusError(_SILENT) from error
            except _FAULTS as error:
                why = reasons.quoted(str(error) or "it has ended")
                if isinstance(error, OSError):
                    why = reasons.of_system(error)
                text = Reason("The session's D-Bus cannot be reached: {why}.", why=why)
                raise BusError(text) from error
            self._keeper = self._loop.create_task(self._keep(bus))
            _call_each(self._when_connected)
            return bus

    async def _connected(self) -> MessageBus:
        async with asyncio.timeout(PATIENCE):
            bus = await MessageBus(bus_address=self._address).connect()
            writer: Any = getattr(bus, "_writer", None)
            if isinstance(getattr(writer, "sock", None), socket.socket):
                writer.sock = _PatientSocket(writer.sock)
            bus.add_message_handler(self._received)
            self._connection = bus  # from here on what is added begins by itself
            try:
                for begin in self._kept:
                    begin(bus)
                # Calls keep their order: when this one is answered, everything is restored.
                await bus.call(Message(DBUS, DBUS_PATH, DBUS, "GetId"))
            except BaseException:
                self._connection = None
                bus.disconnect()
                raise
        return bus

    async def _keep(self, bus: MessageBus) -> None:
        with contextlib.suppress(*_FAULTS):
            # Shielded: leaving the bus waits for the same future, and ends this wait first.
            await asyncio.shield(bus.wait_for_disconnect())  # type: ignore[no-untyped-call]
        self._connection = None
        _call_each(self._when_lost)
        deadline = self._loop.time() + AWAY
        while self._connection is None and self._loop.time() < deadline:
            await asyncio.sleep(_PAUSE)
            with contextlib.suppress(BusError):
                await self._reach()
        if self._connection is None:
            _call_each(self._when_ended)

    def _received(self, message: Message) -> None:
        if message.message_type is MessageType.SIGNAL:
            arguments = list(unpack_variants(message.body))
            found = [heard for match, heard in self._heard if match.fits(message)]
            _call_each([partial(heard, arguments) for heard in found])


class _PatientSocket:
    """A socket that takes bytes only while it has room.

    dbus_fast (up to 5.2.0) takes a full socket for the end of the bus; our pictures have 43 kB.
    """

    def __init__(self, under: socket.socket) -> None:
        self._under = under

    def send(self, data: memoryview) -> int:
        try:
            return self._under.send(data)
        except BlockingIOError:
            return 0


def _call_each(listeners: Sequence[Callable[[], object]]) -> None:
    for listener in listeners:
        try:
            listener()
        except Exception:  # noqa: BLE001  (a failing listener must not keep others from hearing)
            _log.exception("What came over the session bus was not dealt with")


def _log_failure(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log a failure that nobody waited for, but for what was being sent as the bus ended."""
    error = context.get("exception")
    if not isinstance(error, EOFError | OSError):
        _log.error("%s", context.get("message"), exc_info=error)


def _to_bus(member: str, signature: str, *body: object) -> Callable[[MessageBus], object]:
    def send(bus: MessageBus) -> None:
        what = (DBUS, DBUS_PATH, DBUS, member)
        bus.send(Message(*what, signature=signature, body=list(body), flags=UNANSWERED))

    return send
