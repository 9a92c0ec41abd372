"""How a history ends: everything is mended, and what was accepted arrives, once."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from mem0tray.actions import backups, verbs
from mem0tray.core import item as items
from mem0tray.core.errors import Mem0TrayError
from tests.proofs.model.actors import Commands, Producers
from tests.proofs.model.beliefs import Wish
from tests.proofs.model.world import PROMPT, World
from tests.support import oracle
from tests.support.http1 import Answer
from tests.support.shapes import texts
from tests.support.standin import NAMED

_ROUNDS: Final = 12
_LONG: Final = 3_700.0  # seconds: longer than any wait


def mend(world: World) -> None:
    world.server.clear_scripts()
    world.server.default = Answer()
    world.server.health = NAMED
    world.hurry(PROMPT)
    if not world.serving:
        world.switch()


def heal(world: World) -> None:
    mend(world)
    world.paths.pause.unlink(missing_ok=True)
    if world.life is None:
        world.start()
    rested = 0
    for _ in range(_ROUNDS):
        world.clock.advance(_LONG)
        world.work()
        rested = rested + 1 if world.is_idle() and not waiting(world) else 0
        # Twice: an entry that a producer took out of the file, and whose request failed just
        # now, is in no file for some seconds.
        if rested == 2:
            world.clock.advance(2)  # what was done last is published within a second
            world.cycle()
            return
    world.wrong.append(f"not idle after {_ROUNDS} hours: {waiting(world)}")


def waiting(world: World) -> list[str]:
    """List the texts in queue and DLQ; what has none is never sent, and stays."""
    found = texts([*world.home.queue_items(), *world.home.dlq_items()])
    return [text for text in found if text is not None]


def check(world: World) -> None:
    """Hold the end against the oracle; then put back what was deleted, and see it arrive."""
    beliefs, home, server = world.beliefs, world.home, world.server
    gone = [m.text for m in beliefs.memories.values() if m.wish is Wish.GONE and not m.expired]
    world.wrong += oracle.faults(
        home,
        server,
        [*beliefs.texts(Wish.KEPT), *gone],
        discarded=gone,
        offered=[*beliefs.texts(Wish.OPEN, Wish.GONE), *beliefs.offered],
    )
    world.wrong += [f"not delivered: {text!r}" for text in server.missing(beliefs.texts(Wish.KEPT))]
    if server.honours_keys or server.can_be_asked:
        world.wrong += [f"stored {n} times: {text!r}" for text, n in server.surplus().items()]
    _check_counters(world)
    log = home.log_text()
    world.wrong += [f"in the log: {text!r}" for text in beliefs.memories if text in log]
    if not world.wrong:
        _restore_everything(world)
        world.wrong += [f"restored, not delivered: {text!r}" for text in server.missing(gone)]


def _check_counters(world: World) -> None:
    metrics, queue = world.home.read(world.home.metrics), world.home.read(world.home.queue, {})
    stats = queue.get("stats", {"total_synced": 0, "total_queued": 0})
    left = {"queue_size": 0, "dlq_size": len(world.home.dlq_items())}
    for name, number in left.items():
        if metrics[name] != number:
            world.wrong.append(f"{name} is {metrics[name]}, though {number} are there")
    for name in ("total_synced", "total_queued"):
        there = stats.get(name)
        if metrics[name] != there:
            world.wrong.append(f"{name} is {metrics[name]} in one file, {there} in another")
    # What was deleted while its outcome was unknown may be there without having been counted.
    least, most = len(world.beliefs.texts(Wish.KEPT)), len(set(world.server.stored))
    if not least <= metrics["total_synced"] <= most:
        world.wrong.append(f"total_synced is {metrics['total_synced']}, not {least} to {most}")


def _restore_everything(world: World) -> None:
    for source in backups.sources(world.paths):
        try:
            Commands(world).restore_from(source)
        except Mem0TrayError as error:
            world.wrong.append(f"{source.name} cannot be restored: {error}")
            return
    heal(world)


def _deliver(world: World, producers: Producers) -> None:
    """Two memories wait, one in the emergency file; one is stored, one is refused for good."""
    world.server.script(Answer(500), project="beta", forever=True)
    producers.queue(producers.entry("alpha"))
    producers.queue(producers.entry("beta", retries=4))
    producers.emergency(producers.entry("gamma"))
    world.work()
    Commands(world).retry(None)
    world.work()


def kills(root: Path, *, every: int = 1, honours_keys: bool = True) -> Iterator[str]:
    """Tell what goes wrong when a delivery is killed at each point, or every so many."""
    point, reached = 0, True
    while reached:
        with World(root / str(point), honours_keys=honours_keys, can_be_asked=False) as world:
            world.start()
            reached = _told(world, point)
            yield from (f"killed at point {point}: {fault}" for fault in world.wrong)
        point += every


def _told(world: World, point: int) -> bool:
    """Deliver with a kill at that point; whether there are so many."""
    died = []

    def die() -> None:
        died.append(point)
        world.die()

    world.points.arm(point, die)
    with world.killable():
        _deliver(world, Producers(world))
    heal(world)
    check(world)
    return bool(died)


def interruptions(root: Path, verb: str) -> Iterator[str]:
    """Tell what is lost when a command beside a worker is interrupted at each point, once or twice.

    At a point of the worker, it stands still there, with the order claimed or applied, until the
    command has ended or asks again.
    """
    for again in (False, True):
        point, reached = 0, True
        while reached:
            home = root / f"{point}-{again}"
            with World(home, honours_keys=True, can_be_asked=False) as world:
                world.start()
                reached, lost = _interrupted(world, verb, point, again=again)
                if lost:
                    yield f"{verb} interrupted at point {point}, again: {again}: {lost}"
            point += 1


def _interrupted(world: World, verb: str, point: int, *, again: bool) -> tuple[bool, str]:
    """Interrupt a command there; whether it has so many points, and the text that is nowhere."""
    producers, commands = Producers(world), Commands(world)
    item = producers.entry("alpha")
    producers.queue(item)
    world.switch()
    world.work()
    chosen, stops = commands.find(0), []
    assert chosen is not None

    def interrupt() -> None:
        stops.append(point)
        if again and len(stops) == 1:
            world.points.arm(0, interrupt)
        raise KeyboardInterrupt

    world.points.arm(point, interrupt)
    with suppress(KeyboardInterrupt, Mem0TrayError):
        if verb == "edit":
            verbs.edit_text(world.paths, world.settings, chosen, commands.another_text())
        else:
            verbs.delete(world.paths, world.settings, [chosen])
    world.points.disarm()
    world.cycle()
    kept = {
        str((items.load_object(piece.raw) or {}).get("content"))
        for source in backups.sources(world.paths)
        for piece in source.pieces
    }
    text = str(item["content"])
    return bool(stops), "" if text in kept or text in waiting(world) else text
