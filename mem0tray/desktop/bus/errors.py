"""What is wrong with the session bus, in words for people."""

from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason


class BusError(Mem0TrayError):
    """The bus is missing, silent or has ended, or the program that was called refused.

    `name` is the D-Bus name of the error in a program's answer, such as
    `org.freedesktop.DBus.Error.ServiceUnknown`; empty without an answer.
    """

    def __init__(self, message: Reason, *, name: str = "") -> None:
        super().__init__(message)
        self.name = name


def missing() -> BusError:
    """There is no bus."""
    return BusError(Reason("There is no session bus (D-Bus) here."))


def unreachable(why: Reason) -> BusError:
    """There is no bus at its address, or it does not let us in."""
    return BusError(Reason("The session's D-Bus cannot be reached: {why}.", why=why))


def silent() -> BusError:
    """The bus, or a program called over it, took too long."""
    return BusError(Reason("The session's D-Bus does not answer."))


def ended() -> BusError:
    """The bus went away during a call."""
    return BusError(Reason("The session's D-Bus has ended."))


def left() -> BusError:
    """We have closed the bus."""
    return BusError(Reason("The session's D-Bus was left."))
