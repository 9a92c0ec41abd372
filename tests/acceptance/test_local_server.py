"""The embedded server: minimal, real, and closed to everybody else."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.support.forked import ForkedHome
from tests.support.home import Home
from tests.support.processes import Process
from tests.support.shapes import Item, entries

LOCAL = {"MEM0TRAY_SERVER_URL": "local"}


class Endpoint(NamedTuple):
    """What stands in the private file of a running embedded server."""

    port: int
    token: str
    pid: int
    file: Path


def endpoint(home: Home) -> Endpoint | None:
    """Find the 0600 file with token, port and pid in the data folder."""
    for path in home.data_files("*"):
        if path.suffix == ".tmp":  # just being written: it gets another name
            continue
        try:
            found = json.loads(path.read_bytes())
        except (ValueError, OSError):
            continue
        if isinstance(found, dict) and {"token", "port", "pid"} <= set(found):
            return Endpoint(found["port"], found["token"], found["pid"], path)
    return None


def running(home: Home) -> Endpoint:
    """Wait for an embedded server that answers its health path."""
    found: list[Endpoint] = []

    def healthy() -> bool:
        place = endpoint(home)
        if place is None:
            return False
        try:
            answer = httpx.get(f"http://127.0.0.1:{place.port}/health", trust_env=False)
        except httpx.TransportError:
            return False
        found.append(place)
        return answer.status_code == 200

    home.wait(healthy, 10, "the embedded server, healthy")
    return found[-1]


@pytest.fixture
def served(bare_home: Home) -> Endpoint:
    """Start `mem0tray serve`."""
    bare_home.start("serve")
    return running(bare_home)


@pytest.fixture
def client(served: Endpoint) -> Iterator[httpx.Client]:
    """Open a client that knows the token."""
    with httpx.Client(
        base_url=f"http://127.0.0.1:{served.port}",
        headers={"Authorization": f"Bearer {served.token}"},
        trust_env=False,
    ) as client:
        yield client


def save(client: httpx.Client, content: str, **headers: str) -> httpx.Response:
    """Save one memory."""
    body = {"user_id": "alpha", "content": content}
    return client.post(
        "/memory", json=body, headers={k.replace("_", "-"): headers[k] for k in headers}
    )


def listed(client: httpx.Client, project: str = "alpha") -> list[str]:
    """List a project's memories."""
    answer: Item = client.get(f"/memory/{project}", params={"limit": 100}).json()
    return sorted(result["memory"] for result in answer["memories"]["results"])


def test_health_save_and_list(client: httpx.Client) -> None:
    health = client.get("/health")
    assert (health.status_code, health.json()["status"]) == (200, "ok")
    for text in ("one", "« zwei »\n"):
        answer = save(client, text)
        assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert listed(client) == ["one", "« zwei »\n"]
    assert listed(client, "beta") == []


def test_the_idempotency_key_is_honoured(client: httpx.Client) -> None:
    for _ in range(2):
        assert save(client, "one", Idempotency_Key="k").status_code == 200
    assert save(client, "two", Idempotency_Key="k").status_code == 422
    assert listed(client) == ["one"]


@pytest.mark.row(43)
def test_all_but_health_wants_the_token(client: httpx.Client, served: Endpoint) -> None:
    save(client, "secret")
    base = f"http://127.0.0.1:{served.port}"
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": served.token[:-1]}):
        for method, path in (("GET", "/memory/alpha"), ("POST", "/memory"), ("GET", "/docs")):
            answer = httpx.request(method, base + path, headers=headers, json={}, trust_env=False)
            assert answer.status_code in (401, 403, 404), (method, path)
            assert "secret" not in answer.text
        posted = httpx.post(
            f"{base}/memory",
            json={"user_id": "alpha", "content": "intruder"},
            headers=headers,
            trust_env=False,
        )
        assert posted.status_code in (401, 403)
    assert listed(client) == ["secret"]


@pytest.mark.row(43)
def test_the_token_s_file_is_private(served: Endpoint) -> None:
    assert served.file.stat().st_mode & 0o777 == 0o600
    assert len(served.token) >= 20
    assert Path(f"/proc/{served.pid}").exists()


@pytest.mark.row(43)
@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1.nip.io", ""])
def test_foreign_hosts_are_refused(client: httpx.Client, served: Endpoint, host: str) -> None:
    answer = client.get("/memory/alpha", headers={"Host": host.format(port=served.port)})
    assert 400 <= answer.status_code < 500


@pytest.mark.row(43)
def test_a_foreign_page_cannot_post(served: Endpoint) -> None:
    answer = httpx.post(
        f"http://127.0.0.1:{served.port}/memory",
        content='{"user_id":"alpha","content":"forged"}',
        headers={"Origin": "https://evil.example", "Content-Type": "text/plain"},
        trust_env=False,
    )
    assert 400 <= answer.status_code < 500
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "body", [b"", b"no JSON", b"[]", b'{"user_id": 5}', b'{"user_id":"a","content":null}', b"\xff"]
)
def test_nonsense_is_refused_without_harm(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/memory", content=body, headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert save(client, "fine").status_code == 200


def test_memories_survive_a_kill(bare_home: Home) -> None:
    process = bare_home.start("serve")
    for number in range(2):
        place = running(bare_home)
        with httpx.Client(
            base_url=f"http://127.0.0.1:{place.port}",
            headers={"Authorization": f"Bearer {place.token}"},
            trust_env=False,
        ) as client:
            if number:
                assert listed(client) == ["safe"]
            else:
                save(client, "safe")
                process.kill()
                place.file.unlink(missing_ok=True)
                process = bare_home.start("serve")


@pytest.mark.row(43)
def test_it_listens_on_loopback_only(served: Endpoint) -> None:
    port = f"{served.port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            address, _, local_port = line.split()[1].rpartition(":")
            if local_port == port and line.split()[3] == "0A":
                assert address == "0100007F"


def test_a_taken_port_means_the_next_free_one(bare_home: Home, tmp_path: Path) -> None:
    bare_home.start("serve")
    first = running(bare_home)
    with ForkedHome(tmp_path / "second") as other:
        other.start("serve")
        assert running(other).port != first.port


def gone(pid: int) -> bool:
    """Tell whether a process has ended."""
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


@pytest.fixture
def local_worker(bare_home: Home) -> Process:
    """Start a worker whose server is the embedded one."""
    return bare_home.worker(env=LOCAL)


def test_the_worker_restarts_it_and_stops_it(bare_home: Home, local_worker: Process) -> None:
    first = running(bare_home)
    os.kill(first.pid, signal.SIGKILL)
    bare_home.wait(lambda: gone(first.pid), 5, "killed")
    bare_home.producer("--label", "after").wait()
    bare_home.wait(lambda: bare_home.stats()["total_synced"] == 1, 15, "delivered after all")
    second = running(bare_home)
    assert second.pid != first.pid
    local_worker.stop()
    bare_home.wait(lambda: gone(second.pid), 5, "stopped with the worker")


def test_the_worker_finds_one_that_runs(bare_home: Home) -> None:
    serving = bare_home.start("serve")
    place = running(bare_home)
    bare_home.write_queue(entries(5))
    bare_home.drained(env=LOCAL)
    assert serving.alive
    assert running(bare_home).pid == place.pid


def test_the_worker_s_deliveries_are_in_the_local_server(bare_home: Home) -> None:
    bare_home.start("serve")
    place = running(bare_home)
    bare_home.write_queue(entries(10, projects=1))
    bare_home.drained(env=LOCAL)
    with httpx.Client(
        base_url=f"http://127.0.0.1:{place.port}",
        headers={"Authorization": f"Bearer {place.token}"},
        trust_env=False,
    ) as client:
        assert len(listed(client, "project-0")) == 10
