"""Which dialect the server at one address speaks, as far as is known."""

from collections.abc import Callable
from typing import Final

# The path by which a server of each dialect tells its health. (An official server has no such path;
# this one asks its database.)
HEALTH_PATHS: Final = {
    "vps": "/health",
    "oss": "/auth/setup-status",
    "platform": "/v1/ping/",
}
_TRIED: Final = ("vps", "oss")  # where nothing is known, in this order
# Servers known by their host name: only these are asked in these dialects.
_BY_HOST: Final = {"api.mem0.ai": ("platform",)}


def paths_at(hostname: str) -> dict[str, str]:
    """The dialects that a server on this host may speak, each with its health path."""
    names = _BY_HOST.get(hostname.rstrip(".").lower(), _TRIED)
    return {name: HEALTH_PATHS[name] for name in names}


class Recognition:
    """What all clients of one server know of its dialect, which is empty while unknown.

    `note` is called with what was learnt, to keep it.
    """

    def __init__(self, dialect: str = "", note: Callable[[str], None] = lambda _: None) -> None:
        self.dialect = dialect
        self._note = note

    def learn(self, dialect: str) -> None:
        """Remember the dialect that the server was found to speak."""
        if dialect != self.dialect:
            self.dialect = dialect
            self._note(dialect)
