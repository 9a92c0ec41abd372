"""`add --jsonl`: many memories, whatever cuts it off."""

import json

import pytest

from tests.support.home import Home
from tests.support.official import OfficialStandin, SimpleStore
from tests.support.shapes import entry
from tests.support.standin import Standin


def lines(number: int, size: int = 1) -> str:
    """Make so many lines, each a memory of about so many bytes, without ids."""
    return "".join(
        json.dumps({"project_id": "p", "content": f"memory {n} " + "x" * size}) + "\n"
        for n in range(number)
    )


def kill_when_larger(home: Home, size: int, *arguments: str) -> None:
    """Start a command, and kill it when the queue file has more bytes than these."""
    process = home.start(*arguments)
    home.wait(
        lambda: not process.alive or (home.queue.exists() and home.queue.stat().st_size > size)
    )
    process.kill()


@pytest.mark.parametrize("number", [1000, pytest.param(4000, marks=pytest.mark.slow)])
def test_a_run_that_was_killed_can_be_made_again(home: Home, server: Standin, number: int) -> None:
    text = lines(number, 1000)
    file = home.root / "memories.jsonl"
    file.write_text(text)
    for size in (1, number * 250, number * 500):
        kill_when_larger(home, size, "add", "--jsonl", str(file))
    home.ok("add", "--jsonl", str(file))
    home.drained()
    assert server.total_stored() == number
    assert not server.surplus()


def test_what_was_delivered_is_added_again_only_if_that_is_wanted(
    home: Home, server: Standin
) -> None:
    text = lines(3)
    home.ok("add", "--jsonl", stdin=text)
    home.drained()
    said = home.ok("add", "--jsonl", stdin=text)
    assert said.startswith("Nothing was queued.\n3 were delivered to this server before.")
    assert home.ok("add", "--jsonl", "--again", stdin=text) == "3 memories are queued.\n"
    assert home.ok("add", "--jsonl", "--again", stdin=text).endswith("3 waited already.\n")
    home.drained()
    assert server.total_stored() == 6
    with Standin() as other:
        env = {"MEM0TRAY_SERVER_URL": other.url}
        done = home.run("add", "--jsonl", stdin=text, env=env)
        assert done.stdout == "3 memories are queued.\n"
        home.drained(env=env)
        assert other.total_stored() == 3


def test_what_was_exported_is_not_sent_to_the_same_server_again(home: Home) -> None:
    with OfficialStandin(SimpleStore()) as server:
        home.env["MEM0TRAY_SERVER_URL"] = server.url
        names = [("one", "x"), ("two", "x"), ("three", "\u00fc"), ("four", "\u00fc"), ("five", "*")]
        home.write_queue([entry(text, id=name) for text, name in names])
        home.drained()
        exported = home.run("export").stdout
        assert len(exported.splitlines()) == len(names)
        said = home.ok("add", "--jsonl", stdin=exported)
        assert said.startswith("Nothing was queued.\n5 were delivered to this server before.")


def test_lines_are_delivered_by_a_running_worker(home: Home, server: Standin) -> None:
    home.worker()
    text = "".join(
        json.dumps({"project_id": "p", "content": f"memory {n}", "id": f"id-{n}"}) + "\n"
        for n in range(50)
    )
    home.ok("add", "--jsonl", stdin=text)
    home.wait(lambda: server.total_stored() == 50)
    assert {save.key for save in server.saves} == {f"id-{n}" for n in range(50)}
