"""Those who write the files beside the worker: producers, users with editors, commands."""

import json
from contextlib import ExitStack, suppress
from typing import IO, Final

from mem0tray.actions import add, delete, find, restore, restore_sources, retry
from mem0tray.actions.find import FoundItem
from mem0tray.actions.restore_sources import RestoreSource
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.item import DISCARDED, parse
from mem0tray.files import pauses
from mem0tray.files.emergency import REMOVE_AFTER
from mem0tray.files.lock import is_locked
from mem0tray.ledger.reader import Reader
from tests.proofs.model.beliefs import Wish
from tests.proofs.model.world import World
from tests.support.producer import EMPTY, LockGivenUpError, Producer
from tests.support.shapes import Item

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
        """Make a memory."""
        self._made += 1
        return {
            "id": item_id or f"id-{self._made:04d}-0000",
            "project_id": project,
            "content": f"memory number {self._made:04d} of this history",
            "timestamp": int(self._world.clock.time()),
            "retries": retries,
        }

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
        """Queue what was queued before."""
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
        """Leave the queue file cut off, as a writer that was killed does."""
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
        line = json.dumps({**item, "emergency": True}) + "\n"
        kept = line[: int(len(line) * part)]
        with world.home.emergency.open("a", encoding="utf-8") as file:
            file.write(kept)
        world.age(world.home.emergency)
        world.beliefs.accept(item, Wish.KEPT if kept == line else Wish.OPEN)

    @property
    def has_opened(self) -> bool:
        """Whether a slow writer holds the emergency file open."""
        return self._open is not None

    def open_emergency(self) -> None:
        """Open the emergency file, to write later."""
        self._open = self._world.home.emergency.open("a", encoding="utf-8")
        self._opened = self._world.clock.monotonic()

    def write_opened(self, item: Item) -> None:
        """Write into what was opened, wherever that is by now."""
        if self._open is not None:
            with self._open as file:
                file.write(json.dumps({**item, "emergency": True}) + "\n")
            self._open = None
            in_time = self._world.clock.monotonic() - self._opened < REMOVE_AFTER
            self._world.beliefs.accept(item, Wish.KEPT if in_time else Wish.OPEN)

    def hold(self) -> None:
        """Take the lock and keep it."""
        self._holding.enter_context(Producer(self._world.home.claude, give_up=_PATIENT).locked())
        self.holds = True

    def let_go(self) -> None:
        """Let go of it."""
        self._holding.close()
        self.holds = False

    def close(self) -> None:
        """Let go of everything."""
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


class Commands:
    """What the command line and the menu do."""

    def __init__(self, world: World) -> None:
        self._world = world

    def add(self, item: Item) -> None:
        """`mem0tray add`."""
        add.add(self._world.paths, item)
        self._world.beliefs.accept(item)

    def retry(self, project: str | None) -> None:
        """`mem0tray retry --all`, or `--project`."""
        with suppress(Mem0TrayError):
            if project is None:
                retry.retry_all(self._world.paths)
            else:
                retry.retry_project(self._world.paths, project)

    def delete(self, number: int) -> None:
        """`mem0tray delete ID --yes`, of a dead letter or a waiting entry."""
        world = self._world
        with suppress(Mem0TrayError):
            known = [each for each in find.everything(world.paths) if each.item is not None]
            if not known:
                return
            self._delete(known[number % len(known)])

    def _delete(self, chosen: FoundItem) -> None:
        world = self._world
        assert chosen.item is not None
        memory = world.beliefs.memories.get(chosen.item.content)
        if memory is None:  # the worker has never seen this item
            delete.delete(world.paths, [chosen])
            world.asked = True
            return
        # The worker may carry the deletion out before the command ends.
        wish, memory.wish = memory.wish, Wish.OPEN
        try:
            done = delete.delete(world.paths, [chosen])
        except Mem0TrayError:
            memory.wish = wish
            raise
        if done.items:
            memory.wish = Wish.GONE
        elif not done.in_flight:  # what is being sent is deleted only if the server refuses it
            memory.wish = wish
        world.asked |= bool(done.items or done.in_flight)

    def restore(self, number: int) -> None:
        """`mem0tray restore NAME`."""
        known = [source for source in restore_sources.sources(self._world.paths) if source.pieces]
        if known:
            with suppress(Mem0TrayError):
                self.restore_from(known[number % len(known)])

    def restore_from(self, source: RestoreSource) -> None:
        """Put back what is in a source. Raises Mem0TrayError."""
        world = self._world
        found = [item for piece in source.pieces if (item := parse(piece.raw)) is not None]
        known = (world.beliefs.memories.get(item.content) for item in found)
        gone = [memory for memory in known if memory is not None and memory.wish is Wish.GONE]
        for memory in gone:  # while it is being put back, it may be seen in either state
            memory.wish = Wish.OPEN
        try:
            result = restore.restore(world.paths, source, world.server.url)
        except Mem0TrayError:
            for memory in gone:
                memory.wish = Wish.GONE
            raise
        for piece in (*result.dead, *result.fresh):
            item = parse(piece.raw)
            if item is not None and item.content in world.beliefs.memories:
                world.beliefs.put_back(item.content)
                if piece in result.dead:
                    world.restored.add(item.content)

    def pause(self, minutes: float | None) -> None:
        """`mem0tray pause`."""
        until = None if minutes is None else self._world.clock.time() + minutes * 60
        pauses.write(self._world.paths, until)

    def resume(self) -> None:
        """`mem0tray resume`."""
        pauses.clear(self._world.paths)
