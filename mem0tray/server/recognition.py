"""Which dialect the server at one address speaks, as far as it was found out."""

from collections.abc import Callable
from typing import Final

# By which path a server of each dialect tells its health. (An official server has none for that;
# this one asks its database.)
HEALTH_PATHS: Final = {
    "vps": "/health",
    "oss": "/auth/setup-status",
    "platform": "/v1/ping/",
}
_TRIED: Final = ("vps", "oss")  # where nothing is known, in this order
# Servers that are known by the name of their host: nobody else is asked in these dialects.
_BY_HOST: Final = {"api.mem0.ai": ("platform",)}


def paths_at(hostname: str) -> dict[str, str]:
    """The dialects that a server there may speak, each with the path of its health."""
    names = _BY_HOST.get(hostname.rstrip(".").lower(), _TRIED)
    return {name: HEALTH_PATHS[name] for name in names}


class Recognition:
    """What all clients of one server know of it; `dialect` is empty while nothing is known.

    `note` is told what was learnt, to keep it.
    """

    def __init__(self, dialect: str = "", note: Callable[[str], None] = lambda _: None) -> None:
        self.dialect = dialect
        self._note = note

    def learn(self, dialect: str) -> None:
        """Remember what the server is found to speak."""
        if dialect != self.dialect:
            self.dialect = dialect
            self._note(dialect)
