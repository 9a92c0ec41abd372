"""Which signals of the bus are meant."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dbus_fast import Message

DBUS: Final = "org.freedesktop.DBus"


@dataclass(frozen=True, slots=True)
class Match:
    """Which signals are meant; what is empty may be anything. `first` is the first argument."""

    interface: str
    member: str
    sender: str = ""
    path: str = ""
    first: str = ""

    def rule(self) -> str:
        """As the bus has it."""
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
        """Whether a signal is meant: the bus sends what any rule of ours names."""
        return (
            message.interface == self.interface
            and message.member == self.member
            and self.path in ("", message.path)
            and (self.sender != DBUS or message.sender == DBUS)
            and (not self.first or [self.first] == message.body[:1])
        )
