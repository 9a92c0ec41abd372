"""The session bus (D-Bus, Linux): where it is, which signals we listen to, what is wrong with it.

None of that imports a library, or asks the bus.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason

if TYPE_CHECKING:
    from dbus_fast import Message

DBUS: Final = "org.freedesktop.DBus"


def address_of(environ: Mapping[str, str] = os.environ) -> str:
    """The address of the session bus, without asking the bus; empty where there is none."""
    if named := environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return named
    runtime = environ.get("XDG_RUNTIME_DIR")
    socket = Path(runtime or "/nonexistent", "bus")
    return f"unix:path={quote(str(socket))}" if socket.exists() else ""


@dataclass(frozen=True, slots=True)
class Match:
    """A kind of signal; an empty field matches anything. `first` is the first argument."""

    interface: str
    member: str
    sender: str = ""
    path: str = ""
    first: str = ""

    def rule(self) -> str:
        """The match as a rule for the bus."""
        parts = {
            "type": "signal",
            "interface": self.interface,
            "member": self.member,
            "sender": self.sender,
            "path": self.path,
            "arg0": self.first,
        }
        return ",".join(f"{name}='{value}'" for name, value in parts.items() if value)

    def fits(self, message: "Message") -> bool:
        """Whether a signal matches: the bus sends what any of our rules names."""
        return (
            message.interface == self.interface
            and message.member == self.member
            and self.path in ("", message.path)
            and (self.sender != DBUS or message.sender == DBUS)
            and (not self.first or [self.first] == message.body[:1])
        )


class BusError(Mem0TrayError):
    """The bus is missing, silent or has ended, or the program that was called refused.

    `name` is the D-Bus name of the error in a program's answer, such as
    `org.freedesktop.DBus.Error.ServiceUnknown`; empty without an answer.
    """

    def __init__(self, message: Reason, *, name: str = "") -> None:
        super().__init__(message)
        self.name = name
