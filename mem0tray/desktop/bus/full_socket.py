"""A bus that reads slowly: the rest of a message waits until its socket takes more.

dbus_fast (up to 5.2.0) sends the next message at once, also while half of one still waits for
a full socket. That the socket takes nothing then, it holds for the end of the bus. An icon goes
out in seven sizes, 43 kB, and a panel may ask for it four times in a row.
"""

import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dbus_fast.aio import MessageBus

_WRITER: Final = "_writer"  # private to dbus_fast: it sends by the `sock` of this


class PatientSocket:
    """A socket that is sent to as long as it takes something."""

    def __init__(self, under: socket.socket) -> None:
        self._under = under

    def send(self, data: memoryview) -> int:
        """Send what fits; the number of bytes, 0 where the socket is full."""
        try:
            return self._under.send(data)
        except BlockingIOError:
            return 0


def wait_where_full(bus: "MessageBus") -> None:
    """Have a connected bus wait for its socket; one of a later dbus_fast is left as it is."""
    writer = getattr(bus, _WRITER, None)
    under = getattr(writer, "sock", None)
    if isinstance(under, socket.socket):
        setattr(writer, "sock", PatientSocket(under))  # noqa: B010  (mypy knows no such attribute)
