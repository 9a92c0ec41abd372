"""How far memories are that were tried again together: what the window remembers of an act."""

from collections import Counter
from collections.abc import Collection

from mem0tray.actions.verbs import DELETED, FAILED, WAITING
from mem0tray.core.language import Language
from mem0tray.files.orders import DELIVERED
from mem0tray.ledger.reader import Reader


class Retry:
    """Memories that are tried again, by their keys in the ledger, `since` then (Unix seconds)."""

    def __init__(self, keys: Collection[int], since: float) -> None:
        self.since = since
        self._became = dict.fromkeys(keys, WAITING)

    @property
    def total(self) -> int:
        return len(self._became)

    @property
    def left(self) -> int:
        """How many have no outcome yet; once each has one, that is the act's."""
        return self._counts()[WAITING]

    @property
    def failed(self) -> list[int]:
        return [key for key, became in self._became.items() if became == FAILED]

    def look(self, reader: Reader) -> None:
        """Ask what became of them; what has failed again may be delivered while others wait."""
        if self.left:
            asked = [key for key, became in self._became.items() if became in (WAITING, FAILED)]
            self._became |= reader.outcomes(asked, self.since)

    def said(self, language: Language) -> str:
        """Say it in numbers."""
        ngettext, found = language.ngettext, self._counts()
        said = {
            DELIVERED: ngettext("{n} delivered", "{n} delivered", found[DELIVERED]),
            FAILED: ngettext("{n} not delivered", "{n} not delivered", found[FAILED]),
            DELETED: ngettext("{n} deleted meanwhile", "{n} deleted meanwhile", found[DELETED]),
            WAITING: ngettext("{n} still to come", "{n} still to come", found[WAITING]),
        }
        shown = [name for name in said if found[name] or name == DELIVERED]
        return ", ".join(said[name].format(n=language.number(found[name])) for name in shown)

    def _counts(self) -> Counter[str]:
        return Counter(self._became.values())
