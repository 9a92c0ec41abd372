"""A story that does not end as told is a failure, and says what went otherwise."""

import http.client
import json
import os
import threading
from dataclasses import replace

import pytest

from mem0tray.cli import main
from mem0tray.demo import director, story
from mem0tray.demo.director import (
    FAST,
    BrokenPromiseError,
    Director,
    InterruptedDemoError,
    StoryPace,
    StoryRecord,
)
from mem0tray.demo.progress import Happening, Kept, Logged, Queued, Said
from mem0tray.demo.stage import Stage, StageError
from mem0tray.demo.story import (
    Act,
    Await,
    Faults,
    Inject,
    Promise,
    Queue,
    Say,
    StorySnapshot,
    TypedCommand,
)
from tests.demo.viewer import Viewer

ONE = story.StoryMemory("shop", "One.")
TWO = story.StoryMemory("blog", "Two.")


@pytest.fixture
def stage(viewer: Viewer) -> Stage:
    """Name a stage, not set up yet."""
    assert viewer.scratch() == []
    return Stage(FAST.interval)


def play(
    stage: Stage, *steps: story.Step, pace: StoryPace = FAST
) -> tuple[StoryRecord, list[Happening]]:
    """Play one act; what happened."""
    told: list[Happening] = []
    played = Director(stage, told.append, pace, threading.Event())
    played.play([Act("An act", steps, shows=("State: healthy",))])
    return played.record, told


def test_a_server_that_refuses_for_ever_fails_the_demo(
    viewer: Viewer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1, one line that names the promise, and a document that names the memory."""
    *acts, retried, end = story.STORY
    stubborn = replace(
        retried, steps=tuple(step for step in retried.steps if not isinstance(step, Inject))
    )
    monkeypatch.setattr(story, "STORY", (*acts, stubborn, end))
    monkeypatch.setattr(director, "FAST", replace(FAST, patience=6.0))
    assert main(["demo", "--fast", "--json"]) == 1
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert line.startswith("mem0tray: The demo did not go as told: “The dead letter is delivered")
    assert "--keep" in line
    told = json.loads(out)
    assert told["ended_as_told"] is False
    assert told["problem"] in line
    assert told["lost"] == [story.REFUSED.text]
    assert (told["queued"], told["stored"]) == (8, 7)
    viewer.nothing_is_left()


def test_what_is_told(stage: Stage) -> None:
    """Sentences, memories, the act's lines of the log and kept promises come in their order."""
    with stage:
        record, told = play(
            stage,
            Await("It is healthy.", lambda seen: seen.logged("State: healthy")),
            Say("Now."),
            Queue((ONE, TWO)),
            Await("They are there.", lambda seen: len(seen.stored) == 2),
            Promise("None waits for ever.", lambda seen: seen.dead == 0),
        )
    shown = [each for each in told if isinstance(each, Said | Queued | Logged | Kept)]
    assert shown == [
        Logged("🔔 State: healthy"),
        Kept("It is healthy."),
        Said("Now."),
        Queued(ONE),
        Queued(TWO),
        Kept("They are there."),
        Kept("None waits for ever."),
    ]
    assert record.acts[0].kept == ["It is healthy.", "They are there.", "None waits for ever."]
    assert (record.lost, record.surplus) == ([], [])


def test_a_check_that_fails_ends_it_at_once(stage: Stage) -> None:
    """What must be so by now is not waited for."""
    with stage, pytest.raises(BrokenPromiseError, match="“All is dead” is not so"):
        play(
            stage,
            Promise("All is dead.", lambda seen: seen.dead == 8),
            pace=StoryPace(0.0, 0.1, 1e9),
        )


def test_what_does_not_come_true_in_time_ends_it(stage: Stage) -> None:
    """A promise is waited for with patience, and no longer."""
    with stage, pytest.raises(BrokenPromiseError, match="“Never” has not come true within 1 s"):
        play(stage, Await("Never.", lambda _: False), pace=replace(FAST, patience=1.0))


def test_a_memory_that_is_not_there_in_the_end_fails_it(stage: Stage) -> None:
    """Whatever the story promised: what was queued must be on the server."""
    with stage, pytest.raises(BrokenPromiseError, match="has not exactly what was queued"):
        play(stage, Inject(Faults(down=True)), Queue((ONE,)))


def test_a_memory_that_is_there_twice_fails_it(stage: Stage) -> None:
    """Each once: a second copy is no better than none."""

    def twice(seen: StorySnapshot) -> bool:
        if seen.stored == (ONE,):
            post(stage, ONE)
        return seen.stored == (ONE, ONE)

    with stage, pytest.raises(BrokenPromiseError, match="has not exactly what was queued"):
        play(stage, Queue((ONE,)), Await("It is there twice.", twice))


def post(stage: Stage, memory: story.StoryMemory) -> int:
    """Save a memory without the worker; the status of the answer."""
    server = stage._server
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=5)
    body = json.dumps({"user_id": memory.project, "content": memory.text})
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
    connection.request("POST", "/memory", body, headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_worker_that_ends_by_itself_ends_it(viewer: Viewer) -> None:
    """The reason that it gave is said."""
    assert viewer.temporary
    with (
        Stage(0.1, program=("run", "--nonsense")) as stage,
        pytest.raises(StageError, match=r"ended by itself, after saying: .*--nonsense"),
    ):
        play(stage, Await("Never.", lambda _: False))
    viewer.nothing_is_left()


def test_the_worker_is_not_of_our_terminal(stage: Stage) -> None:
    """Ctrl-C there is for the demo, which ends the worker in order."""
    with stage:
        assert os.getsid(stage._worker.pid) == stage._worker.pid


def test_a_command_that_fails_ends_it(stage: Stage) -> None:
    """Its last words are said."""
    with stage, pytest.raises(StageError, match=r"`mem0tray retry` failed: .*zzz"):
        play(stage, TypedCommand(("retry", "zzz")))


def test_whoever_watches_can_end_it(stage: Stage) -> None:
    """A stop that is set while a promise is waited for ends the story there."""
    stop = threading.Event()

    def impatient(_: StorySnapshot) -> bool:
        stop.set()
        return False

    with stage, pytest.raises(InterruptedDemoError):
        Director(stage, lambda _: None, StoryPace(0.0, 0.1, 1e9), stop).play(
            [Act("An act", (Await("Never.", impatient),))]
        )


def test_what_is_lost_and_what_is_surplus() -> None:
    """Queued and stored are compared as bags, whatever their order."""
    record = StoryRecord(queued=[ONE, TWO, TWO], seen=StorySnapshot(stored=(TWO, ONE, ONE)))
    assert (record.lost, record.surplus) == ([TWO], [ONE])
