"""The session bus (D-Bus, Linux): one connection of this process, on a thread of its own.

Everything here may be called from any thread. What others send (signals, calls of what
is exported) is handled on the bus's thread, `mem0tray-bus`: a function called there must return
at once, and must not use `call`, which would wait for itself.

A bus that has ended is tried again, less and less often; when it is back, exports, names and
subscriptions are restored before `on_connected` is called. While the bus is there, only
messages and other threads wake this one up.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Final, Self, TypeVar

from dbus_fast import Message, MessageFlag, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusFastError
from dbus_fast.service import ServiceInterface
from dbus_fast.unpack import unpack_variants

from mem0tray.core import reasons
from mem0tray.core.reasons import Reason
from mem0tray.desktop.bus import DBUS, BusError, Match, address_of, full_socket

PATIENCE: Final = 5.0  # seconds for a connection, or an answer
DBUS_PATH: Final = "/org/freedesktop/DBus"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"
_SHORTEST: Final = 0.25  # seconds until a bus that has ended is tried again,
_LONGEST: Final = 30.0  # doubled up to these
_MARGIN: Final = 2.0  # seconds; more than the bus's thread takes to give up
_LEAVING: Final = 1.0  # seconds for the end of a connection, which closes its socket
_log: Final = logging.getLogger(__name__)
_SILENT: Final = Reason("The session's D-Bus does not answer.")
_Found = TypeVar("_Found")
Heard = Callable[[list[Any]], object]  # is given the signal's arguments, variants unpacked


class SessionBus:
    """The connection to the bus at `address`; by default that of this session.

    It is made by the first call, or by `connect`; `close` ends it.
    """

    def __init__(self, address: str | None = None) -> None:
        self._address = address
        self._guard = threading.Lock()  # guards starting and ending the thread
        self._thread: threading.Thread | None = None
        self._closed = False
        self._loop: asyncio.AbstractEventLoop
        # Touched only on the bus's thread, once that runs.
        self._exports: list[tuple[str, ServiceInterface]] = []
        self._names: list[str] = []
        self._heard: list[tuple[Match, Heard]] = []
        self._when_connected: list[Callable[[], object]] = []
        self._when_lost: list[Callable[[], object]] = []
        self._opening: MessageBus | None = None  # set until everything from before is restored
        self._connection: MessageBus | None = None
        self._connecting: asyncio.Lock
        self._keeper: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Asking ------------------------------------------------------------------------------

    def connect(self) -> None:
        """Connect, unless connected. Raises BusError, after `PATIENCE` seconds at most."""
        self._run(self._reach(), PATIENCE)

    def call(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: Sequence[Any] = (),
        timeout: float = PATIENCE,
        *,
        starts: bool = True,
    ) -> list[Any]:
        """Call a method, and wait for its answer: its values, variants unpacked.

        `body` has a value for each type of `signature`, with dbus_fast's Variant for a
        variant. `starts`: the bus may start the program that is called. Raises
        BusError, after `timeout` seconds at most, and ValueError for a text that the bus
        cannot carry (NUL, lone surrogates).
        """
        flags = MessageFlag.NONE if starts else MessageFlag.NO_AUTOSTART
        message = Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
            flags=flags,
        )
        reply = self._run(self._answer(message), timeout)
        if reply.message_type is MessageType.ERROR:
            text = str(reply.body[0]) if reply.body else str(reply.error_name)
            raise BusError(reasons.quoted(text), name=reply.error_name or "")
        return list(unpack_variants(reply.body))

    def tell(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: Sequence[Any] = (),
    ) -> None:
        """Call a method of a running program, without waiting; lost if there is no such program."""
        self._send(
            Message(
                destination=destination,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=list(body),
                flags=MessageFlag.NO_REPLY_EXPECTED | MessageFlag.NO_AUTOSTART,
            )
        )

    def emit(
        self, path: str, interface: str, member: str, signature: str = "", body: Sequence[Any] = ()
    ) -> None:
        """Send a signal to whoever listens; lost while there is no bus."""
        self._send(Message.new_signal(path, interface, member, signature, list(body)))

    # Being there for others ----------------------------------------------------------------

    def subscribe(self, match: Match, heard: Heard) -> None:
        """Have `heard` called with the arguments of each matching signal from now on."""
        self._keep_in(self._heard, (match, heard), lambda bus: self._listen(bus, match))

    def export(self, path: str, interface: ServiceInterface) -> None:
        """Answer calls of this interface at `path`."""
        self._keep_in(self._exports, (path, interface), lambda bus: bus.export(path, interface))

    def request_name(self, name: str) -> None:
        """Own this name on the bus, which nobody else may own."""
        self._keep_in(self._names, name, lambda bus: self._own(bus, name))

    def release_name(self, name: str) -> None:
        """Give up this name on the bus."""

        def there() -> None:
            self._names = [each for each in self._names if each != name]
            if self._connection is not None:
                self._connection.send(_to_bus("ReleaseName", "s", [name]))

        self._soon(there)

    def on_connected(self, connected: Callable[[], object]) -> None:
        """Have `connected` called each time the bus is reached, the first time included."""
        self._when_connected.append(connected)

    def on_lost(self, lost: Callable[[], object]) -> None:
        """Have `lost` called each time the bus has ended."""
        self._when_lost.append(lost)

    def later(self, seconds: float, work: Callable[[], object]) -> None:
        """Call `work` on the bus's thread in so many seconds, if it runs now and then."""
        if self._thread is not None:
            self._soon(lambda: self._loop.call_later(seconds, work))

    def close(self) -> None:
        """Leave the bus, and end the thread; nothing can be asked afterwards."""
        with self._guard:
            thread, closed = self._thread, self._closed
            self._closed = True
        if thread is None or closed:
            return
        asyncio.run_coroutine_threadsafe(self._leave(), self._loop)
        if thread is not threading.current_thread():
            thread.join(_MARGIN)

    # From other threads to that of the bus ----------------------------------------------------

    def _run(self, work: Coroutine[Any, Any, _Found], timeout: float) -> _Found:
        """Run it on the bus's thread, and wait for it."""
        if not self._started():
            work.close()
            raise BusError(Reason("The session's D-Bus was left."))
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("the thread of the bus would wait for itself")

        async def limited() -> _Found:
            try:
                async with asyncio.timeout(timeout):
                    return await work
            except TimeoutError as error:
                raise BusError(_SILENT) from error

        waiting = asyncio.run_coroutine_threadsafe(limited(), self._loop)
        try:
            return waiting.result(timeout + _MARGIN)
        except (TimeoutError, asyncio.CancelledError) as error:
            waiting.cancel()
            raise BusError(_SILENT) from error

    def _started(self) -> bool:
        """Start the thread unless it runs; False after `close`."""
        with self._guard:
            if self._closed:
                return False
            if self._thread is None:
                self._loop = asyncio.new_event_loop()
                self._loop.set_exception_handler(_of_the_loop)
                self._connecting = asyncio.Lock()
                self._thread = threading.Thread(
                    target=self._serve, name="mem0tray-bus", daemon=True
                )
                self._thread.start()
            return True

    def _send(self, message: Message) -> None:
        def there() -> None:
            if self._connection is not None:
                self._connection.send(message)

        self._soon(there)

    def _keep_in(
        self, kept: list[_Found], what: _Found, begin: Callable[[MessageBus], object]
    ) -> None:
        """Keep it for each connection to come, and begin it on the present one."""

        def there() -> None:
            kept.append(what)
            bus = self._opening or self._connection
            if bus is not None:
                begin(bus)

        self._soon(there)

    def _soon(self, work: Callable[[], object]) -> None:
        """Do it on the bus's thread, or here while that is not running yet."""
        with self._guard:
            if self._thread is None:
                work()
            elif not self._closed:
                self._loop.call_soon_threadsafe(work)

    # On the thread of the bus ---------------------------------------------------------------

    def _serve(self) -> None:
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    async def _leave(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
        if self._connection is not None:
            self._connection.disconnect()
            with contextlib.suppress(EOFError, OSError, DBusFastError, TimeoutError):
                async with asyncio.timeout(_LEAVING):
                    await self._connection.wait_for_disconnect()  # type: ignore[no-untyped-call]
        self._loop.stop()

    async def _answer(self, message: Message) -> Message:
        bus = await self._reach()
        try:
            reply = await bus.call(message)
        except (EOFError, OSError) as error:
            raise BusError(Reason("The session's D-Bus has ended.")) from error
        if reply is None:  # the bus was left in the meantime
            raise BusError(Reason("The session's D-Bus has ended."))
        return reply

    async def _reach(self) -> MessageBus:
        """The connection, made if there is none. Raises BusError."""
        async with self._connecting:
            if self._connection is None:
                try:
                    bus = await self._connected()
                finally:
                    self._opening = None
                self._connection = bus
                self._keeper = self._loop.create_task(self._keep(bus))
                self._tell(self._when_connected)
            return self._connection

    async def _connected(self) -> MessageBus:
        address = self._address or address_of()
        if not address:
            raise BusError(Reason("There is no session bus (D-Bus) here."))
        try:
            async with asyncio.timeout(PATIENCE):
                bus = await MessageBus(bus_address=address).connect()
                full_socket.wait_where_full(bus)
                with contextlib.ExitStack() as undo:
                    undo.callback(bus.disconnect)
                    bus.add_message_handler(self._received)
                    self._restore(bus)
                    await bus.call(_ask())  # calls keep their order: by then everything is restored
                    undo.pop_all()
        except TimeoutError as error:
            raise BusError(_SILENT) from error
        except OSError as error:
            raise _unreachable(reasons.of_system(error)) from error
        except (DBusFastError, EOFError) as error:
            raise _unreachable(reasons.quoted(str(error) or "it has ended")) from error
        return bus

    def _restore(self, bus: MessageBus) -> None:
        """Restore exports, names and subscriptions on a new connection."""
        self._opening = bus
        for path, interface in self._exports:
            bus.export(path, interface)
        for match, _ in self._heard:
            self._listen(bus, match)
        for name in self._names:
            self._own(bus, name)

    async def _keep(self, bus: MessageBus) -> None:
        """Wait for the end of the bus, and then until it is back."""
        with contextlib.suppress(EOFError, OSError, DBusFastError):
            # Shielded: leaving the bus waits for the same future, and ends this wait first.
            await asyncio.shield(bus.wait_for_disconnect())  # type: ignore[no-untyped-call]
        self._connection = None
        self._tell(self._when_lost)
        wait = _SHORTEST
        while self._connection is None:
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST)
            with contextlib.suppress(BusError):
                await self._reach()

    def _received(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL:
            return
        for heard in [heard for match, heard in self._heard if match.fits(message)]:
            _guarded(partial(heard, list(unpack_variants(message.body))))

    @staticmethod
    def _tell(listeners: Sequence[Callable[[], object]]) -> None:
        for each in listeners:
            _guarded(each)

    @staticmethod
    def _listen(bus: MessageBus, match: Match) -> None:
        bus.send(_to_bus("AddMatch", "s", [match.rule()]))

    @staticmethod
    def _own(bus: MessageBus, name: str) -> None:
        bus.send(_to_bus("RequestName", "su", [name, 0]))


def _unreachable(why: Reason) -> BusError:
    return BusError(Reason("The session's D-Bus cannot be reached: {why}.", why=why))


def _guarded(listener: Callable[[], object]) -> None:
    try:
        listener()
    except Exception:  # noqa: BLE001  (a failing listener must not keep others from hearing)
        _log.exception("What came over the session bus was not dealt with")


def _of_the_loop(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Ignore failures that nobody waited for, as at the end of a bus everything sent fails."""
    error = context.get("exception")
    if not isinstance(error, EOFError | OSError):
        _log.error("%s", context.get("message"), exc_info=error)


def _to_bus(member: str, signature: str, body: list[Any]) -> Message:
    return Message(
        destination=DBUS,
        path=DBUS_PATH,
        interface=DBUS,
        member=member,
        signature=signature,
        body=body,
        flags=MessageFlag.NO_REPLY_EXPECTED,
    )


def _ask() -> Message:
    return Message(destination=DBUS, path=DBUS_PATH, interface=DBUS, member="GetId")
