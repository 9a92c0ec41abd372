"""How long the engine waits between two cycles, should nobody wake it."""

from unittest import mock

import pytest

from mem0tray.core import events
from mem0tray.core.errors import LedgerError
from mem0tray.files.publish_rate import INTERVAL
from mem0tray.worker.engine import LOOK
from tests.worker.stage import MOMENT, NOW, Scene, waits_until


@pytest.mark.parametrize(("due", "wait"), [(2.0, 2.0), (100.0, LOOK), (0.0, LOOK), (-1.0, LOOK)])
def test_it_waits_until_the_next_item_is_due(scene: Scene, due: float, wait: float) -> None:
    waits_until(scene, NOW + due)
    scene.cycle()
    assert scene.patience() == pytest.approx(wait)


def test_it_follows_requests_that_are_under_way(scene: Scene) -> None:
    scene.parts.chosen_server.delivery.under_way = 1
    assert scene.patience() == INTERVAL


def test_it_waits_until_the_way_opens_by_itself(scene: Scene) -> None:
    scene.context.breaker.take_break(NOW + 3)
    assert scene.patience() == pytest.approx(3)


def test_it_waits_until_what_vanished_is_to_be_shown_again(scene: Scene) -> None:
    scene.parts.queue_publisher.show_again_at = NOW + 2
    assert scene.patience() == pytest.approx(2)
    assert scene.patience(3) == 0


def test_it_waits_for_the_pace_of_the_dlq_file(scene: Scene) -> None:
    scene.parts.dlq_publisher.pace.note_cost(MOMENT, 0.0)
    assert scene.patience() == LOOK
    scene.parts.dlq_publisher.needed = True
    assert scene.patience() == pytest.approx(INTERVAL)
    assert 0 < scene.patience(10) < 0.1


def test_it_waits_until_a_note_has_been_left_alone(scene: Scene) -> None:
    scene.parts.notes.wait.return_value = 1.5
    scene.cycle()
    assert scene.patience() == 1.5
    scene.parts.notes.wait.return_value = 0.0
    assert scene.patience() == 0
    scene.parts.notes.run.side_effect = RuntimeError("odd")
    scene.cycle()
    assert scene.patience() > 0


def test_it_waits_for_the_metrics(scene: Scene) -> None:
    scene.parts.metrics.wait.return_value = 2.5
    assert scene.patience() == 2.5
    scene.parts.metrics.wait.assert_called_with(MOMENT)


@pytest.mark.parametrize("part", ["metrics", "dlq_publisher"])
def test_a_file_that_cannot_be_written_is_not_tried_again_at_once(scene: Scene, part: str) -> None:
    scene.parts.metrics.wait.return_value = 0.0 if part == "metrics" else LOOK
    scene.parts.dlq_publisher.needed = part == "dlq_publisher"
    assert scene.patience() < 0.1
    getattr(scene.parts, part).run.side_effect = OSError("full")
    scene.cycle()
    assert scene.patience(0.25) == 0.75


def test_a_part_that_has_failed_is_tried_again_in_time(scene: Scene) -> None:
    """A second later, as it was away for a moment; what nobody tries then is not awaited."""
    scene.parts.other.look.side_effect = OSError("odd")
    scene.cycle()
    assert scene.patience(0.25) == 0.75
    assert scene.patience(1.0) == LOOK


@pytest.mark.parametrize("which", ["queue", "edits"])
def test_a_torn_file_is_looked_at_again_soon(scene: Scene, which: str) -> None:
    getattr(scene.parts, which).torn = True
    assert 0 < scene.patience() < 0.1


def test_a_turn_says_how_long_to_wait(scene: Scene) -> None:
    waits_until(scene, NOW + 2)
    assert scene.engine.turn() == pytest.approx(2)
    assert scene.engine.has_looked
    with mock.patch.object(scene.context.outbox, "next_due", side_effect=LedgerError("full")):
        assert scene.engine.turn() == LOOK
    failed = [event.part for event in scene.told if isinstance(event, events.PartFailed)]
    assert failed == ["delivery"]  # one cause
