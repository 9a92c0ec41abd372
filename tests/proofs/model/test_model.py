"""Random histories of producers, users, commands, clock, network, server and kills."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0tray.files.emergency import REMOVE_AFTER
from tests.proofs.model import ending
from tests.proofs.model.actors import Commands, Producers
from tests.proofs.model.ending import interruptions, kills
from tests.proofs.model.machine import run
from tests.proofs.model.user import Change, User
from tests.proofs.model.world import World


def test_some_histories_go_as_the_contract_says() -> None:
    run(16, 20, always_the_same=True)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_many_histories_go_as_the_contract_says() -> None:
    run(1000, 40)


_LINE = json.dumps({"id": "cut-off-0000", "project_id": "alpha", "content": "cut", "timestamp": 1})


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path / "home", honours_keys=False, can_be_asked=True) as world:
        world.start()
        yield world


@pytest.fixture
def producers(world: World) -> Producers:
    return Producers(world)


def come_to_an_end(world: World) -> None:
    ending.heal(world)
    ending.check(world)
    assert world.wrong == []


@pytest.mark.row(26, 32)
def test_a_torn_emergency_line_of_the_future_keeps_nobody(
    world: World, producers: Producers
) -> None:
    producers.emergency(producers.entry("alpha"), part=0.5)
    world.set_clock(-10 * 365 * 86_400)
    world.work()
    world.clock.advance(61)
    world.work()
    assert world.is_idle()
    assert world.wrong == []


def test_a_recovered_dead_letter_counts_in_the_queue_file(
    world: World, producers: Producers
) -> None:
    producers.queue(producers.entry("alpha", retries=5))
    world.work()
    ending.heal(world)
    assert world.home.stats()["total_synced"] == 1
    ending.check(world)
    assert world.wrong == []


@pytest.mark.row(26)
@pytest.mark.parametrize("cut", [n for n in range(1, len(_LINE)) if _LINE[:n].rstrip()[-1] == ":"])
def test_a_line_behind_one_cut_off_after_a_colon_is_salvaged(
    world: World, producers: Producers, cut: int
) -> None:
    world.home.emergency.write_text(_LINE[:cut])
    producers.emergency(producers.entry("alpha"))
    come_to_an_end(world)


@pytest.mark.row(25, 32)
def test_a_clock_set_forward_takes_no_file_from_a_slow_writer(
    world: World, producers: Producers
) -> None:
    world.set_clock(-10 * 365 * 86_400)
    producers.open_emergency()
    world.work()
    world.clock.advance(61)
    world.work()
    assert not world.home.emergency.exists()
    world.set_clock(10 * 365 * 86_400)
    world.work()
    producers.write_opened(producers.entry("alpha"))
    come_to_an_end(world)
    world.clock.advance(REMOVE_AFTER)
    world.work()
    assert list(world.home.claude.glob(".mem0_emergency.*")) == []


@pytest.mark.row(27)
def test_a_deleted_entry_does_not_come_back_from_the_emergency_file(
    world: World, producers: Producers
) -> None:
    item = producers.entry("alpha")
    world.stop()
    producers.emergency(item)
    producers.queue(item)
    Commands(world).delete(0)
    world.start()
    come_to_an_end(world)
    assert world.home.queue_items() == []


@pytest.mark.row(21, 30)
@pytest.mark.parametrize("change", [Change(remove=frozenset([0])), Change(content=0)], ids=str)
def test_a_dead_letter_changed_by_hand_does_not_come_back_from_the_queue_file(
    world: World, producers: Producers, change: Change
) -> None:
    item = producers.entry("alpha", retries=5)
    producers.queue(item)
    producers.hold()
    world.work()
    User(world).save(None, change)
    world.cycle()
    world.stop()
    world.start()
    world.cycle()
    assert len(world.home.queue_items()) == 1
    producers.let_go()
    ending.heal(world)
    assert item["content"] not in ending.waiting(world) + [text for _, text in world.server.stored]
    ending.check(world)
    assert world.wrong == []
    assert world.home.queue_items() == []


@pytest.mark.row(30)
@pytest.mark.parametrize("killed", [False, True], ids=["worker runs", "killed meanwhile"])
def test_what_was_restored_can_be_deleted_at_once(
    world: World, producers: Producers, *, killed: bool
) -> None:
    producers.queue(producers.entry("alpha", retries=5))
    world.work()
    commands = Commands(world)
    commands.retry(None)  # it is due: the worker, busy, does not publish at once
    commands.delete(0)
    world.work()
    commands.restore(0)
    if killed:
        world.kill()
    commands.delete(0)
    come_to_an_end(world)


@pytest.mark.parametrize("verb", ["edit", "delete"])
def test_a_command_interrupted_at_any_point_leaves_the_text_somewhere(
    tmp_path: Path, verb: str
) -> None:
    assert list(interruptions(tmp_path, verb)) == []


def test_while_an_order_cannot_be_read_nothing_is_sent(world: World, producers: Producers) -> None:
    """The order before this one may have forbidden what the worker is about to send."""
    for project in ("alpha", "beta"):
        producers.queue(producers.entry(project))
    world.switch()
    world.work()
    odd = world.paths.orders / "0-1.json"
    odd.mkdir(parents=True)
    Commands(world).delete(0)
    world.switch()
    world.clock.advance(61)
    world.work()
    assert world.server.stored == []
    assert {str(odd) in each for each in world.wrong} == {True}  # the worker says so
    world.wrong.clear()
    odd.rmdir()
    come_to_an_end(world)


@pytest.mark.row(1)
def test_a_kill_at_points_of_a_short_story_loses_nothing(tmp_path: Path) -> None:
    assert list(kills(tmp_path, every=23)) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("honours_keys", [True, False], ids=["keys", "neither"])
@pytest.mark.row(1)
def test_a_kill_at_each_point_of_a_short_story_loses_nothing(
    tmp_path: Path, *, honours_keys: bool
) -> None:
    assert list(kills(tmp_path, honours_keys=honours_keys)) == []
