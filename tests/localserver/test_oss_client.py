"""Our own client of `oss` against the embedded server, and what `auto` makes of that."""

from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from mem0tray.localserver.endpoint import Endpoint
from mem0tray.server import (
    Client,
    KeyVerdict,
    Kind,
    Memory,
    Outcome,
    Presence,
    Recognition,
    ServerAddress,
    Terms,
    connect,
    connect_to_probe,
)
from mem0tray.server.model import Page, ProjectCount
from tests.localserver.support import save, texts
from tests.server.calls import LONG


@pytest.fixture
def official(running: Endpoint) -> Iterator[Client]:
    """Open our client of the official server."""
    with closing(connect(ServerAddress.of(running.url, running.token), "oss")) as made:
        yield made


@pytest.mark.parametrize("project", ["alpha", "two words", "100%", "a%20b", "*", "é/ü", "x\ud800"])
def test_a_memory_goes_there_and_back(official: Client, client: httpx.Client, project: str) -> None:
    memory = Memory(project, f"the third oak of {project!r}", f"id-{project!r}")
    absent = official.ask(memory, LONG)
    assert absent is Presence.ABSENT
    for _ in range(2):
        assert official.save(memory, LONG).kind is Kind.DELIVERED
    assert official.ask(memory, LONG) is Presence.PRESENT
    read = official.read(project, 5, LONG)
    assert not isinstance(read, Outcome)
    assert [(each.project, each.text) for each in read.memories] == [(project, memory.content)]
    found = official.search(project, "third oak", 5, LONG)
    assert not isinstance(found, Outcome)
    assert [(each.text, each.score) for each in found] == [(memory.content, 1.0)]
    assert texts(client, project) == [memory.content]


def test_what_the_other_dialect_saved_is_there(official: Client, client: httpx.Client) -> None:
    save(client, "was vps", "an oak", "vps-1")
    memory = Memory("was vps", "an oak", "vps-1")
    assert official.ask(memory, LONG) is Presence.PRESENT
    assert official.save(memory, LONG).kind is Kind.DELIVERED
    assert texts(client, "was vps") == ["an oak"]


def test_a_large_memory_is_asked_for(official: Client) -> None:
    large = Memory("large oss", "oak " * 1_000_000, "large-oss")
    assert official.ask(large, LONG) is not Presence.PRESENT
    assert official.save(large, LONG).kind is Kind.DELIVERED
    assert official.ask(large, LONG) is Presence.PRESENT


def test_pages_and_projects_are_told(official: Client, client: httpx.Client) -> None:
    for text in ("one", "two"):
        save(client, "paged by oss", text)
    page = official.page("paged by oss", "", LONG)
    assert isinstance(page, Page)
    assert ([each.text for each in page.memories], page.after, page.whole) == (
        ["two", "one"], "", True,
    )  # fmt: skip
    projects = official.projects(LONG)
    assert not isinstance(projects, Outcome)
    assert ("paged by oss", 2) in [(each.project, each.count) for each in projects]


def test_a_user_stands_beside_the_project(running: Endpoint) -> None:
    address = ServerAddress.of(running.url, running.token)
    with closing(connect(address, "oss", terms=Terms("Jo Doe"))) as client:
        memory = Memory("my agent", "an oak", "agent-1")
        assert client.save(memory, LONG).kind is Kind.DELIVERED
        assert client.ask(memory, LONG) is Presence.PRESENT
        read, found = client.read("my agent", 5, LONG), client.search("my agent", "oak", 5, LONG)
        assert isinstance(read, Page)
        assert not isinstance(found, Outcome)
        for shown in (read.memories, found):
            assert [(each.project, each.text) for each in shown] == [("my agent", "an oak")]
        assert client.read("no agent", 5, LONG) == Page([])
        assert client.projects(LONG) == [ProjectCount("my agent")]


def test_it_is_healthy_and_wants_its_key(running: Endpoint, official: Client) -> None:
    assert official.probe(LONG).healthy
    assert official.check_key(LONG).verdict is KeyVerdict.TAKEN
    address = ServerAddress.of(running.url, "wrong")
    with closing(connect(address, "oss")) as stranger:
        assert stranger.check_key(LONG).verdict is KeyVerdict.REFUSED
        memory = Memory("alpha", "text", "wrong-1")
        assert stranger.save(memory, LONG).kind is Kind.UNAUTHORIZED


def test_it_is_recognised_as_what_it_was(running: Endpoint) -> None:
    recognition = Recognition()
    address = ServerAddress.of(running.url, running.token)
    with closing(connect_to_probe(address, recognition)) as client:
        assert client.probe(LONG).healthy
    assert recognition.dialect == "vps"
