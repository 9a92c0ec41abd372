"""The requests of the dialect `vps`."""

import asyncio
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from mem0tray.localserver import wire
from mem0tray.localserver.app import build
from mem0tray.localserver.endpoint import DATABASE, Endpoint, proof
from mem0tray.localserver.store import Store, StoredMemory
from tests.localserver.support import everything, listed, save, texts


def test_what_is_saved_is_listed_newest_first(client: httpx.Client) -> None:
    for text in ("one", "« zwei »\n", ""):
        answer = save(client, "order", text)
        assert (answer.status_code, answer.json()) == (200, {"success": True})
    results = listed(client, "order")
    assert [each["memory"] for each in results] == ["", "« zwei »\n", "one"]
    assert len({each["id"] for each in results}) == 3
    assert listed(client, "another") == []


def test_a_list_is_as_long_as_asked_and_goes_on_where_a_page_ended(client: httpx.Client) -> None:
    for number in range(250):
        save(client, "paged", str(number))
    save(client, "paged too", "x")
    assert len(listed(client, "paged", 10**30)) == 250
    pages: list[list[str]] = []
    before: dict[str, str] = {}
    while True:
        document = client.get("/memory/paged", params={"limit": 100, **before}).json()
        assert document["paged"] is True
        page = document["memories"]["results"]
        if not page:
            break
        pages.append([each["memory"] for each in page])
        before = {"before": page[-1]["id"]}
    assert [len(page) for page in pages] == [100, 100, 50]
    assert [text for page in pages for text in page] == [str(n) for n in reversed(range(250))]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        *((n, v) for n in ("before", "limit") for v in ("-1", "last", "1.5", "²", "")),
    ],
)
def test_a_limit_that_is_no_number_or_a_page_after_no_memory_is_refused(
    client: httpx.Client, name: str, value: str
) -> None:
    answer = client.get("/memory/x", params={name: value})
    assert answer.status_code == 422
    assert name in answer.json()["detail"]


def test_a_list_says_since_when_and_under_which_key(client: httpx.Client) -> None:
    began = datetime.now(UTC)
    save(client, "dated", "without")
    save(client, "dated", "with", "key-dated")
    with_key, without = listed(client, "dated")
    for each in (with_key, without):
        assert began <= datetime.fromisoformat(each["created_at"]) <= datetime.now(UTC)
    assert with_key["metadata"] == {"mem0tray_id": "key-dated"}
    assert "metadata" not in without


def test_projects_are_counted_by_name(client: httpx.Client) -> None:
    for project in ("number two", "number one", "number two", "number three"):
        save(client, project, "x")
    name = listed(client, "number three")[0]["id"]
    client.delete(f"/memory/number%20three/{name}")
    document = client.get("/memory").json()
    assert document["success"] is True
    assert [each for each in document["projects"] if each["user_id"].startswith("number")] == [
        {"user_id": "number one", "count": 1},
        {"user_id": "number two", "count": 2},
    ]


def test_an_answer_that_was_cut_says_so(client: httpx.Client) -> None:
    for _ in range(3):
        save(client, "large", "x" * (7 * 2**20))
    document = client.get("/memory/large").json()
    assert len(document["memories"]["results"]) == 2
    assert document["truncated"] is True


@pytest.mark.parametrize(
    "project",
    ["a/b", "/", "%2F", "a b+c", "..", "?#", "ü\n\x00", "search", "health", "lone \ud800", "😀"],
)
def test_any_project_name_works(client: httpx.Client, project: str) -> None:
    for _ in range(2):  # without a key each request is a memory
        assert save(client, project, "half \ud800 😀").status_code == 200
    assert texts(client, project) == ["half \ud800 😀"] * 2


def test_a_key_is_stored_once(client: httpx.Client) -> None:
    answers = [save(client, "keys", "once", "key-1").json() for _ in range(3)]
    assert answers == [{"success": True}] * 3
    other_spelling = b'{ "content": "\\u006fnce", "user_id": "keys" }'
    again = client.post("/memory", content=other_spelling, headers={"Idempotency-Key": "key-1"})
    assert again.status_code == 200
    assert texts(client, "keys") == ["once"]


def test_a_key_with_another_body_is_refused(client: httpx.Client) -> None:
    save(client, "reused", "first", "key-2")
    for project, text in (("reused", "second"), ("reused-2", "first")):
        answer = save(client, project, text, "key-2")
        assert answer.status_code == 422
        assert "Idempotency-Key" in answer.json()["detail"]
    assert texts(client, "reused") == ["first"]
    assert texts(client, "reused-2") == []


async def saved_in(
    store: Store, document: dict[str, str], headers: dict[bytes, bytes] | None = None
) -> int:
    """Send a memory to an application on this database; the status."""
    transport = httpx.ASGITransport(build(store, "token"))
    its = {b"Authorization": b"Bearer token"} | (headers or {})
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return (await client.post("/memory", json=document, headers=its)).status_code


@pytest.mark.parametrize("key", ["notiz-größe".encode(), "größe".encode("latin-1")])
def test_a_key_of_an_older_version_is_known(store: Store, key: bytes) -> None:
    document = {"user_id": "p", "content": "text"}
    store.save(StoredMemory("p", "text", "key", wire.digest(document)))
    store._connection.execute("UPDATE keys SET key = ?", (key,))
    assert asyncio.run(saved_in(store, document, {b"Idempotency-Key": key})) == 200
    assert everything(store) == ["text"]


def test_a_deleted_memory_is_gone_and_stays_gone(client: httpx.Client) -> None:
    save(client, "deleted", "text", "key-3")
    name = listed(client, "deleted")[0]["id"]
    path = f"/memory/deleted/{name}"
    assert client.delete(f"/memory/another/{name}").status_code == 404
    assert client.delete(path).json() == {"success": True}
    assert client.delete(path).status_code == 404
    assert save(client, "deleted", "text", "key-3").status_code == 200
    assert texts(client, "deleted") == []


@pytest.mark.parametrize("memory_id", ["0", "-1", "x", "1.0", "9" * 30, "%31%00"])
def test_an_unknown_memory_is_a_404(client: httpx.Client, memory_id: str) -> None:
    assert client.delete(f"/memory/nobody/{memory_id}").status_code == 404


def test_search_finds_words(client: httpx.Client) -> None:
    for text in ("The cat sat", "a CAT and a dog", "only fish"):
        save(client, "search me", text)

    def search(query: str, **more: int | None) -> list[tuple[str, float]]:
        body = {"user_id": "search me", "query": query, **more}
        results = client.post("/memory/search", json=body).json()["results"]["results"]
        assert all(each["id"] and each["created_at"] for each in results)
        return [(each["memory"], each["score"]) for each in results]

    assert search("cat dog") == [("a CAT and a dog", 1.0), ("The cat sat", 0.5)]
    assert search("cat dog", limit=1) == [("a CAT and a dog", 1.0)]
    assert search("cat dog", limit=None) == search("cat dog")
    assert search("bird") == []
    assert search("") == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b'{"user_id":"a","content":"b","n":' + b"9" * 5000 + b"}", 400),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"user_id":5,"content":"x"}', 422),
        (b'{"user_id":"","content":"x"}', 422),
        (b'{"user_id":["\\ud800"],"content":"x"}', 422),
    ],
)
def test_nonsense_is_refused(client: httpx.Client, body: bytes, status: int) -> None:
    answer = client.post("/memory", content=body)
    assert answer.status_code == status
    assert answer.json()["detail"].endswith(".")
    assert save(client, "after nonsense", "fine").status_code == 200


@pytest.mark.parametrize(("size", "status"), [(10_000, 413), (9_000, 200)])
def test_a_body_that_is_too_large_is_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch, size: int, status: int
) -> None:
    monkeypatch.setattr(wire, "BODY_MAX", 10_000)
    document = {"user_id": "p", "content": "x" * size}
    assert asyncio.run(saved_in(store, document)) == status


def test_other_paths_and_methods_are_errors_in_json(client: httpx.Client) -> None:
    for method, path, status in (
        ("GET", "/", 404),
        ("GET", "/memory/", 404),
        ("POST", "/memory/", 404),
        ("PUT", "/memory", 405),
        ("POST", "/health", 405),
        ("GET", "/memory/%ff", 400),
    ):
        answer = client.request(method, path)
        assert (answer.status_code, "detail" in answer.json()) == (status, True), (method, path)


def test_health_tells_who_answers(running: Endpoint, client: httpx.Client) -> None:
    answer = client.get("/health", params={"challenge": "c0ffee"})
    document = answer.json()
    assert (document["status"], document["service"]) == ("ok", "mem0tray")
    assert document.keys() == {"status", "service", "version", "proof"}
    assert document["proof"] == proof(running.token, "c0ffee")
    assert running.token not in answer.text
    assert "proof" not in client.get("/health").json()


def test_a_store_that_cannot_be_written_is_an_outage(client: httpx.Client, folder: Path) -> None:
    other = sqlite3.connect(folder / DATABASE, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        answer = save(client, "outage", "text", "key-4")
        assert (answer.status_code, answer.json()["status"]) == (503, "error")
        health = client.get("/health")
        assert (health.status_code, health.json()["service"]) == (503, "mem0tray")
        other.execute("ROLLBACK")
    finally:
        other.close()
    assert client.get("/health").status_code == 200
    assert save(client, "outage", "text", "key-4").status_code == 200
    assert texts(client, "outage") == ["text"]
