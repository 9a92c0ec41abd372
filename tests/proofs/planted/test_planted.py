"""Each planted bug is caught by the proof that should catch it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance import test_kills, test_producers
from tests.proofs.model.world import World
from tests.proofs.planted import stories
from tests.proofs.planted.bugs import plant_in, planted
from tests.support.home import Home
from tests.support.standin import Standin

Story = Callable[[World], None]

TOLD: dict[str, tuple[Story, bool, bool]] = {  # the story; honours keys, can be asked
    "last-update-ignored": (stories.a_stale_save, False, True),
    "count-reset": (stories.some_failed_retries, False, True),
    "key-reused": (stories.one_id_for_two_memories, True, False),
    "nobody-asked": (stories.an_answer_that_gets_lost, False, True),
    "key-of-the-attempt": (stories.an_answer_that_gets_lost, True, False),
    "outage-counted": (stories.an_outage, True, True),
    "orders-unseen": (stories.a_deletion_after_the_claim, False, True),
    "tombstones-forgotten": (stories.a_deletion_beside_a_hung_producer, False, True),
}
KILLED = ("outcome-before-request", "file-before-ledger")


@contextmanager
def begun(root: Path, *, honours_keys: bool, can_be_asked: bool) -> Iterator[World]:
    """Begin a history."""
    with World(root, honours_keys=honours_keys, can_be_asked=can_be_asked) as world:
        world.start()
        yield world


@pytest.mark.parametrize("bug", TOLD)
def test_the_models_check_catches(tmp_path: Path, bug: str) -> None:
    story, keys, asked = TOLD[bug]
    with begun(tmp_path / "sound", honours_keys=keys, can_be_asked=asked) as world:
        story(world)
        assert stories.told(world) == []
    with planted(bug), begun(tmp_path / "bug", honours_keys=keys, can_be_asked=asked) as world:
        story(world)
        assert stories.told(world) != []


@pytest.mark.parametrize("bug", KILLED)
def test_a_kill_within_a_delivery_catches(tmp_path: Path, bug: str) -> None:
    with planted(bug):
        assert stories.killed_in_a_delivery(tmp_path) != []


@pytest.mark.slow
def test_a_real_kill_catches_an_outcome_before_its_request(home: Home, server: Standin) -> None:
    plant_in(home, "outcome-before-request")
    with pytest.raises(AssertionError, match="count"):
        test_kills.test_an_item_on_its_way_when_killed_is_stored_once(
            home, server, "asked", stores=False
        )


@pytest.mark.slow
def test_a_held_lock_catches_a_worker_that_does_not_take_it(home: Home, server: Standin) -> None:
    plant_in(home, "no-lock")
    with pytest.raises(AssertionError, match="At index"):
        test_producers.test_nothing_is_written_while_a_producer_holds_the_lock(home, server)
