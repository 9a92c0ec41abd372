"""Servers that answer wrongly, endlessly, late or not at all."""

import gzip

import pytest

from tests.acceptance.kinds import ON_ALL, ON_LIBRARY_TOO, ON_OFFICIAL_TOO
from tests.support.forked import ANEW
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.shapes import dead, entries, entry
from tests.support.standin import Standin

MEGABYTE = 1 << 20
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
IMPATIENT = {"MEM0TRAY_SYNC_TIMEOUT": "1"}
BAD_ANSWERS = {
    "garbage": Answer(raw=b"\x16\x03\x01\x02\0\1\0\1\xfc\x03\x03" * 20),
    "endless body": Answer(raw=HEAD + b"\r\n", drip=b"x" * 65536),
    "slow headers": Answer(raw=b"HTTP/1.1 200 OK\r\nX: ", drip=b"x", drip_every=0.05),
    # 300 MB that are 300 kB on the wire
    "gzip bomb": Answer(200, gzip.compress(bytes(MEGABYTE), 9) * 300, {"Content-Encoding": "gzip"}),
}


@pytest.mark.row(37)
@pytest.mark.parametrize("name", BAD_ANSWERS)
@ON_ALL
def test_a_bad_health_answer_is_an_outage(home: Home, server: Standin, name: str) -> None:
    home.env.setdefault("MEM0TRAY_SERVER_DIALECT", "vps")
    server.health = BAD_ANSWERS[name]
    home.write_queue(entries(2))
    worker = home.start("run", wrapper=ANEW, env=IMPATIENT)
    home.wait(lambda: home.state()[0] == "down", what="down")
    assert home.read(home.metrics)["vps_status"] == "down"
    assert server.saves == []
    assert worker.peak_memory() < 160 * MEGABYTE
    server.health = Answer(body={"status": "ok"})
    server.wait_for(lambda: server.total_stored() == 2)
    home.wait(lambda: home.state()[0] == "healthy", what="healthy again")


@ON_ALL
def test_a_server_that_accepts_and_hangs_up_is_down_at_once_and_nothing_counts(
    home: Home, server: Standin
) -> None:
    home.worker()  # it finds the server well
    server.default = server.health = Answer(reset=True)
    home.ok("add", "--project", "alpha", "meanwhile")
    home.wait(lambda: home.state()[0] == "down", what="down")
    assert [item["retries"] for item in home.queue_items()] == [0]
    server.default, server.health = Answer(), Answer(body={"status": "ok"})
    server.wait_for(lambda: server.total_stored() == 1)


def test_a_look_that_fails_has_the_server_probed_at_once(home: Home, server: Standin) -> None:
    home.env["MEM0TRAY_SYNC_PROBE_INTERVAL"] = home.env["MEM0TRAY_SYNC_IDLE_PROBE_INTERVAL"] = "600"
    home.worker()
    home.wait(lambda: home.state()[0] == "healthy", what="healthy")
    server.health = Answer(503)
    server.script_questions(*[Answer(503)] * 9)
    assert home.run("recall", "-p", "alpha").returncode == 1
    home.wait(lambda: home.state()[0] == "down", what="down")


@pytest.mark.row(37)
@pytest.mark.parametrize("status", [302, 308])
@ON_LIBRARY_TOO
def test_a_redirect_to_another_host_is_not_followed(
    home: Home, server: Standin, status: int
) -> None:
    with Standin(host="127.0.0.2") as other:
        location = {"Location": f"{other.url}/memory"}
        server.default = Answer(status, {"moved": True}, location)
        server.health = Answer(status, {"moved": True}, {"Location": f"{other.url}/health"})
        home.write_queue([entry("mine")])
        home.write_dlq([dead("letter")])
        key = {"MEM0TRAY_SERVER_API_KEY": "sesame"}
        assert home.drain(env=key).returncode == 1
        assert other.requests == []
    assert [item["retries"] for item in home.queue_items()] == [0]
    assert home.dead_letter("letter")["retry_count"] == 0


@pytest.mark.row(36)
@pytest.mark.parametrize("answer", [Answer(reset=True, stores=True), Answer(delay=2)])
@ON_OFFICIAL_TOO
def test_an_unknown_outcome_is_asked_about(home: Home, server: Standin, answer: Answer) -> None:
    server.script(answer, content="accepted")
    home.write_queue([entry("accepted"), *entries(3)])
    home.drained(env=IMPATIENT)
    assert server.sends("accepted") == 1
    assert server.questions() >= 1
    assert server.surplus() == {}


@pytest.mark.row(37)
@ON_ALL
def test_what_is_no_mem0_server_is_told(home: Home, server: Standin) -> None:
    server.default = Answer(200, b"[1, 2, 3]")
    home.write_queue(entries(2))
    worker = home.worker()
    home.wait(lambda: home.state()[0] == "action needed", what="told")
    assert "no Mem0 server" in home.state()[1]
    home.wait(lambda: home.log_lines("Not taken by a healthy server, not counted: "), what="logged")
    assert "no Mem0 server" in home.ok("list", "--queue")
    assert all("not a JSON object" in str(each["last_error"]) for each in home.json("list", "-q"))
    (told, *_) = home.json("diagnose", home.queue_items()[0]["id"])
    assert (told["cause"], "server.url" in told["remedy"]) == ("action needed", True)
    server.default = Answer()
    home.wait(lambda: home.queue_items() == [], 40, "delivered")
    home.wait(lambda: home.state()[0] == "healthy", what="over")
    assert worker.alive
