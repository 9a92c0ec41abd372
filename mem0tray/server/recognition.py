"""Which dialect the server at one address speaks, as far as it was found out."""

from collections.abc import Callable
from typing import Final

# By which path a server of each dialect tells its health, in the order in which they are tried.
# (An official server has none for that; this one asks its database.)
HEALTH_PATHS: Final = {"vps": "/health", "oss": "/auth/setup-status"}


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
