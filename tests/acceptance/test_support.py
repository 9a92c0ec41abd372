"""The stand-in server, the producer and the scratch home hold what the tests build on."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support import machine, privileges
from tests.support.home import Home
from tests.support.http1 import Answer, retry_after
from tests.support.processes import wait_until
from tests.support.producer import Producer
from tests.support.shapes import dead, entries, is_iso, retry_marker
from tests.support.standin import Standin


@pytest.fixture
def client(server: Standin) -> Iterator[httpx.Client]:
    """Open a keep-alive client of the stand-in."""
    with httpx.Client(base_url=server.url, trust_env=False, timeout=5) as client:
        yield client


def save(client: httpx.Client, content: str, key: str | None = None) -> httpx.Response:
    """Save one memory, as the dialect says."""
    headers = {"Idempotency-Key": key} if key else {}
    return client.post("/memory", json={"user_id": "alpha", "content": content}, headers=headers)


def test_saves_are_stored_recorded_and_listed_newest_first(
    server: Standin, client: httpx.Client
) -> None:
    assert client.get("/health").json()["status"] == "ok"
    for text in ("one", "two", "three"):
        assert save(client, text).json() == {"success": True}
    listed = client.get("/memory/alpha", params={"limit": 2}).json()
    assert [memory["memory"] for memory in listed["memories"]["results"]] == ["three", "two"]
    assert server.order() == ["one", "two", "three"]
    assert (server.probes(), server.questions(), server.total_stored()) == (1, 1, 3)


def test_keys_are_honoured_only_when_switched_on(server: Standin, client: httpx.Client) -> None:
    save(client, "one", "k1")
    save(client, "one", "k1")
    assert server.surplus() == {"one": 2}
    server.honours_keys = True
    save(client, "two", "k2")
    assert save(client, "two", "k2").status_code == 200
    assert save(client, "other", "k2").status_code == 422
    assert (server.count("two"), server.count("other")) == (1, 0)
    assert server.keys("two") == ["k2", "k2"]


def test_a_server_that_cannot_be_asked_says_404(server: Standin, client: httpx.Client) -> None:
    server.can_be_asked = False
    assert client.get("/memory/alpha").status_code == 404


def test_scripts_answer_in_order_and_then_the_default(
    server: Standin, client: httpx.Client
) -> None:
    server.script(Answer(500), retry_after(429, 7), content="bad")
    assert [save(client, "bad").status_code for _ in range(3)] == [500, 429, 200]
    assert save(client, "good").status_code == 200
    server.script(Answer(400), project="alpha", forever=True)
    assert [save(client, "good").status_code for _ in range(2)] == [400, 400]
    server.clear_scripts()
    assert save(client, "good").status_code == 200


def test_a_reset_after_accepting_stores_and_cuts(server: Standin, client: httpx.Client) -> None:
    server.script(Answer(reset=True, stores=True), Answer(reset=True), content="x")
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError):
            save(client, "x")
    assert server.count("x") == 1


def test_endless_answers_end_with_the_client(server: Standin, client: httpx.Client) -> None:
    server.default = Answer(
        raw=b"HTTP/1.1 200 OK\r\n\r\n", drip=b"x", drip_every=0.01, stores=False
    )
    with client.stream("POST", "/memory", json={"user_id": "a", "content": "b"}) as response:
        assert next(response.iter_raw(3)) == b"xxx"
        assert client.get("/health").status_code == 200
    server.wait_for(lambda: server.saves[0].finished is not None, 5)


def test_the_health_answer_and_the_bearer_token_can_be_set(
    server: Standin, client: httpx.Client
) -> None:
    server.health = Answer(503)
    assert client.get("/health").status_code == 503
    server.api_key = "sesame"
    assert save(client, "x").status_code == 401
    client.headers["Authorization"] = "Bearer sesame"
    assert save(client, "x").status_code == 200


def test_concurrency_is_measured(server: Standin, client: httpx.Client) -> None:
    server.latency = 1.0
    threads = [threading.Thread(target=save, args=(client, str(n))) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.max_concurrency == 4


def test_a_closed_server_refuses_and_opens_again_on_its_port(
    server: Standin, client: httpx.Client
) -> None:
    url = server.url
    server.close()
    with pytest.raises(httpx.ConnectError):
        client.get("/health")
    server.open()
    assert server.url == url
    assert client.get("/health").status_code == 200


def test_a_split_request_is_read_whole(server: Standin) -> None:
    body = b'{"user_id":"alpha","content":"pieces"}'
    head = b"POST /memory HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    host, port = server.netloc.split(":")
    with socket.create_connection((host, int(port)), 5) as raw:
        for piece in (head[:9], head[9:], body[:5], body[5:]):
            raw.sendall(piece)
            time.sleep(0.01)
        assert raw.recv(15) == b"HTTP/1.1 200 OK"
    assert server.count("pieces") == 1


def test_a_late_condition_says_what_was_waited_for(server: Standin) -> None:
    with pytest.raises(AssertionError, match=r"a save.*0 requests"):
        server.wait_for(lambda: server.saves, 0.05, "a save")


@pytest.mark.parametrize("replace", [False, True])
def test_the_producer_appends_as_the_contract_says(tmp_path: Path, *, replace: bool) -> None:
    producer = Producer(tmp_path, replace)
    made = [producer.queue(f"text {n}", "alpha") for n in range(102)]
    data = json.loads((tmp_path / "mem0_queue.json").read_text())
    assert data["queue"] == made
    assert data["last_100"] == made[2:]
    assert data["stats"]["total_queued"] == 102
    assert {path.name for path in tmp_path.iterdir()} == {"mem0_queue.json", "mem0_queue.lock"}


def test_the_producer_without_lock_writes_an_emergency_line(bare_home: Home) -> None:
    holder = bare_home.lock_holder()
    producer = bare_home.producer("--give-up", "0.2", "--label", "late")
    assert producer.wait() == 0
    line = json.loads(bare_home.emergency.read_text())
    assert (line["content"], line["emergency"]) == ("late wrote 0", True)
    assert not bare_home.queue.exists()
    assert json.loads(producer.out)["emergencies"] == 1
    holder.kill()
    assert bare_home.producer("--label", "next").wait() == 0
    assert [item["content"] for item in bare_home.queue_items()] == ["next wrote 0"]


def test_four_producers_lose_nothing_between_them(bare_home: Home) -> None:
    started = [
        bare_home.producer("--label", f"p{n}", "--count", "50", *(["--replace"] * (n % 2)))
        for n in range(4)
    ]
    assert [producer.wait(30) for producer in started] == [0] * 4
    assert bare_home.stats()["total_queued"] == 200
    assert len(bare_home.queue_items()) == 200
    assert all(json.loads(producer.out)["longest_wait"] < 5 for producer in started)


def test_shapes_follow_the_contract() -> None:
    item = dead("x", retry_count=3, id="7f1c2a34-5b6d")
    assert retry_marker(item, 4) == "⏳ DLQ retry 4: alpha (ID: 7f1c2a34...) (next in 480s)"
    assert [e["content"] for e in entries(2, "m")] == ["m number 0", "m number 1"]
    assert [is_iso(text) for text in ("2025-11-30T04:38:18", "yesterday", 5)] == [
        True,
        False,
        False,
    ]


def test_waiting_gives_up_with_an_explanation() -> None:
    with pytest.raises(AssertionError, match="the sun\nnight"):
        wait_until(lambda: False, 0.05, "the sun", explain=lambda: "night")


def test_the_wall_clock_of_a_process_can_jump(tmp_path: Path) -> None:
    clock = machine.WallClock(tmp_path)
    clock.jump(-86_400 * 365)
    code = "import time, datetime; print(time.time(), datetime.datetime.now().timestamp())"
    seen = subprocess.check_output([sys.executable, "-c", code], env={**os.environ, **clock.env})
    for value in seen.split():
        assert float(value) == pytest.approx(time.time() - 86_400 * 365, abs=10)


def test_writes_can_be_short(tmp_path: Path) -> None:
    code = (
        "import os, sys; print(os.write(os.open(sys.argv[1], os.O_CREAT | os.O_RDWR), b'x' * 99))"
    )
    env = {**os.environ, **machine.short_writes(tmp_path)}
    command = [sys.executable, "-c", code, str(tmp_path / "file")]
    assert subprocess.check_output(command, env=env).strip() == b"49"


def test_a_small_disk_gets_full(tmp_path: Path) -> None:
    with machine.small_disk(tmp_path / "disk", "256k"):
        filler = machine.fill(tmp_path / "disk")
        with pytest.raises(OSError, match="No space"):
            (tmp_path / "disk" / "more").write_bytes(b"x")
        filler.unlink()
        (tmp_path / "disk" / "more").write_bytes(b"x")


def test_permissions_stop_a_humble_process(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    command = [*privileges.wrapper(), "touch", str(tmp_path / "x")]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 1
    tmp_path.chmod(0o700)
