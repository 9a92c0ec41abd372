"""Which dialect the server at one address speaks, as far as it was found out."""

from collections.abc import Callable


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
