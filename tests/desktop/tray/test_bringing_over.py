"""Bringing memories over at a click: what is offered, and what is told at the end."""

import queue
from collections.abc import Iterator

import pytest

from mem0tray.config.settings import ServerSettings, Settings
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.language import Language
from mem0tray.desktop.tray.bringing_over import BringingOver
from mem0tray.system.paths import Paths
from tests.actions.scene import queued, worker, write
from tests.support.http1 import Answer
from tests.support.shapes import entry, queue_document
from tests.support.standin import Standin


class Telling:
    """What a migration that was clicked tells; `settings` are those in force."""

    def __init__(self, settings: Settings, language: str = "en") -> None:
        self.told: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self.ended: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.bringing = BringingOver(
            lambda: settings,
            lambda: Language(language),
            lambda *text: self.told.put(text),
            lambda title, text: self.told.put((f"! {title}", text)),
            lambda: self.ended.put(None),
        )

    def brought(self, server: str) -> tuple[str, str]:
        """Bring over, and wait for what is told."""
        self.bringing.start(server)
        self.ended.get(timeout=20)
        return self.told.get_nowait()


@pytest.fixture
def former(paths: Paths) -> Iterator[Standin]:
    """Serve two of three memories that were delivered there."""
    made = [entry(name, id=name) for name in ("one", "two", "gone")]
    write(paths.queue, queue_document(made))
    with Standin() as server:
        with worker(paths) as context:
            for each in context.inbox.fresh_entries():
                context.outbox.record_delivery(each, server.url, 5.0)
        write(paths.queue, queue_document([]))
        server.begin_with([("alpha", "one"), ("alpha", "two")])
        yield server


@pytest.fixture
def settings(server: Standin) -> Settings:
    """Choose another server."""
    return Settings(server=ServerSettings(url=server.url))


@pytest.fixture
def server() -> Iterator[Standin]:
    """Serve, and have nothing."""
    with Standin() as standin:
        yield standin


def test_what_a_former_server_has_is_offered_until_it_is_brought_over(
    former: Standin, settings: Settings, paths: Paths
) -> None:
    """What cannot be read back there is told once, and not offered again."""
    telling = Telling(settings)
    assert telling.bringing.offers() == (former.url,)
    title, text = telling.brought(former.url)
    assert title == "! Not all memories came over"
    assert text.startswith("2 memories are queued")
    assert "1 could not be read back" in text
    assert queued(paths) == ["two", "one"]
    with worker(paths):
        assert telling.bringing.offers() == ()


def test_all_that_came_over_is_told(former: Standin, settings: Settings) -> None:
    """In the user's language."""
    former.begin_with([("alpha", name) for name in ("one", "two", "gone")])
    told = Telling(settings, "fr").brought(former.url)
    assert told == (
        "Souvenirs repris",
        "3 souvenirs sont en file et seront livrés comme les autres.",
    )


def test_a_former_server_that_is_down_is_told(former: Standin, settings: Settings) -> None:
    """And nothing is queued."""
    former.health = Answer(status=503)
    title, text = Telling(settings).brought(former.url)
    assert title == "! That did not work"
    assert text.startswith(f"The memories on {former.url} cannot be read: ")


def test_one_migration_is_under_way_at_a_time(former: Standin, settings: Settings) -> None:
    """A second click says so."""
    telling = Telling(settings)
    over = False
    former.health = Answer(body={}, after=lambda: over)
    telling.bringing.start(former.url)
    former.wait_for(lambda: former.probes() > 0, 10)
    with pytest.raises(Mem0TrayError, match="already"):
        telling.bringing.start(former.url)
    over = True
    telling.ended.get(timeout=20)


def test_without_a_server_nothing_is_offered(former: Standin) -> None:
    """There is none to which it could be brought."""
    assert former.url
    assert Telling(Settings(server=ServerSettings(url="no address"))).bringing.offers() == ()
