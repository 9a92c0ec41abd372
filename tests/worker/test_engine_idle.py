"""Whether the engine is idle, and what is left then."""

from unittest import mock

import pytest

from mem0tray.core import events
from mem0tray.core.errors import LedgerError
from mem0tray.core.reasons import NONE, quoted
from mem0tray.core.state import WorkerState, WorkerStatus
from mem0tray.files.publish_rate import INTERVAL
from mem0tray.ledger.counters import Counts
from mem0tray.worker.engine import LOOK
from tests.ledger.samples import HERE
from tests.worker.stage import MOMENT, NOW, Scene, waits_until

NO_PERMISSION = quoted("no permission")


def is_idle(scene: Scene, horizon: float = 0.0) -> bool:
    return scene.engine.is_idle(horizon, NOW, MOMENT)


def at_rest(scene: Scene) -> None:
    """Let it have looked, with a server that answers, and nothing unread."""
    scene.parts.emergencies.unread.return_value = 0
    scene.cycle()
    scene.context.breaker.note_probe(healthy=True, reason=NONE)


def test_it_is_idle_once_it_has_looked_and_nothing_is_due(scene: Scene) -> None:
    scene.parts.emergencies.unread.return_value = 0
    scene.context.breaker.note_probe(healthy=True, reason=NONE)
    assert not is_idle(scene)
    at_rest(scene)
    assert is_idle(scene)


@pytest.mark.parametrize(
    ("part", "name"),
    [("queue", "awaited"), ("edits", "awaited"), ("notes", "awaited"), ("delivery", "under_way")],
)
def test_it_is_not_idle_while_something_is_awaited(scene: Scene, part: str, name: str) -> None:
    at_rest(scene)
    owner = scene.parts.chosen_server if part == "delivery" else scene.parts
    setattr(getattr(owner, part), name, 1)
    assert not is_idle(scene)


@pytest.mark.parametrize(
    ("needed", "pending", "hindered", "done"),
    [
        (False, False, False, True),
        (True, False, False, False),
        (False, True, False, False),
        (False, True, True, True),
    ],
)
def test_it_has_published_when_nothing_is_left_to_write(
    scene: Scene, *, needed: bool, pending: bool, hindered: bool, done: bool
) -> None:
    scene.parts.dlq_publisher.needed = needed
    scene.parts.queue_publisher.pending = pending
    scene.parts.queue_publisher.hindered = hindered
    assert scene.parts.has_published == done
    scene.parts.dlq_publisher.run.side_effect = RuntimeError("odd")
    scene.cycle()
    assert scene.parts.has_published == (done or needed)


def test_it_is_not_idle_before_a_probe_has_answered(scene: Scene) -> None:
    at_rest(scene)
    scene.context.breaker.await_probe()
    assert not is_idle(scene)
    scene.context.breaker.block("server", quoted("choose one"))
    assert is_idle(scene)
    scene.context.breaker.unblock("server")
    scene.context.breaker.pause(NOW + 10)
    assert is_idle(scene)


def test_it_is_not_idle_while_lines_are_unread(scene: Scene) -> None:
    at_rest(scene)
    scene.parts.emergencies.unread.return_value = 1
    assert not is_idle(scene)
    scene.parts.emergencies.run.side_effect = OSError("broken")
    scene.cycle()
    assert is_idle(scene)


@pytest.mark.parametrize(
    ("due", "horizon", "idle"),
    [(0, 0, False), (1, 0, True), (1, 1, False), (1.5, 1, True), (0.8, 0.5, True)],
)
def test_what_falls_due_within_the_horizon_counts(
    scene: Scene, due: float, horizon: float, *, idle: bool
) -> None:
    at_rest(scene)
    waits_until(scene, NOW + due)
    assert is_idle(scene, horizon) == idle


@pytest.mark.parametrize(("left", "idle"), [(0.5, False), (1.0, False), (2.0, True), (0.0, True)])
def test_what_is_due_is_waited_for_where_the_way_opens_in_time(
    scene: Scene, left: float, *, idle: bool
) -> None:
    at_rest(scene)
    waits_until(scene, NOW)
    if left:
        scene.context.breaker.take_break(NOW + left)
    else:
        scene.context.breaker.note_probe(healthy=False, reason=quoted("refused"))
    assert is_idle(scene, 1.0) == idle


def test_what_a_worker_left_under_way_is_waited_for(scene: Scene) -> None:
    at_rest(scene)
    scene.context.unknown_until = MOMENT + 10
    assert is_idle(scene, 1.0)  # for nothing nobody waits
    waits_until(scene, NOW + 8)
    assert not is_idle(scene, 1.0)
    assert is_idle(scene, 0.0)
    scene.context.breaker.note_probe(healthy=False, reason=quoted("refused"))
    assert is_idle(scene, 1.0)


@pytest.mark.parametrize(("since", "idle"), [(52, False), (53, True)])
def test_what_a_server_is_at_work_on_is_waited_for_a_minute(
    scene: Scene, since: float, *, idle: bool
) -> None:
    at_rest(scene)
    key = waits_until(scene, NOW + 8)
    scene.context.outbox.mark_unknown(key, HERE, NOW - since, timed_out=False)
    scene.context.outbox.note_ticket(key, HERE, "ticket", NOW - since)
    assert is_idle(scene, 1.0) == idle
    assert is_idle(scene, 0.0)


def test_how_things_are_is_told_in_one_look(scene: Scene) -> None:
    at_rest(scene)
    scene.context.counters = mock.Mock(wraps=scene.context.counters)
    scene.context.counters.waiting.return_value = Counts(2, 3, None, 1)
    with scene.context.ledger.transaction():
        scene.context.ledger.set_meta("last_delivery", 5.0)
    healthy = WorkerStatus(WorkerState("healthy"), 2, 3, 5.0, paused=False, held=1)
    assert scene.engine.look(NOW) == healthy
    scene.context.breaker.pause(NOW + 10)
    assert scene.engine.look(NOW).paused
    scene.context.breaker.note_fault("queue file", NO_PERMISSION)
    assert scene.engine.look(NOW).unread == NO_PERMISSION


@pytest.mark.parametrize(("due", "wait"), [(2.0, 2.0), (100.0, LOOK), (0.0, LOOK), (-1.0, LOOK)])
def test_it_waits_until_the_next_item_is_due(scene: Scene, due: float, wait: float) -> None:
    waits_until(scene, NOW + due)
    scene.cycle()
    assert scene.patience() == pytest.approx(wait)


def test_it_waits_until_the_way_opens_by_itself(scene: Scene) -> None:
    scene.context.breaker.take_break(NOW + 3)
    assert scene.patience() == pytest.approx(3)


def test_it_waits_for_the_pace_of_the_dlq_file(scene: Scene) -> None:
    scene.parts.dlq_publisher.pace.note_cost(MOMENT, 0.0)
    assert scene.patience() == LOOK
    scene.parts.dlq_publisher.needed = True
    assert scene.patience() == pytest.approx(INTERVAL)
    assert 0 < scene.patience(10) < 0.1


@pytest.mark.parametrize("part", ["metrics", "dlq_publisher"])
def test_a_file_that_cannot_be_written_is_not_tried_again_at_once(scene: Scene, part: str) -> None:
    scene.parts.metrics.wait.return_value = 0.0 if part == "metrics" else LOOK
    scene.parts.dlq_publisher.needed = part == "dlq_publisher"
    assert scene.patience() < 0.1
    getattr(scene.parts, part).run.side_effect = OSError("full")
    scene.cycle()
    assert scene.patience(0.25) == 0.75


@pytest.mark.parametrize(
    ("which", "is_so"), [("queue", "torn"), ("edits", "torn"), ("notes", "awaited")]
)
def test_what_is_left_is_looked_at_again_soon(scene: Scene, which: str, is_so: str) -> None:
    setattr(getattr(scene.parts, which), is_so, True)
    assert 0 < scene.patience() < 0.1


def test_a_turn_says_how_long_to_wait(scene: Scene) -> None:
    waits_until(scene, NOW + 2)
    assert scene.engine.turn() == pytest.approx(2)
    assert scene.engine.has_looked
    with mock.patch.object(scene.context.outbox, "next_due", side_effect=LedgerError("full")):
        assert scene.engine.turn() == LOOK
    (failed,) = scene.told_of(events.PartFailed)
    assert failed.part == "delivery"
