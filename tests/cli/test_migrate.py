"""`mem0tray migrate`: what it is asked, what it says, what it exits with."""

from collections.abc import Callable, Iterator
from unittest import mock

import pytest

from mem0tray.actions.migrate import Migration
from mem0tray.core.errors import INTERRUPTED, Mem0TrayError
from tests.actions.scene import worker
from tests.cli.scratch import Scratch, checks
from tests.support import delivered
from tests.support.shapes import entry, queue_document
from tests.support.standin import Standin


@pytest.fixture
def former() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


def deliver(home: Scratch, url: str, *names: str) -> None:
    delivered.deliver(home.paths.ledger, url, [entry(name, id=name) for name in names])


def test_what_was_found_is_said_with_what_became_of_it(
    home: Scratch, server: Standin, former: Standin
) -> None:
    deliver(home, former.url, "one", "two")
    former.begin_with([("alpha", "one"), ("alpha", "two"), ("alpha", "theirs")])
    assert home.ok("migrate", "--dry-run").splitlines() == [
        f"Found on {former.url}: 3 memories.",
        f"would be queued  3 for {server.netloc}",
        f"{former.url} does not say which projects it has: those known here were read.",
    ]
    assert f"queued now  3 for {server.netloc}" in home.ok("migrate")
    again = home.ok("migrate", "--from", former.url)
    assert f"queued now  0 for {server.netloc}" in again
    assert "waiting     3 already queued, and not delivered yet" in again


def test_what_was_forgotten_is_left_and_named(
    home: Scratch, server: Standin, former: Standin
) -> None:
    home.write("mem0_queue.json", queue_document([]))
    deliver(home, former.url, "one", "forgotten")
    with worker(home.paths) as context:
        context.inbox.erase([2])
    former.begin_with([("alpha", "one"), ("alpha", "forgotten")])
    said = home.ok("migrate", "--from", former.url)
    assert f"queued now  1 for {server.netloc}" in said
    assert f"Erased here for good, and perhaps still on {former.url}: forgotten." in said
    assert [each["id"] for each in home.queued()] == ["one"]


def test_what_cannot_be_read_back_is_named_and_offered_no_more(
    home: Scratch, server: Standin, former: Standin
) -> None:
    deliver(home, former.url, "one", "gone")
    former.begin_with([("alpha", "one")])
    done = home.run("migrate", "--json")
    assert done.code == 1
    assert f"1 memory that went to {former.url} cannot be read back" in done.line
    assert "gone of 'alpha'" in done.line
    found = done.json()
    assert (found["found"], found["queued"], found["unread"]) == (2, 1, 1)
    assert [each["id"] for each in found["unread_memories"]] == ["gone"]
    assert (found["from"], found["to"]) == (former.url, server.url)
    with worker(home.paths):
        status = home.run("status", "--json").json()
    assert status["only_on_former_server"] == {former.url: 1}
    assert status["to_bring_over"] == {}


def test_of_several_former_servers_one_must_be_chosen(
    home: Scratch, server: Standin, former: Standin
) -> None:
    deliver(home, former.url, "one")
    deliver(home, "http://old.test", "two", "three")
    line = home.fails("migrate", code=2)
    assert f"{former.url} (1 memory)" in line
    assert "http://old.test (2 memories)" in line
    assert "--from" in line
    said = checks(home, "former server")
    assert len(said) == 2
    assert "`mem0tray migrate --from http://old.test`" in str(said)
    assert server.saves == []


@pytest.mark.usefixtures("server")
def test_where_nothing_is_to_be_brought_over_that_is_said(home: Scratch) -> None:
    assert "No former server is known to have a memory that" in home.ok("migrate")
    document = home.run("migrate", "--json").json()
    assert document["from"] is None
    numbers = ("found", "queued", "waiting", "present", "deleted", "unread")
    assert [document[name] for name in numbers] == [0] * 6


@pytest.mark.parametrize("given", [lambda url: url, lambda url: f"{url}/", lambda _: "http://"])
def test_an_address_that_cannot_be_meant_is_wrong_usage(
    home: Scratch, server: Standin, given: Callable[[str], str]
) -> None:
    assert home.run("migrate", "--from", given(server.url)).code == 2


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt(), INTERRUPTED), (Mem0TrayError("It is down."), 1)]
)
def test_a_stop_says_how_far_it_is(
    home: Scratch, former: Standin, error: BaseException, code: int
) -> None:
    home.patch.setattr(Migration, "run", mock.Mock(side_effect=error))
    home.patch.setattr(Migration, "queued", 1234)
    done = home.run("migrate", "--from", former.url)
    assert done.code == code
    assert "1,234 memories are queued so far. Type the command again to go on." in done.err
