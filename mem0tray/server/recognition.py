"""Which dialect the server at one address speaks, as far as is known."""

from collections.abc import Callable
from typing import Final

AUTO: Final = "auto"  # the setting that leaves the dialect open
_TRIED: Final = ("vps", "oss")  # where nothing is known, in this order
# Servers known by their host name: only these are asked in these dialects.
_BY_HOST: Final = {"api.mem0.ai": ("platform",)}


def dialects_at(hostname: str) -> tuple[str, ...]:
    """The dialects that a server on this host may speak, in the order in which they are tried."""
    return _BY_HOST.get(hostname.rstrip(".").lower(), _TRIED)


class Recognition:
    """What all clients of one server know of its dialect, which is empty while unknown.

    With a `setting` other than `auto` the dialect is fixed. `note` is called with what was
    learnt, to keep it.
    """

    def __init__(
        self,
        dialect: str = "",
        note: Callable[[str], None] = lambda _: None,
        setting: str = AUTO,
    ) -> None:
        self.is_fixed = setting != AUTO
        self.dialect = setting if self.is_fixed else dialect
        self._note = note

    def learn(self, dialect: str) -> None:
        """Remember the dialect that the server was found to speak."""
        if dialect != self.dialect:
            self.dialect = dialect
            self._note(dialect)
