"""What is asked of a real server about what it took. The command's tests have the rest."""

from collections.abc import Iterator

import pytest

from mem0tray.actions.verify import Verified, verify
from mem0tray.config.settings import ServerSettings, Settings
from mem0tray.core import item as items
from mem0tray.files import orders
from mem0tray.system.paths import Paths
from tests.actions.scene import queued, write, write_dlq
from tests.support.delivered import deliver
from tests.support.shapes import Item, entry, queue_document, waiting
from tests.support.standin import Standin


@pytest.fixture
def server() -> Iterator[Standin]:
    """Serve what is chosen."""
    with Standin() as standin:
        yield standin


def asked(server: Standin, sample: int | None = None, *, queues: bool = False) -> Verified:
    """Ask about all projects."""
    settings = Settings(server=ServerSettings(url=server.url, dialect="vps"))
    return verify(settings, None, sample, lambda _, __: None, queues=queues)


def missing(paths: Paths, server: Standin) -> Item:
    """A memory that the server took and lost, and whose text a file here still has."""
    made = entry("oak", "p")
    deliver(paths.ledger, server.url, [made])
    write(paths.queue, queue_document([], last_100=[made]))
    return made


def test_a_sample_is_of_every_project(paths: Paths, server: Standin) -> None:
    for project, number in (("p", 2), ("q", 30)):
        made = [entry(f"{project} {n}", project) for n in range(number)]
        deliver(paths.ledger, server.url, made)
    server.begin_with([("p", "p 0"), ("p", "p 1")])
    found = asked(server, 4)
    assert (found.is_sample, found.delivered, found.there) == (True, 32, 2)
    assert [each.memory.project for each in found.missing] == ["q", "q"]


def test_a_missing_memory_is_queued_again_once(paths: Paths, server: Standin) -> None:
    oak = missing(paths, server)
    (seen,) = asked(server).missing
    assert (seen.can_be_queued, seen.queued, queued(paths)) == (True, "", [])
    (seen,) = asked(server, queues=True).missing
    assert (seen.queued != oak["id"], seen.can_be_queued, queued(paths)) == (True, False, ["oak"])
    assert (asked(server, queues=True).missing, queued(paths)) == ([], ["oak"])


def test_what_the_user_has_discarded_is_not_queued_again(paths: Paths, server: Standin) -> None:
    missing(paths, server)
    write_dlq(paths, [waiting("oak", "p", id="another")])
    orders.leave(paths, orders.about(orders.DELETE, [("another", items.digest("p", "oak"))]))
    (seen,) = asked(server, queues=True).missing
    assert (seen.discarded, seen.queued, queued(paths)) == (True, "", [])
