"""What waits, listed and found: the one reader of items for every view and verb."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mem0tray.actions.one_writer import DLQ, EMERGENCY, QUEUE, InStep, keep_in_step
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core import reasons
from mem0tray.core.errors import FileUnavailableError, NotFoundError, UnknownIdError
from mem0tray.core.item import Item, Name, identity
from mem0tray.core.reasons import Reason
from mem0tray.core.state import PERHAPS
from mem0tray.core.text import one_line, plural, some
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.rows import Attempt, Known, Listed
from mem0tray.system import programs

# Where an item stands: the lists of the two files, by their keys there.
DLQ_LIST: Final = "items"
QUEUE_LIST: Final = "queue"
SERVER: Final = "server"  # delivered: the id is the server's own
BOTH: Final = (DLQ_LIST, QUEUE_LIST)
_WAITS: Final = {DLQ_LIST: "dlq", QUEUE_LIST: "queue"}
_STATES: Final = {DLQ_LIST: items.DEAD, QUEUE_LIST: items.FRESH}
_PLACES: Final = {state: place for place, state in _STATES.items()}
_FILES: Final = {DLQ_LIST: (DLQ,), QUEUE_LIST: (QUEUE, EMERGENCY)}
ABOUT_HELD: Final = f"{PERHAPS}: `mem0tray retry ID` sends, `mem0tray delete ID` drops"
NO_LONGER_WAITS: Final = Reason(
    "It does not wait any more: it was delivered meanwhile, most likely."
)
_SHOWN: Final = 4
_LONGEST_ID: Final = 80
_SHORTEST: Final = 8
_WHERE_TO_LOOK: Final = Reason(
    "See `mem0tray list` for the dead letters, `mem0tray list --queue` for what waits,"
    " `mem0tray recall --ids` for what the server has."
)


class FoundItem(Struct, frozen=True):
    """One item of a file, with what the ledger knows of it.

    `item` is None for an object that has an id but makes no sense to us (its content is no text),
    and where the text is gone: neither waits. `with_attempts` fills the failed `attempts`, oldest
    first; `look_up` the rest: `left_in` are the files that alone still hold the text.
    """

    place: str
    id: str
    project: str
    raw: bytes
    item: Item | None
    known: Known | None = None
    attempts: Sequence[Attempt] = ()
    left_in: Sequence[str] = ()
    deliveries: Sequence[tuple[str, float]] = ()

    @property
    def where(self) -> str:
        """`dlq`, `queue`, `quarantine`, `delivered`, `deleted`, or `edited` away."""
        if self.known is not None and self.known.state == items.DELIVERED:
            return items.DELIVERED
        if self.known is not None and self.known.state == items.DISCARDED:
            return items.EDITED if self.known.reason == items.EDITED else items.DELETED
        return _WAITS.get(self.place, self.place)

    @property
    def waits(self) -> bool:
        """Whether it waits, and can be changed."""
        return self.place in _WAITS

    @property
    def is_over(self) -> bool:
        """Whether it no longer waits: delivered, deleted or edited away."""
        return self.where in (items.DELIVERED, items.DELETED, items.EDITED)

    @property
    def content(self) -> str | None:
        """The text of the memory; None when it is gone, or is no text."""
        return self.item.content if self.item is not None else None

    @property
    def since(self) -> float | None:
        """Since when it waits (Unix seconds); None where the ledger does not know it."""
        made = self.item.timestamp if self.item is not None else 0.0
        return items.waits_since(self.known.accepted, made) if self.known is not None else None

    @property
    def due(self) -> float:
        """When it is sent again (Unix seconds); 0 for at once."""
        return self.known.due if self.known is not None else 0.0

    @property
    def last_attempt(self) -> Attempt | None:
        """The last failed attempt, where they are filled in and there is one."""
        return self.attempts[-1] if self.attempts else None

    @property
    def is_dead(self) -> bool:
        """Whether it is a dead letter."""
        return self.place == DLQ_LIST

    @property
    def is_held(self) -> bool:
        """Whether it is not sent automatically, as another worker has perhaps delivered it."""
        return self.known is not None and self.known.is_held

    @property
    def named(self) -> dict[str, str | None]:
        """The document that names it, for programs."""
        place = self.place if self.place == SERVER else _WAITS.get(self.place, "queue")
        return {"id": self.id or None, "project_id": self.project or None, "place": place}

    @property
    def identity(self) -> Name:
        """What tells it from every other memory, also from another text under its id."""
        if self.known is not None:
            return self.known.name
        return self.item.name if self.item is not None else identity(self.raw)


def nonsense(count: int) -> str:
    """Name the things in a file that are no items to us."""
    verb = "makes" if count == 1 else "make"
    return f"{plural(count, 'further thing')} in the file {verb} no sense; kept as is."


def as_found(raw: bytes, place: str) -> FoundItem:
    """Make an item of an object; id and project are empty where it has none."""
    item = items.parse(raw)
    if item is not None:
        return FoundItem(place, item.id, item.project, raw, item)
    value = items.load_object(raw) or {}
    named = [value.get(name) for name in ("id", "project_id")]
    name, project = (each if isinstance(each, str) else "" for each in named)
    return FoundItem(place, name, project, raw, None)


def resolve(names: Iterable[str], among: Sequence[FoundItem]) -> list[FoundItem]:
    """Find the items that ids, or unambiguous beginnings of ids, name; each once, in this order.

    An id with two contents means both. Raises NotFoundError, or UnknownIdError where a name fits
    none.
    """
    chosen: dict[int, FoundItem] = {}
    for name in names:
        if not name:
            raise NotFoundError(f"The id {name!r} is empty and names nothing.", _WHERE_TO_LOOK)
        begin = [at for at, each in enumerate(among) if each.id.startswith(name)]
        exact = [at for at in begin if among[at].id == name]
        ids = list(dict.fromkeys(among[at].id for at in begin))
        shown = one_line(name, _LONGEST_ID)
        if not ids:
            no_such = Reason("No item's id begins with {id}.", id=repr(shown))
            raise UnknownIdError(no_such, _WHERE_TO_LOOK)
        if len(ids) > 1 and not exact:
            begin_so = f"{len(ids):,} ids begin with {shown!r}: {some(ids, _SHOWN)}."
            raise NotFoundError(begin_so, "Give more of the id.")
        chosen |= {at: among[at] for at in exact or begin if at not in chosen}
    return list(chosen.values())


class WaitingItems:
    """The dead letters and the fresh entries; see `opened`."""

    def __init__(self, reader: Reader, step: InStep) -> None:
        self.reader = reader
        self.step = step
        self._new = [as_found(raw, QUEUE_LIST) for raw in step.new]

    def items(
        self, place: str, project: str | None = None, limit: int | None = None
    ) -> list[FoundItem]:
        """List a place in its file's order. Raises FileUnavailableError if that is unread."""
        self.step.check(*_FILES[place])
        return self.listed(place, project, limit)

    def listed(
        self, place: str, project: str | None = None, limit: int | None = None
    ) -> list[FoundItem]:
        """List a place as far as its items are known."""
        found = _found(self.reader.listed(_STATES[place], project, limit))
        if place == QUEUE_LIST:
            found += [each for each in self._new if project in (None, each.project)]
        return found[:limit]

    def newest(self, limit: int, text: str | None = None) -> list[FoundItem]:
        """List what waits and came last, if it holds `text`; newest first."""
        new = [e for e in reversed(self._new) if text is None or text in (e.content or "")]
        return [*new, *_found(self.reader.newest(limit, text))][:limit]

    def failures(self, limit: int) -> list[tuple[str, int, FoundItem]]:
        """List the errors of dead letters, the commonest first, with their count and an example."""
        found = self.reader.failures(limit)
        return [(said, count, each) for said, count, one in found for each in _found([one])]

    def with_keys(self, keys: Sequence[int]) -> list[FoundItem]:
        """Find what waits of these keys of the ledger."""
        return _found(self.reader.with_keys(keys))

    @cached_property
    def odd(self) -> list[bytes]:
        """What makes no sense as an item in the DLQ file."""
        return self.reader.strays()

    # By name ----------------------------------------------------------------------------

    def candidates(self, names: Iterable[str], places: Sequence[str] = BOTH) -> list[FoundItem]:
        """Find what waits whose id is one of `names` or begins with one."""
        found: dict[Name, FoundItem] = {}
        for name in filter(None, names):
            new = (each for each in self._new if each.id.startswith(name))
            for each in (*_found(self.reader.named(name)), *new):
                if each.place in places:
                    found.setdefault(each.identity, each)
        return list(found.values())

    def resolve(self, names: Iterable[str], among: Sequence[FoundItem]) -> list[FoundItem]:
        """Find what ids, or unambiguous beginnings of ids, name among some items; see `resolve`.

        Raises FileUnavailableError if what is not found may stand in a file that is unread, or
        newer than the ledger.
        """
        try:
            return resolve(names, among)
        except UnknownIdError:
            self.step.check()
            if self.step.behind:
                raise FileUnavailableError(*reasons.parted(self.step.behind)) from None
            raise

    def of_project(self, project: str) -> list[FoundItem]:
        """Find all that waits of a project. Raises NotFoundError where nothing does."""
        found = [*self.items(DLQ_LIST, project), *self.items(QUEUE_LIST, project)]
        if not found:
            raise NotFoundError(
                f"Nothing of the project {one_line(project, 80)!r} waits.",
                "`mem0tray stats` shows the projects.",
            )
        return found

    def shortest(self, found: Iterable[FoundItem | Known]) -> dict[str, str]:
        """Find each id's shortest unique beginning, from eight characters; `ID-again-1` whole."""
        result = {}
        for item_id in {each.id for each in found}:
            others = {*self.reader.beside(item_id)} - {item_id}
            length = _SHORTEST
            while length < len(item_id) and any(e.startswith(item_id[:length]) for e in others):
                length += 1
            result[item_id] = item_id if item_id[: length - 1] in others else item_id[:length]
        return result

    def handles(self, found: Iterable[FoundItem | Known]) -> dict[str, str]:
        """Find for each id what to type in a command."""
        shortest = self.shortest(found).items()
        return {name: programs.quote(one_line(each, _LONGEST_ID)) for name, each in shortest}

    def names(self) -> set[Name]:
        """Identify every item, and what makes no sense as one."""
        return self.reader.waiting_names() | set(map(identity, self.odd))

    def with_attempts(self, found: FoundItem) -> FoundItem:
        """Add its failed attempts to an item."""
        known = found.known
        return found if known is None else replace(found, attempts=self.reader.attempts(known.key))


@contextmanager
def opened(settings: Settings) -> Iterator[WaitingItems]:
    """Open what waits now. Raises LedgerError or FileUnavailableError if nothing can be read."""
    paths = settings.locations()
    step = keep_in_step(paths, settings)
    with Reader(paths.ledger, needed=True) as reader:
        if step.behind and not reader.usable:
            raise FileUnavailableError(*reasons.parted(step.behind))
        yield WaitingItems(reader, step)


def _found(listed: Iterable[Listed]) -> list[FoundItem]:
    return [
        FoundItem(_PLACES[known.state], known.id, known.project, raw, items.parse(raw), known)
        for known, raw in listed
    ]
