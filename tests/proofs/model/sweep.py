"""A short story, with a kill at one point of it after the other."""

from collections.abc import Callable, Iterator
from pathlib import Path

from tests.proofs.model import ending
from tests.proofs.model.actors import Commands, Producers
from tests.proofs.model.world import World
from tests.support.http1 import Answer

Story = Callable[[World], None]


def deliver(world: World) -> None:
    """Two memories wait, one in the emergency file; one is stored, one is refused for good."""
    producers = Producers(world)
    world.server.script(Answer(500), project="beta", forever=True)
    producers.queue(producers.entry("alpha"))
    producers.queue(producers.entry("beta", retries=4))
    producers.emergency(producers.entry("gamma"))
    world.work()
    Commands(world).retry(None)
    world.work()


def kills(root: Path, story: Story, *, every: int = 1, honours_keys: bool = True) -> Iterator[str]:
    """Tell what goes wrong when the worker is killed at each point, or every so many."""
    point, reached = 0, True
    while reached:
        with World(root / str(point), honours_keys=honours_keys, can_be_asked=False) as world:
            world.start()
            reached = _told(world, story, point)
            yield from (f"killed at point {point}: {fault}" for fault in world.wrong)
        point += every


def _told(world: World, story: Story, point: int) -> bool:
    """Tell the story with a kill at that point; whether the story is so long."""
    died = []

    def die() -> None:
        died.append(point)
        world.die()

    world.points.arm(point, die)
    with world.killable():
        story(world)
    ending.heal(world)
    ending.check(world)
    return bool(died)
