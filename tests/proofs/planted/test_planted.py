"""Each planted bug is caught by the proof that should catch it."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from mem0tray.server.vps import VpsClient
from tests.acceptance import test_producers
from tests.proofs.model import ending
from tests.proofs.model.actors import Commands, Producers
from tests.proofs.model.ending import kills
from tests.proofs.model.user import Change, User
from tests.proofs.model.world import World
from tests.proofs.planted.bugs import plant_in, planted
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.standin import Standin

Story = Callable[[World, Producers], None]


def a_stale_save(world: World, producers: Producers) -> None:
    user = User(world)
    world.server.default = Answer(500)
    producers.queue(producers.entry("alpha", retries=5))
    world.work()
    user.open()
    producers.queue(producers.entry("alpha", retries=5))
    world.work()
    user.save(0, Change(retry=frozenset({0})))
    world.work()


def some_failed_retries(world: World, producers: Producers) -> None:
    commands = Commands(world)
    world.server.default = Answer(500)
    producers.queue(producers.entry("alpha", retries=5))
    for _ in range(3):
        world.work()
        world.clock.advance(4000)
        commands.retry(None)


def one_id_for_two_memories(world: World, producers: Producers) -> None:
    first = producers.entry("alpha")
    producers.queue(first)
    producers.queue(producers.entry("alpha", item_id=first["id"]))
    world.work()


def an_answer_that_gets_lost(world: World, producers: Producers) -> None:
    world.server.script(Answer(reset=True, stores=True))
    producers.queue(producers.entry("alpha"))
    world.work()


def an_outage(world: World, producers: Producers) -> None:
    world.server.default = Answer(502)
    producers.queue(producers.entry("alpha"))
    for _ in range(8):
        world.work()
        world.clock.advance(61)
    if world.home.dlq_items():
        world.wrong.append("a dead letter, though only the server was out")


def a_deletion_after_the_claim(world: World, producers: Producers) -> None:
    """`delete` comes while the worker asks the server about a memory that it is to send."""
    commands = Commands(world)
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


def a_deletion_beside_a_hung_producer(world: World, producers: Producers) -> None:
    """A dead letter is deleted while a producer keeps its entry in the queue file."""
    producers.queue(producers.entry("alpha", retries=5))
    producers.hold()
    world.work()
    Commands(world).delete(0)
    world.stop()
    world.start()
    world.cycle()
    producers.let_go()


def told(root: Path, story: Story, *, honours_keys: bool, can_be_asked: bool) -> list[str]:
    with World(root, honours_keys=honours_keys, can_be_asked=can_be_asked) as world:
        world.start()
        story(world, Producers(world))
        if not world.wrong:
            ending.heal(world)
            ending.check(world)
        return world.wrong


TOLD: dict[str, tuple[Story, bool, bool]] = {  # the story; honours keys, can be asked
    "last-update-ignored": (a_stale_save, False, True),
    "count-reset": (some_failed_retries, False, True),
    "key-reused": (one_id_for_two_memories, True, False),
    "nobody-asked": (an_answer_that_gets_lost, False, True),
    "key-of-the-attempt": (an_answer_that_gets_lost, True, False),
    "outage-counted": (an_outage, True, True),
    "orders-unseen": (a_deletion_after_the_claim, False, True),
    "tombstones-forgotten": (a_deletion_beside_a_hung_producer, False, True),
}


def assert_caught(faults: list[str]) -> None:
    """See that something went wrong, and not because the bug itself does not run any more."""
    assert faults
    assert not [fault for fault in faults if "Error(" in fault]


@pytest.mark.parametrize("bug", TOLD)
def test_the_models_check_catches(tmp_path: Path, bug: str) -> None:
    story, keys, asked = TOLD[bug]
    assert told(tmp_path / "sound", story, honours_keys=keys, can_be_asked=asked) == []
    with planted(bug):
        assert_caught(told(tmp_path / "bug", story, honours_keys=keys, can_be_asked=asked))


@pytest.mark.parametrize("bug", ["outcome-before-request", "file-before-ledger"])
def test_a_kill_within_a_delivery_catches(tmp_path: Path, bug: str) -> None:
    with planted(bug):
        assert_caught(list(islice(kills(tmp_path, every=15), 1)))


@pytest.mark.slow
def test_a_held_lock_catches_a_worker_that_does_not_take_it(home: Home, server: Standin) -> None:
    plant_in(home, "no-lock")
    with pytest.raises(AssertionError, match="At index"):
        test_producers.test_nothing_is_written_while_a_producer_holds_the_lock(home, server)
