"""Those who write the files beside the worker: producers, users with editors, commands."""

import json
from contextlib import ExitStack, suppress
from typing import IO, Final

from mem0tray.actions import add, backups, forget, verbs, waiting
from mem0tray.actions.backups import RestoreSource
from mem0tray.actions.verbs import Deleted
from mem0tray.actions.waiting import FoundItem
from mem0tray.core import item as items
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.item import DISCARDED, parse
from mem0tray.files import orders
from mem0tray.files.emergency import REMOVE_AFTER
from mem0tray.files.lock import is_locked
from mem0tray.ledger.reader import Reader
from tests.proofs.model.beliefs import Memory, Wish
from tests.proofs.model.world import World
from tests.support.producer import EMPTY, LockGivenUpError, Producer
from tests.support.shapes import Item, emergency_lines, entry

PROJECTS: Final = ("alpha", "beta", "gamma")
_AT_ONCE: Final = 0.005  # seconds; nobody in a history lets go of the lock meanwhile
_PATIENT: Final = 10.0


class Producers:
    """Programs that queue memories: under the lock, without it, or carelessly."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._made = 0
        self._holding = ExitStack()
        self._open: IO[str] | None = None  # an emergency file that a slow writer holds open
        self._opened = 0.0  # since then, on the monotonic clock
        self.holds = False

    def entry(self, project: str, retries: int = 0, item_id: str = "") -> Item:
        self._made += 1
        text = f"memory number {self._made:04d} of this history"
        return entry(text, project, id=item_id or f"id-{self._made:04d}-0000", retries=retries)

    def queue(self, item: Item, *, replace: bool = False) -> None:
        """Queue it under the lock; in the emergency file where there is no lock to be had."""
        world = self._world
        give_up = _AT_ONCE if is_locked(world.paths.queue_lock) else _PATIENT
        producer = Producer(world.home.claude, replace=replace, give_up=give_up)
        try:
            with producer.locked():
                self._mourn(producer)
                producer._append(item)
                world.age(world.home.queue)
        except LockGivenUpError:
            self.emergency(item)
        else:
            world.beliefs.accept(item)

    def again(self, item: Item) -> None:
        self.queue(item)
        memory = self._world.beliefs.memories[item["content"]]
        if memory.wish is not Wish.KEPT:
            self._world.beliefs.put_back(memory.text, Wish.OPEN)

    def afresh(self, item: Item) -> None:
        """Begin the queue file anew, as if it could not be read."""
        world = self._world
        with Producer(world.home.claude, give_up=_PATIENT).locked():
            self._lose_what_nobody_took(b"")
            document = {"queue": [item], "last_100": [item], "failed": [], "stats": dict(EMPTY)}
            world.home.dump(world.home.queue, document)
            world.age(world.home.queue)
        world.beliefs.accept(item)

    def die_writing(self, part: float) -> None:
        world = self._world
        if world.home.queue.exists():
            data = world.home.queue.read_bytes()
            data = data[: int(len(data) * part)]
            self._lose_what_nobody_took(data)
            world.home.queue.write_bytes(data)
            world.age(world.home.queue)

    def emergency(self, item: Item, part: float = 1.0) -> None:
        """Append it without a lock; a `part` of the line when the writer is killed over it."""
        world = self._world
        line = emergency_lines([item])
        kept = line[: int(len(line) * part)]
        with world.home.emergency.open("a", encoding="utf-8") as file:
            file.write(kept)
        world.age(world.home.emergency)
        world.beliefs.accept(item, Wish.KEPT if kept == line else Wish.OPEN)

    @property
    def has_opened(self) -> bool:
        return self._open is not None

    def open_emergency(self) -> None:
        self._open = self._world.home.emergency.open("a", encoding="utf-8")
        self._opened = self._world.clock.monotonic()

    def write_opened(self, item: Item) -> None:
        if self._open is not None:
            with self._open as file:
                file.write(emergency_lines([item]))
            self._open = None
            in_time = self._world.clock.monotonic() - self._opened < REMOVE_AFTER
            self._world.beliefs.accept(item, Wish.KEPT if in_time else Wish.OPEN)

    def hold(self) -> None:
        self._holding.enter_context(Producer(self._world.home.claude, give_up=_PATIENT).locked())
        self.holds = True

    def let_go(self) -> None:
        self._holding.close()
        self.holds = False

    def close(self) -> None:
        self.let_go()
        if self._open is not None:
            self._open.close()

    def _mourn(self, producer: Producer) -> None:
        """A producer that cannot read the file begins it anew: what nobody took in is lost."""
        path = producer.claude / "mem0_queue.json"
        with suppress(FileNotFoundError):
            try:
                json.loads(path.read_bytes())
            except ValueError:
                self._lose_what_nobody_took(b"")

    def _lose_what_nobody_took(self, left: bytes) -> None:
        """What a producer destroys before the worker has seen it is not the worker's to keep."""
        world = self._world
        if not world.home.queue.exists():
            return
        before = world.home.queue.read_text("utf-8")
        kept = left.decode()
        with Reader(world.paths.ledger) as reader:
            for memory in world.beliefs.memories.values():
                shown = before.count(memory.text) > kept.count(memory.text)
                if shown and not _is_taken(reader, memory.id, memory.text):
                    memory.wish = Wish.OPEN


def _is_taken(reader: Reader, item_id: str, text: str) -> bool:
    """Whether the worker has it; what was put back after a deletion it has to see again."""
    for project in PROJECTS:
        raw = json.dumps({"id": item_id, "project_id": project, "content": text}).encode()
        item = parse(raw)
        assert item is not None
        known = reader.known(item.id, item.digest)
        if known is not None and known.state != DISCARDED:
            return True
    return False


def text_of(found: FoundItem) -> str:
    assert found.item is not None
    return str(found.item.content)


class Commands:
    """What the command line and the menu do."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._texts = 0

    def add(self, item: Item) -> None:
        add.add(self._world.paths, item)
        self._world.beliefs.accept(item)

    def retry(self, project: str | None) -> None:
        world = self._world
        done = verbs.Retried()
        with suppress(Mem0TrayError):
            done = verbs.retry_all(world.settings, project)
        for each in done.items:
            memory = world.beliefs.memories.get(text_of(each))
            if memory is not None:
                memory.not_before = 0.0

    def find(self, number: int) -> FoundItem | None:
        with suppress(Mem0TrayError):
            with waiting.opened(self._world.settings) as seen:
                known = [each for place in waiting.BOTH for each in seen.items(place)]
            return known[number % len(known)] if known else None
        return None

    def memory(self, found: FoundItem) -> Memory | None:
        """Find the memory as it is when a command changes it: after the last save is merged."""
        self._world.merge_soon()
        return self._world.beliefs.memories.get(text_of(found))

    def delete(self, number: int, *, for_good: bool = False) -> None:
        """`mem0tray delete ID --yes`, of a dead letter or a waiting entry; perhaps `--forget`."""
        chosen = self.find(number)
        if chosen is not None:
            with suppress(Mem0TrayError):
                self.delete_item(chosen, for_good=for_good)

    def delete_item(self, chosen: FoundItem, *, for_good: bool = False) -> None:
        memory = self.memory(chosen)
        if memory is None:  # nobody has ever seen this item
            self._delete(chosen, for_good=for_good)
            return
        # The worker may apply the deletion before the command ends.
        wish, memory.wish = memory.wish, Wish.OPEN
        try:
            done = self._delete(chosen, for_good=for_good)
        except Mem0TrayError:
            memory.wish = wish
            raise
        if done.items:
            memory.wish = Wish.GONE
        elif not done.in_flight:  # what is being sent is deleted only if the server refuses it
            memory.wish = wish

    def _delete(self, chosen: FoundItem, *, for_good: bool) -> Deleted:
        world = self._world
        done = verbs.delete(world.paths, world.settings, [chosen], for_good=for_good)
        world.asked |= not done.heard
        if for_good:
            world.beliefs.offered.add("")  # what is left of it where it is cut out of a wreck
            for memory in world.beliefs.memories.values():  # older texts of the id go too
                memory.expired |= memory.id == chosen.id
            everything = [*done.items, *done.delivered, *done.in_flight]
            forget.forget(world.paths, world.settings, everything, heard=done.heard)
        return done

    def edit(self, number: int) -> None:
        """`mem0tray edit ID`, of a dead letter or a waiting entry."""
        chosen = self.find(number)
        if chosen is not None:
            self.edit_item(chosen, self.another_text())

    def another_text(self) -> str:
        self._texts += 1
        text = f"memory edited by a command, number {self._texts:04d}"
        self._world.beliefs.offered.add(text)
        return text

    def edit_item(self, chosen: FoundItem, text: str) -> None:
        world = self._world
        memory = self.memory(chosen)
        wish = Wish.OPEN if memory is None else memory.wish
        if memory is not None:  # the worker may apply the edit before the command ends
            memory.wish = Wish.OPEN
        try:
            done = verbs.edit_text(world.paths, world.settings, chosen, text)
        except Mem0TrayError:
            if memory is not None:
                memory.wish = wish
            return
        world.asked |= not done.heard
        self.edited(chosen, text, certain=done.outcome == orders.DONE)

    def edited(self, chosen: FoundItem, text: str, *, certain: bool = True) -> None:
        """Believe that a memory has another text now; `certain`: the old one is never sent."""
        beliefs, old = self._world.beliefs, text_of(chosen)
        if old in beliefs.memories:
            beliefs.edited({"id": chosen.id, "project_id": chosen.project, "content": text}, old)
            beliefs.memories[old].edited = certain

    def restore(self, number: int) -> None:
        source = self.source(number)
        if source is not None:
            with suppress(Mem0TrayError):
                self.restore_from(source)

    def source(self, number: int) -> RestoreSource | None:
        known = [source for source in backups.sources(self._world.paths) if source.pieces]
        return known[number % len(known)] if known else None

    def restore_from(self, source: RestoreSource) -> None:
        """Put back what is in a source. Raises Mem0TrayError."""
        world = self._world
        published = world.beliefs.published_so_far
        gone = self.open(source)
        try:
            result = verbs.restore(world.paths, world.settings, source)
        except Mem0TrayError:
            for memory in gone:
                memory.wish = Wish.GONE
            raise
        world.asked |= not result.heard
        back = {
            str(item.content)
            for each in (*result.dead, *result.fresh)
            if (item := items.parse(each.raw)) is not None
        }
        for memory in gone:
            if memory.text not in back:
                memory.wish = Wish.GONE
        for text in back & world.beliefs.memories.keys():
            world.beliefs.put_back(text, published=published)

    def open(self, source: RestoreSource) -> list[Memory]:
        """While they are being put back, they may be seen in either state; return those."""
        found = [item for piece in source.pieces if (item := items.parse(piece.raw)) is not None]
        texts = {str(item.content) for item in found} & self._world.beliefs.memories.keys()
        known = [self._world.beliefs.memories[text] for text in texts]
        for memory in known:
            memory.edited = False
        gone = [memory for memory in known if memory.wish is Wish.GONE]
        for memory in gone:
            memory.wish = Wish.OPEN
        return gone


class Killed:
    """A user whose command is killed at some point, and who gives it again."""

    VERBS: Final = ("delete", "edit", "retry", "restore")

    def __init__(self, world: World, commands: Commands) -> None:
        self._world = world
        self._commands = commands

    def give(self, verb: str, number: int, after: int) -> None:
        if verb == "restore":
            self._restore(number, after)
        elif verb == "retry":
            self._retry(after)
        elif (chosen := self._commands.find(number)) is not None:
            (self._delete if verb == "delete" else self._edit)(chosen, after)

    def _delete(self, chosen: FoundItem, after: int) -> None:
        world = self._world
        memory = self._commands.memory(chosen)
        if memory is not None:
            memory.wish = Wish.OPEN
        act = verbs.delete
        world.in_a_killed_process(after, lambda: act(world.paths, world.settings, [chosen]))
        if self._waits(text_of(chosen)) is not False:
            with suppress(Mem0TrayError):
                self._commands.delete_item(chosen)
        if memory is not None and self._waits(text_of(chosen)) is False:
            memory.wish = Wish.GONE

    def _edit(self, chosen: FoundItem, after: int) -> None:
        world, text = self._world, self._commands.another_text()
        act = verbs.edit_text
        world.in_a_killed_process(after, lambda: act(world.paths, world.settings, chosen, text))
        if self._waits(text_of(chosen)) is not False:
            self._commands.edit_item(chosen, text)
        if self._waits(text_of(chosen)) is False:
            # An attempt may have been made before: `edit` alone could have said so.
            self._commands.edited(chosen, text, certain=False)

    def _retry(self, after: int) -> None:
        world = self._world
        world.in_a_killed_process(after, lambda: verbs.retry_all(world.settings))
        self._commands.retry(None)

    def _restore(self, number: int, after: int) -> None:
        world = self._world
        source = self._commands.source(number)
        if source is None:
            return
        published = world.beliefs.published_so_far
        gone = self._commands.open(source)
        act = verbs.restore
        world.in_a_killed_process(after, lambda: act(world.paths, world.settings, source))
        for memory in gone:
            memory.wish = Wish.GONE
        with suppress(Mem0TrayError):
            self._commands.restore_from(backups.named(world.paths, source.name))
        for memory in gone:
            waits = self._waits(memory.text)
            if waits is None:
                memory.wish = Wish.OPEN
            elif waits:  # the killed command had put it back
                world.beliefs.put_back(memory.text, published=published)

    def _waits(self, text: str) -> bool | None:
        """Whether a memory waits; None while a broken file lets nobody tell."""
        with suppress(Mem0TrayError):
            with waiting.opened(self._world.settings) as seen:
                known = [each for place in waiting.BOTH for each in seen.items(place)]
            return any(text_of(each) == text for each in known)
        return None
