"""Which signals of the bus we listen to."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dbus_fast import Message

DBUS: Final = "org.freedesktop.DBus"


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
