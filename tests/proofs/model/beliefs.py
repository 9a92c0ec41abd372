"""What must be true of each memory, by the contract alone; nothing here asks the product."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from tests.support.shapes import Item, Json

_CONTENT = re.compile(r'"content": ("[^"\\\n]*")')
_RETENTION = 90 * 86_400.0  # seconds


class Wish(Enum):
    """What everybody together wanted for a memory."""

    KEPT = "kept"  # to be delivered, sooner or later
    GONE = "gone"  # discarded: restorable, and not sent any more
    OPEN = "open"  # the contract leaves it open, or an edit took its place


@dataclass
class Memory:
    """One text under an id; texts are unique in a history."""

    id: str
    project: str
    text: str
    wish: Wish = Wish.KEPT
    replaced: bool = False  # by an edit of its content: no longer a memory of its own
    edited: bool = False  # `edit` replaced it, and no file has shown it since
    is_edit: bool = False  # by an edit it took the place of another text under its id
    expired: bool = False  # discarded for so long that nobody has to restore it
    revived: int = -1  # generations published when it was last put back
    retry_count: int | None = None  # as the DLQ file must show it; None: unknown
    counts: set[int] = field(default_factory=set)  # every retry_count that was published for it
    not_before: float = 0.0  # the earliest time for the next attempt, wall clock

    def forget_values(self) -> None:
        self.retry_count, self.not_before = None, 0.0


class Beliefs:
    """Every memory of a history, and every generation of the DLQ file that we published.

    `wrong` collects what the product got wrong, as sentences.
    """

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.memories: dict[str, Memory] = {}
        self.offered: set[str] = set()  # texts that somebody began to write: they may be taken in
        self.generations: dict[str, dict[str, Item]] = {}  # by last_update: text to item
        self._written: set[str] = set()  # texts in the files that others saved
        self._order: list[str] = []  # the names of the generations, oldest first
        self._bytes: set[bytes] = set()  # every file that we published

    def accept(self, item: Item, wish: Wish = Wish.KEPT) -> Memory:
        """Somebody has handed over a memory (or, with `Wish.OPEN`, may have)."""
        memory = Memory(item["id"], item["project_id"], item["content"], wish)
        return self.memories.setdefault(memory.text, memory)

    def texts(self, *wishes: Wish) -> list[str]:
        return [each.text for each in self.memories.values() if each.wish in wishes]

    def only(self, item_id: str) -> Memory | None:
        found = [each for each in self.memories.values() if each.id == item_id]
        return found[0] if len(found) == 1 else None

    def forget_values(self, item_id: str) -> None:
        for memory in self.memories.values():
            if memory.id == item_id:
                memory.forget_values()

    @property
    def published_so_far(self) -> int:
        return len(self._order)

    def put_back(self, text: str, wish: Wish = Wish.KEPT, published: int | None = None) -> None:
        """Somebody has put back what was discarded, or may have, when so many were `published`."""
        memory = self.memories[text]
        memory.wish, memory.edited = wish, False
        memory.revived = len(self._order) if published is None else published
        memory.forget_values()

    def edited(self, item: Item, old: str) -> None:
        """`edit` has given the memory with the text `old` the text of `item`."""
        self.memories[old].edited = True
        self._edit(item)

    def clock_set(self, seconds: float) -> None:
        """No wait is certain any more, and what is kept for a while may have had its time."""
        for memory in self.memories.values():
            memory.not_before = 0.0
            memory.expired |= memory.wish is Wish.GONE and seconds > _RETENTION

    # The DLQ file ------------------------------------------------------------------

    def published(self, data: bytes) -> None:
        """We have written the DLQ file; to be told twice of it is no harm."""
        if data in self._bytes:
            return
        document = json.loads(data)
        name = document["last_update"]
        if name in self.generations:
            self.wrong.append(f"last_update {name} was used twice")
        self._order.append(name)
        self._bytes.add(data)
        self.generations[name] = items_of(document)
        for text, item in self.generations[name].items():
            memory = self.memories.get(text)
            if memory is None:
                if text not in self.offered:
                    self.wrong.append(f"published, though nobody handed it over: {text!r}")
                continue
            count = item.get("retry_count", 0)
            if memory.retry_count not in (None, count):
                self.wrong.append(f"retry_count {count}, not {memory.retry_count}: {text!r}")
            memory.counts.add(count)

    def saved(self, document: Item, data: bytes) -> None:
        found, exact = items_of(document), data in self._bytes
        seen = self.generations.get(document.get("last_update", ""))
        if seen is None:
            self._open(self._with_edits(self._listed() - found.keys()) - found.keys())
        else:
            self._discard(seen, found, self._order.index(document["last_update"]))
            # An exact copy undoes an edit; of any other one nobody knows, where both texts wait.
            former = {
                text for text in seen.keys() & found.keys() if self._is_former(text, exact=exact)
            }
            self._open(self._with_edits(former) - former - found.keys())
        for text, item in found.items():
            self._show(text, item, exact=exact)
        self._written |= found.keys()

    def perhaps_saved(self, text: str) -> None:
        """Somebody else's file is salvaged, or may have been overwritten before it was merged."""
        for memory in self.memories.values():
            if memory.text in text:
                memory.forget_values()
                memory.edited = False
                memory.wish = Wish.OPEN if memory.wish is Wish.GONE else memory.wish
            elif f'"{memory.id}"' in text:  # with other content, perhaps
                memory.forget_values()
                memory.wish, memory.replaced = Wish.OPEN, True

    def undone(self, document: Item) -> None:
        for text in self._listed() - items_of(document).keys():
            memory = self.memories[text]
            memory.wish = Wish.OPEN if memory.wish is Wish.GONE else memory.wish

    def garbled(self, text: str) -> None:
        """Two wrote into one file at once: whatever stands there for a content may be taken."""
        self.offered |= {str(json.loads(found)) for found in _CONTENT.findall(text)}

    def late(self, text: str) -> None:
        """What a save meant that went into a file which was replaced meanwhile, nobody knows."""
        self._open(self._listed())
        self.perhaps_saved(text)

    def overwritten(self, document: Item) -> None:
        """Nobody knows whether this save was merged before the next one took its place."""
        found = items_of(document)
        shown = {text for seen in self.generations.values() for text in seen}
        for text, item in found.items():
            if text not in self.memories:
                self._edit(item)
        for text in (self._listed() - found.keys()) | (found.keys() - shown):
            self.memories[text].wish = Wish.OPEN
        self.perhaps_saved(json.dumps(document))

    def _listed(self) -> set[str]:
        shown = {text for seen in self.generations.values() for text in seen}
        return (shown | self._written) & self.memories.keys()

    def _discard(self, seen: dict[str, Item], found: dict[str, Item], at: int) -> None:
        edited = {item["id"] for text, item in found.items() if text not in seen}
        gone = (seen.keys() & self.memories.keys()) - found.keys()
        self._open(self._with_edits(gone) - gone - found.keys())
        for text in gone:
            memory = self.memories[text]
            if memory.wish is Wish.KEPT:
                certain = memory.revived < 0 or memory.revived <= at
                certain = certain and memory.id not in edited
                memory.wish = Wish.GONE if certain else Wish.OPEN
        # What somebody wrote under that name, and nobody has published since: it was seen too.
        later = {text for name in self._order[at + 1 :] for text in self.generations[name]}
        self._open((self._written & self.memories.keys()) - seen.keys() - found.keys() - later)

    def _is_former(self, text: str, *, exact: bool) -> bool:
        memory = self.memories.get(text)
        return memory is not None and memory.replaced and (exact or memory.wish is Wish.KEPT)

    def _with_edits(self, texts: set[str]) -> set[str]:
        """Add the texts that took the place of these by edits: they are the same items."""
        ids = {self.memories[text].id for text in texts}
        edits = (each for each in self.memories.values() if each.is_edit and each.id in ids)
        return {*texts, *(each.text for each in edits)}

    def _open(self, texts: Iterable[str]) -> None:
        for text in texts:
            memory = self.memories[text]
            if memory.wish is Wish.KEPT:
                memory.wish = Wish.OPEN

    def _show(self, text: str, item: Item, *, exact: bool) -> None:
        memory = self.memories.get(text)
        if memory is None:
            self._edit(item)
            return
        if memory.wish is not Wish.KEPT:
            restored = exact and not memory.replaced and memory.wish is Wish.GONE
            self.put_back(text, Wish.KEPT if restored else Wish.OPEN)
        if item.get("last_attempt", 0) <= 0:
            memory.not_before = 0.0
        count = item.get("retry_count")
        if count not in memory.counts:
            memory.not_before = 0.0
            # What tells of failures names the id: with two texts under one, nobody knows whose.
            memory.retry_count = count if self.only(memory.id) is memory else None
            memory.counts.add(count or 0)

    def _edit(self, item: Item) -> None:
        others = [each for each in self.memories.values() if each.id == item["id"]]
        new = self.accept(item)
        new.retry_count = None if others else item.get("retry_count")
        new.is_edit |= bool(others)
        new.counts.add(item.get("retry_count") or 0)  # who saves it again means nothing by it
        for other in others:
            other.replaced = True
            other.forget_values()
            if other.wish is Wish.KEPT:
                other.wish = Wish.OPEN


def items_of(document: Json) -> dict[str, Item]:
    """Map each text of a DLQ document to its item; what has none makes no sense, and stays."""
    return {item["content"]: item for item in document.get("items", []) if "content" in item}
