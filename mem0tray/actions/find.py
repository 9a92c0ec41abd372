"""From what a person typed to the items that are meant. Pure."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from mem0tray.core import item as items
from mem0tray.core.errors import NotFoundError, UnknownIdError
from mem0tray.core.item import Item, Name, identity
from mem0tray.core.reasons import Reason
from mem0tray.core.text import one_line
from mem0tray.ledger.rows import Known
from mem0tray.system import shell

# Where an item stands: the lists of the two files, by their keys there.
DLQ_LIST: Final = "items"
QUEUE_LIST: Final = "queue"
Identity = Name
_SHOWN: Final = 4
_LONGEST_ID: Final = 40
_SHORTEST: Final = 8
_COMPARED: Final = 1000
_WHERE_TO_LOOK: Final = Reason(
    "See `mem0tray list` for the dead letters, `mem0tray list --queue` for what waits."
)


class FoundItem(Struct, frozen=True):
    """One item of a file.

    `place` is DLQ_LIST or QUEUE_LIST. `item` is None for an object that has an id but makes no
    sense to us (its content is no text). `known` is what the ledger knows of it.
    """

    place: str
    id: str
    project: str
    raw: bytes
    item: Item | None
    known: Known | None = None

    @property
    def is_dead(self) -> bool:
        """Whether it is a dead letter."""
        return self.place == DLQ_LIST

    @property
    def is_held(self) -> bool:
        """Whether it is not sent automatically, as another worker has perhaps delivered it."""
        return self.known is not None and self.known.is_held

    @property
    def identity(self) -> Identity:
        """See `identity`."""
        if self.known is not None:
            return self.known.name
        if self.item is not None:
            return self.item.name
        return identity(self.raw)


def listing(raws: Iterable[bytes], place: str) -> list[FoundItem]:
    """Every item of a file, in order; what has no id is left out."""
    result = []
    for raw in raws:
        item = items.parse(raw)
        if item is not None:
            result.append(FoundItem(place, item.id, item.project, raw, item))
            continue
        value = items.load_object(raw) or {}
        name, project = value.get("id"), value.get("project_id")
        if isinstance(name, str) and name:
            text = project if isinstance(project, str) else ""
            result.append(FoundItem(place, name, text, raw, None))
    return result


def shortest(item_id: str, others: Iterable[str]) -> str:
    """The shortest beginning of an id that none of the others has; at least eight characters."""
    least = max((_shared(item_id, each) for each in others if each != item_id), default=0)
    return item_id[: max(_SHORTEST, least + 1)]


def handle(beginning: str) -> str:
    """What to type for an id with this unique beginning."""
    return shell.quote(one_line(beginning, _LONGEST_ID))


def _shared(one: str, other: str) -> int:
    """How many characters both begin with in common."""
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other)))  # noqa: B905


def resolve(names: Iterable[str], among: Sequence[FoundItem]) -> list[FoundItem]:
    """The items that ids, or unambiguous prefixes of ids, name; each once, in the given order.

    An id with two contents means both. Raises NotFoundError, or UnknownIdError where a name fits
    none.
    """
    chosen: dict[int, FoundItem] = {}
    for name in names:
        for at in _matching(name, among):
            chosen.setdefault(at, among[at])
    return list(chosen.values())


def begins(item_id: str, name: str) -> bool:
    """Whether an id begins with `name` as it is shown: nobody types an escape or a line break."""
    return bool(name) and one_line(item_id, _COMPARED).startswith(name)


def beginning(name: str, among: Sequence[FoundItem]) -> list[int]:
    """The places of ids that begin with `name`, as they are, or else as they are shown."""
    if not name:
        return []
    begin = [at for at, each in enumerate(among) if each.id.startswith(name)]
    return begin or [at for at, each in enumerate(among) if begins(each.id, name)]


def _matching(name: str, among: Sequence[FoundItem]) -> list[int]:
    exact = [at for at, each in enumerate(among) if each.id == name]
    if exact:
        return exact
    begin = beginning(name, among)
    ids = list(dict.fromkeys(among[at].id for at in begin))
    shown = one_line(name, _LONGEST_ID)
    if not name:
        raise NotFoundError(f"The id {name!r} is empty and names nothing.", _WHERE_TO_LOOK)
    if not ids:
        no_such = Reason("No item's id begins with {id}.", id=repr(shown))
        raise UnknownIdError(no_such, _WHERE_TO_LOOK, name=name)
    if len(ids) > 1:
        some = ", ".join(one_line(each, _LONGEST_ID) for each in ids[:_SHOWN])
        more = f" and {len(ids) - _SHOWN:,} more" if len(ids) > _SHOWN else ""
        raise NotFoundError(
            f"{len(ids):,} ids begin with {shown!r}: {some}{more}.", "Give more of the id."
        )
    return begin
