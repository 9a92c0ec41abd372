"""What is wrong with the session bus, in words for people."""

from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason


class BusError(Mem0TrayError):
    """The bus is missing, does not answer or has ended, or who was called did not do it.

    `name` is the D-Bus name of the error with which a program answered, such as
    `org.freedesktop.DBus.Error.ServiceUnknown`; empty when nobody has answered.
    """

    def __init__(self, message: Reason, *, name: str = "") -> None:
        super().__init__(message)
        self.name = name


def missing() -> BusError:
    """There is none."""
    return BusError(Reason("There is no session bus (D-Bus) here."))


def unreachable(why: Reason) -> BusError:
    """There is none where it should be, or it lets us not in."""
    return BusError(Reason("The session's D-Bus cannot be reached: {why}.", why=why))


def silent() -> BusError:
    """It, or who was called over it, took too long."""
    return BusError(Reason("The session's D-Bus does not answer."))


def ended() -> BusError:
    """It went away under a call."""
    return BusError(Reason("The session's D-Bus has ended."))


def left() -> BusError:
    """We have closed it."""
    return BusError(Reason("The session's D-Bus was left."))
