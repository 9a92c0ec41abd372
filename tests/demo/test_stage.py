"""The scratch home, its worker and its server, and a story that does not go as told."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from mem0tray.core.errors import Mem0TrayError
from mem0tray.demo.stage import DemoServer, Said, Story, StoryMemory, delivered, staged
from tests.demo.viewer import Viewer
from tests.support.processes import PATIENCE


@pytest.fixture
def server() -> Iterator[DemoServer]:
    server = DemoServer()
    server.start()
    yield server
    server.stop()


def test_nothing_is_said_of_a_client_that_hangs_up(
    server: DemoServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as client:
        client.sendall(b"POST /memory HTTP/1.1\r\nContent-Length: 9\r\n\r\n{")
    url = f"http://127.0.0.1:{server.port}/memory"  # it serves one after the other
    document = {"user_id": "alpha", "content": "text"}
    with httpx.Client(trust_env=False, timeout=PATIENCE) as asks:
        assert asks.post(url, json=document).status_code == 200
    assert capsys.readouterr() == ("", "")


def test_a_worker_that_ends_by_itself_is_said_with_its_words(viewer: Viewer) -> None:
    with staged(0.1, ("run", "--nonsense")) as stage:
        stage.worker.wait(60)
        with pytest.raises(Mem0TrayError, match=r"ended by itself, after saying: .*--nonsense"):
            stage.check()
    viewer.nothing_is_left()


@pytest.mark.usefixtures("viewer")
def test_a_command_that_fails_is_said_with_its_words() -> None:
    with staged(0.1) as stage:
        assert os.getsid(stage.worker.pid) == stage.worker.pid  # Ctrl-C is for the demo alone
        with pytest.raises(Mem0TrayError, match=r"`mem0tray retry` failed: .*zzz"):
            stage.command("retry", "zzz")


ONE = StoryMemory("shop", "One.")
TWO = StoryMemory("blog", "Two.")


@contextmanager
def told(patience: float = 60.0) -> Iterator[tuple[Story, list[tuple[Said, str]]]]:
    shown: list[tuple[Said, str]] = []
    with staged(0.1) as stage:
        story = Story(stage, lambda *line: shown.append(line), 0.0, patience)
        story.act("An act", "State: healthy")
        yield story, shown


@pytest.mark.usefixtures("viewer")
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


@pytest.mark.usefixtures("viewer")
@pytest.mark.parametrize(
    ("patience", "now"), [(1e9, True), (0.2, False)], ids=["to be true at once", "awaited"]
)
def test_a_promise_that_is_not_kept_ends_it(patience: float, *, now: bool) -> None:
    with told(patience) as (story, shown), pytest.raises(Mem0TrayError, match="Missing: All is so"):
        story.expect("All is so.", lambda _: False, now=now)
    assert "kept" not in dict(shown)


@pytest.mark.usefixtures("viewer")
def test_a_memory_that_is_missing_or_there_twice_is_not_delivered() -> None:
    with told() as (story, _):
        stored = story._stage.server.stored
        assert not delivered(ONE)(story._stage)
        stored["1"] = ONE
        assert delivered(ONE)(story._stage)
        stored["2"] = ONE
        assert not delivered(ONE)(story._stage)
