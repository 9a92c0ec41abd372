"""Where memories go: a chosen server, the embedded one, or none until the user chooses."""

import json
from collections.abc import Callable

import pytest

from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.shapes import dead, entries, entry, texts
from tests.support.standin import Standin
from tests.support.variants import variants

CHOOSE = "choose a server"
HERE = "this computer only"
FOREIGN: dict[str, Callable[[Home], None]] = {
    "queue": lambda home: home.write_queue(entries(3)),
    "DLQ": lambda home: home.write_dlq([dead("letter")]),
    "metrics": lambda home: home.write_metrics(queue_size=0, dlq_size=0),
}


@pytest.mark.parametrize("kind", variants(FOREIGN))
def test_foreign_files_and_no_choice_send_nothing(bare_home: Home, kind: str) -> None:
    FOREIGN[kind](bare_home)
    bare_home.ok("add", "--project", "alpha", "mine")
    assert bare_home.drain().returncode == 1
    assert CHOOSE in bare_home.ok("status").lower()
    assert CHOOSE in json.dumps(bare_home.json("status")).lower()
    state, reason = bare_home.state()
    assert state == "action needed"
    assert CHOOSE in f"{state} {reason}".lower()
    metrics = bare_home.read(bare_home.metrics)
    assert metrics["total_synced"] == 0
    assert "mine" in texts(bare_home.queue_items())


def test_status_asks_to_choose_before_the_first_run(bare_home: Home) -> None:
    bare_home.write_queue(entries(3))
    assert CHOOSE in bare_home.ok("status").lower()


def test_a_choice_that_is_made_later_delivers(bare_home: Home, server: Standin) -> None:
    bare_home.write_queue(entries(3))
    bare_home.worker()
    bare_home.wait(lambda: bare_home.state()[0] == "action needed", 5, "asks")
    bare_home.ok("config", "set", "server.url", server.url)
    server.wait_for(lambda: server.total_stored() == 3, 5)
    (started,) = bare_home.log_lines("Worker started")
    assert "nothing is sent" in started
    (changed,) = bare_home.log_lines("The server has changed")
    assert changed.endswith(f"memories go to: {server.netloc}")


def test_a_home_of_our_own_uses_the_embedded_server(bare_home: Home) -> None:
    bare_home.ok("add", "--project", "alpha", "first")
    bare_home.drained()
    metrics = bare_home.read(bare_home.metrics)
    assert metrics["total_synced"] == 1
    assert metrics["destination"] == HERE
    assert HERE in bare_home.ok("status")
    bare_home.ok("add", "--project", "alpha", "second")
    bare_home.drained()
    assert bare_home.read(bare_home.metrics)["total_synced"] == 2


def test_the_embedded_server_can_be_chosen(bare_home: Home) -> None:
    bare_home.write_queue(entries(20))
    bare_home.write_dlq([dead("letter")])
    local = {"MEM0TRAY_SERVER_URL": "local"}
    bare_home.drained(env=local)
    assert bare_home.read(bare_home.metrics)["total_synced"] == 21
    assert HERE in bare_home.ok("status", env=local)


def test_the_choice_of_the_embedded_server_is_remembered(bare_home: Home) -> None:
    bare_home.ok("add", "--project", "alpha", "first")
    bare_home.drained()
    bare_home.producer("--label", "later").wait()
    bare_home.drained()
    assert bare_home.read(bare_home.metrics)["total_synced"] == 2


def test_status_says_what_only_the_former_server_has(home: Home, server: Standin) -> None:
    home.write_queue(entries(3))
    home.drained()
    with Standin() as other:
        changed = {"MEM0TRAY_SERVER_URL": other.url}
        home.write_emergency([entry("for the new one")])
        home.drained(env=changed)
        text = home.ok("status", env=changed)
        assert other.total_stored() == 1
    lines = [line for line in text.splitlines() if server.netloc in line]
    assert any("3" in line.replace(server.netloc, "") for line in lines), text


@pytest.mark.row(46)
@pytest.mark.parametrize("asked", [True, False], ids=["can be asked", "cannot"])
@pytest.mark.parametrize("place", variants(["DLQ", "queue"]))
def test_a_former_server_is_not_sent_again_what_it_has(
    home: Home, server: Standin, place: str, *, asked: bool
) -> None:
    server.can_be_asked = asked
    path = home.dlq if place == "DLQ" else home.queue
    home.write_dlq([dead("letter")] if place == "DLQ" else [])
    home.write_queue([entry("letter")] if place == "queue" else [])
    copy = path.read_bytes()
    home.drained()
    assert server.sends("letter") == 1
    with Standin() as other:
        other.default = Answer(400)
        path.write_bytes(copy)
        home.drain(env={"MEM0TRAY_SERVER_URL": other.url})
        assert other.sends("letter") >= 1
    home.ok("retry", "--all")
    home.drained()
    assert server.sends("letter") == 1
    assert home.dlq_items() == home.queue_items() == []


@pytest.mark.row(46)
def test_an_old_file_does_not_send_a_former_server_what_another_has_too(
    home: Home, server: Standin
) -> None:
    home.write_queue([entry("memory")])
    copy = home.queue.read_bytes()
    home.drained()
    with Standin() as other:
        home.queue.write_bytes(copy)
        home.drained(env={"MEM0TRAY_SERVER_URL": other.url})
        assert other.sends("memory") == 1
    home.queue.write_bytes(copy)
    home.drained()
    assert server.sends("memory") == 1
    assert home.queue_items() == []


@pytest.mark.parametrize("place", variants(["DLQ", "queue"]))
def test_what_a_former_server_may_have_is_asked_about_there(
    home: Home, server: Standin, place: str
) -> None:
    server.script(Answer(reset=True, stores=True), content="letter")
    path = home.dlq if place == "DLQ" else home.queue
    home.write_dlq([dead("letter")] if place == "DLQ" else [])
    home.write_queue([entry("letter")] if place == "queue" else [])
    copy = path.read_bytes()
    home.run("run", "--once")
    server.wait_for(lambda: server.sends("letter") == 1)
    with Standin() as other:
        home.run("retry", "--all")
        home.drained(env={"MEM0TRAY_SERVER_URL": other.url})
        assert other.count("letter") == 1
        path.write_bytes(copy)
        home.drained()
    assert (server.sends("letter"), server.count("letter")) == (1, 1)


@pytest.mark.row(46)
def test_an_old_file_sends_nothing_twice_to_a_server_under_another_name(
    home: Home, server: Standin
) -> None:
    _, _, port = server.netloc.rpartition(":")
    letters = [dead(f"letter {n}") for n in range(12)]
    home.write_dlq(letters)
    copy = home.dlq.read_bytes()
    home.drained()
    server.forget()
    home.dlq.write_bytes(copy)
    home.drained(env={"MEM0TRAY_SERVER_URL": f"http://localhost:{port}"})
    assert (server.surplus(), server.total_stored(), server.questions()) == ({}, 12, 1)
    assert home.dlq_items() == []


@pytest.mark.row(36)
def test_what_a_former_server_perhaps_has_is_asked_about(home: Home, server: Standin) -> None:
    server.script(Answer(reset=True, stores=True), content="letter")
    home.write_dlq([dead("letter")])
    home.drain()
    assert (server.sends("letter"), server.count("letter")) == (1, 1)
    with Standin() as other:
        other.default = Answer(400)
        home.ok("retry", "--all")
        home.drain(env={"MEM0TRAY_SERVER_URL": other.url})
        assert other.sends("letter") == 1
    home.ok("retry", "--all")
    home.drained()
    assert (server.sends("letter"), server.count("letter")) == (1, 1)
    assert home.dlq_items() == []
