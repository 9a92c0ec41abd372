"""A bus that reads slowly: the rest of a message waits until its socket takes more.

dbus_fast (up to 5.2.0) sends the next message at once, even while half of one still waits for
a full socket. It then takes the full socket for the end of the bus. An icon is sent
in seven sizes, 43 kB, and a panel may ask for it four times in a row.
"""

import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dbus_fast.aio import MessageBus

_WRITER: Final = "_writer"  # private to dbus_fast, which sends through its `sock`


class PatientSocket:
    """A socket that accepts bytes only as long as it has room."""

    def __init__(self, under: socket.socket) -> None:
        self._under = under

    def send(self, data: memoryview) -> int:
        """Send what fits; return the number of bytes, 0 when the socket is full."""
        try:
            return self._under.send(data)
        except BlockingIOError:
            return 0


def wait_where_full(bus: "MessageBus") -> None:
    """Have a connected bus wait for its socket; a later dbus_fast is left as it is."""
    writer = getattr(bus, _WRITER, None)
    under = getattr(writer, "sock", None)
    if isinstance(under, socket.socket):
        setattr(writer, "sock", PatientSocket(under))  # noqa: B010  (mypy knows no such attribute)
