"""From what a person typed to the items that are meant."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct, field

from mem0tray.actions import dead_letters, read_files
from mem0tray.core import item as items
from mem0tray.core.errors import NotFoundError, UnknownIdError
from mem0tray.core.item import Item, Name, identity
from mem0tray.core.reasons import Reason
from mem0tray.core.text import one_line
from mem0tray.system import shell
from mem0tray.system.paths import Paths

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

    `place` is `read_files.DLQ_LIST` or `read_files.QUEUE_LIST`. `item` is None for an object that
    has an id but makes no sense to us (its content is no text).
    """

    place: str
    id: str
    project: str
    raw: bytes
    item: Item | None

    @property
    def is_dead(self) -> bool:
        """Whether it is a dead letter."""
        return self.place == read_files.DLQ_LIST

    @property
    def identity(self) -> Identity:
        """See `identity`."""
        if self.item is not None:
            return self.item.name
        return identity(self.raw)


class FileListing(Struct):
    """The content of a file: the items, and how many things are no items."""

    found: list[FoundItem] = field(default_factory=list)
    nonsense: int = 0

    @property
    def unnamed(self) -> int:
        """How many things in the file have no id, and so are not in `found`."""
        return self.nonsense - sum(each.item is None for each in self.found)


def listing(raws: Iterable[bytes], place: str) -> FileListing:
    """Every item of a file, in order; nonsense with an id is among them and counted."""
    result = FileListing()
    for raw in raws:
        item = items.parse(raw)
        if item is not None:
            result.found.append(FoundItem(place, item.id, item.project, raw, item))
            continue
        result.nonsense += 1
        value = items.load_object(raw) or {}
        name, project = value.get("id"), value.get("project_id")
        if isinstance(name, str) and name:
            text = project if isinstance(project, str) else ""
            result.found.append(FoundItem(place, name, text, raw, None))
    return result


def everything(
    paths: Paths, places: Sequence[str] = (read_files.DLQ_LIST, read_files.QUEUE_LIST)
) -> list[FoundItem]:
    """Every dead letter that a command can act on, then every item of the queue file."""
    found: list[FoundItem] = []
    if read_files.DLQ_LIST in places:
        found += listing(dead_letters.to_act_on(paths), read_files.DLQ_LIST).found
    if read_files.QUEUE_LIST in places:
        found += listing(read_files.fresh_entries(paths), read_files.QUEUE_LIST).found
    return found


def of_project(among: Iterable[FoundItem], project: str) -> list[FoundItem]:
    """The items of a project. Raises NotFoundError where there are none."""
    found = [each for each in among if each.project == project]
    if not found:
        raise NotFoundError(
            f"Nothing of the project {one_line(project, 80)!r} waits.",
            "`mem0tray stats` shows the projects.",
        )
    return found


def handles(found: Iterable[FoundItem]) -> dict[str, str]:
    """By id what to type for it: its shortest unique beginning, at least eight characters."""
    ids = sorted({each.id for each in found})
    shared = [0, *itertools.starmap(_shared, itertools.pairwise(ids)), 0]
    needed = map(max, itertools.pairwise(shared))
    return {
        name: shell.quote(one_line(name[: max(_SHORTEST, least + 1)], _LONGEST_ID))
        for name, least in zip(ids, needed, strict=False)
    }


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


def beginning(name: str, among: Sequence[FoundItem]) -> list[int]:
    """The places of ids that begin with `name`, as they are, or else as they are shown."""
    if not name:
        return []
    begin = [at for at, each in enumerate(among) if each.id.startswith(name)]
    # An escape or a line break in an id is neither shown nor typed.
    return begin or [
        at for at, each in enumerate(among) if one_line(each.id, _COMPARED).startswith(name)
    ]


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
        begins = Reason("No item's id begins with {id}.", id=repr(shown))
        raise UnknownIdError(begins, _WHERE_TO_LOOK, name=name)
    if len(ids) > 1:
        some = ", ".join(one_line(each, _LONGEST_ID) for each in ids[:_SHOWN])
        more = f" and {len(ids) - _SHOWN:,} more" if len(ids) > _SHOWN else ""
        raise NotFoundError(
            f"{len(ids):,} ids begin with {shown!r}: {some}{more}.", "Give more of the id."
        )
    return begin
