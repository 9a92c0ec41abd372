"""A story that does not go as told is a failure, which names the promise."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mem0tray.core.errors import Mem0TrayError
from mem0tray.demo.stage import StoryMemory, staged
from mem0tray.demo.story import Said, Story, delivered

ONE = StoryMemory("shop", "One.")
TWO = StoryMemory("blog", "Two.")
pytestmark = pytest.mark.usefixtures("viewer")


@contextmanager
def told(patience: float = 60.0) -> Iterator[tuple[Story, list[tuple[Said, str]]]]:
    shown: list[tuple[Said, str]] = []
    with staged(0.1) as stage:
        story = Story(stage, lambda *line: shown.append(line), 0.0, patience)
        story.act("An act", "State: healthy")
        yield story, shown


def test_lines_come_in_their_order_with_those_of_the_log_that_belong_to_the_act() -> None:
    with told() as (story, shown):
        story.expect("It is healthy.", lambda stage: stage.logged("State: healthy"))
        story.say("Now.")
        story.save(ONE, TWO)
        story.expect("They are there.", delivered(ONE, TWO))
    assert [text for _, text in shown] == [
        "1  An act",
        "🔔 State: healthy",
        "It is healthy.",
        "Now.",
        "shop: One.",
        "blog: Two.",
        "They are there.",
    ]
    assert story.saved == [ONE, TWO]


@pytest.mark.parametrize(
    ("patience", "now"), [(1e9, True), (0.2, False)], ids=["to be true at once", "awaited"]
)
def test_a_promise_that_is_not_kept_ends_it(patience: float, *, now: bool) -> None:
    with (
        told(patience) as (story, shown),
        pytest.raises(Mem0TrayError, match="Missing: All is so"),
    ):
        story.expect("All is so.", lambda _: False, now=now)
    assert "kept" not in dict(shown)


def test_a_memory_that_is_missing_or_there_twice_is_not_delivered() -> None:
    with told() as (story, _):
        stored = story._stage.server.stored
        assert not delivered(ONE)(story._stage)
        stored["1"] = ONE
        assert delivered(ONE)(story._stage)
        stored["2"] = ONE
        assert not delivered(ONE)(story._stage)
