"""Short stories, each of which goes wrong with one kind of bug: the proofs' quick form."""

from pathlib import Path
from typing import Any
from unittest import mock

from mem0tray.server.vps import VpsClient
from tests.proofs.model import ending
from tests.proofs.model.actors import Commands, Producers
from tests.proofs.model.sweep import deliver, kills
from tests.proofs.model.user import Change, User
from tests.proofs.model.world import World
from tests.support.http1 import Answer


def killed_in_a_delivery(root: Path) -> list[str]:
    """A worker is killed at some points of a short story."""
    return next(([fault] for fault in kills(root, deliver, every=15)), [])


def a_stale_save(world: World) -> None:
    """An editor saves a copy from before the newest dead letter came."""
    producers, user = Producers(world), User(world)
    world.server.default = Answer(500)
    producers.queue(producers.entry("alpha", retries=5))
    world.work()
    user.open()
    producers.queue(producers.entry("alpha", retries=5))
    world.work()
    user.save(0, Change(retry=frozenset({0})))
    world.work()


def some_failed_retries(world: World) -> None:
    """A dead letter fails twice more."""
    producers, commands = Producers(world), Commands(world)
    world.server.default = Answer(500)
    producers.queue(producers.entry("alpha", retries=5))
    for _ in range(3):
        world.work()
        world.clock.advance(4000)
        commands.retry(None)


def one_id_for_two_memories(world: World) -> None:
    """A producer uses an id twice; the server honours the keys."""
    producers = Producers(world)
    first = producers.entry("alpha")
    producers.queue(first)
    producers.queue(producers.entry("alpha", item_id=first["id"]))


def an_answer_that_gets_lost(world: World) -> None:
    """The server stores a memory, and the connection is cut before the answer."""
    producers = Producers(world)
    world.server.script(Answer(reset=True, stores=True))
    producers.queue(producers.entry("alpha"))
    world.work()


def an_outage(world: World) -> None:
    """The server is down for long, though its health path says otherwise."""
    producers = Producers(world)
    world.server.default = Answer(502)
    producers.queue(producers.entry("alpha"))
    for _ in range(8):
        world.work()
        world.clock.advance(61)
    if world.home.dlq_items():
        world.wrong.append("a dead letter, though only the server was out")


def a_deletion_after_the_claim(world: World) -> None:
    """`delete` comes while the worker asks the server about a memory that it is to send."""
    producers, commands = Producers(world), Commands(world)
    world.server.script(Answer(reset=True))
    producers.queue(producers.entry("alpha"))
    world.work()
    world.clock.advance(3_700)
    ask = VpsClient.ask

    def asking(self: VpsClient, *args: Any) -> Any:
        commands.delete(0)
        return ask(self, *args)

    with mock.patch.object(VpsClient, "ask", asking):
        world.work()
    if any(world.server.stored):
        world.wrong.append("sent after it was deleted")


def a_deletion_beside_a_hung_producer(world: World) -> None:
    """A dead letter is deleted while a producer keeps its entry in the queue file."""
    producers = Producers(world)
    producers.queue(producers.entry("alpha", retries=5))
    producers.hold()
    world.work()
    Commands(world).delete(0)
    world.stop()
    world.start()
    world.cycle()
    producers.let_go()


def told(world: World) -> list[str]:
    """End the history; what went wrong in it."""
    if not world.wrong:
        ending.heal(world)
        ending.check(world)
    return world.wrong
