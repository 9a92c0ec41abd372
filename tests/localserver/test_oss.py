"""The requests of the dialect `oss`, as the official server answers them."""

import hashlib
import json
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from mem0tray.localserver.endpoint import Endpoint
from mem0tray.server.model import name_of
from tests.localserver.support import client_of, listed, save, texts


@pytest.fixture
def official(running: Endpoint) -> Any:
    """Open a client that sends the token as the official server wants it."""
    with client_of(running, {"X-API-Key": running.token}) as client:
        yield client


def added(client: httpx.Client, text: str, **more: Any) -> str:
    body = {"messages": [{"role": "user", "content": text}], "infer": False, **more}
    answer = client.post("/memories", content=json.dumps(body))  # ASCII, as httpx's is not
    assert answer.status_code == 200, answer.text
    (result,) = answer.json()["results"]
    assert (result["memory"], result["event"], result["role"]) == (text, "ADD", "user")
    found: str = result["id"]
    return found


def entries(client: httpx.Client, **asked: Any) -> list[dict[str, Any]]:
    answer = client.get(f"/memories?{urlencode(asked, errors='surrogatepass')}")
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def shown(client: httpx.Client, **asked: Any) -> list[str]:
    return [each["memory"] for each in entries(client, **asked)]


def searched(client: httpx.Client, query: str, **more: Any) -> list[str]:
    answer = client.post("/search", content=json.dumps({"query": query, **more}))
    assert answer.status_code == 200, answer.text
    return [each["memory"] for each in answer.json()["results"]]


def test_a_memory_is_shown_with_all_that_was_said_of_it(official: httpx.Client) -> None:
    more = {"user_id": "shown", "agent_id": "a", "run_id": "r", "metadata": {"mood": "fine"}}
    name = added(official, "text", **more)
    (entry,) = entries(official, user_id="shown")
    created = entry.pop("created_at")
    assert datetime.fromisoformat(created).utcoffset() is not None
    assert entry == {
        "id": name,
        "memory": "text",
        "hash": hashlib.md5(b"text").hexdigest(),  # noqa: S324  (as the official server does)
        "metadata": {"mood": "fine"},
        "updated_at": created,
        "user_id": "shown",
        "agent_id": "a",
        "run_id": "r",
        "role": "user",
    }
    alone = official.get(f"/memories/{name}").json()
    assert alone == entry | {"created_at": created, "score": None}


def test_each_message_but_a_systems_is_a_memory(official: httpx.Client) -> None:
    messages = [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "question"},
        {"role": "assistant", "content": "answer"},
    ]
    body = {"messages": messages, "user_id": "talk", "metadata": {"mem0tray_id": "talk-1"}}
    for _ in range(2):
        results = official.post("/memories", json=body | {"infer": False}).json()["results"]
        assert [each["memory"] for each in results] == ["question", "answer"]
    found = entries(official, user_id="talk")
    assert [(each["memory"], each["role"], each["metadata"]) for each in found] == [
        ("answer", "assistant", {"mem0tray_id": "talk-1"}),
        ("question", "user", {"mem0tray_id": "talk-1"}),
    ]


@pytest.mark.parametrize("infer", [{"infer": True}, {}])
def test_a_text_is_stored_as_it_is_where_facts_were_wanted(
    official: httpx.Client, infer: dict[str, bool]
) -> None:
    body = {"messages": [{"role": "user", "content": "I like oaks."}], "user_id": "facts", **infer}
    document = official.post("/memories", json=body).json()
    assert [each["memory"] for each in document["results"]] == ["I like oaks."]
    assert document["note"] == "This server has no model: it stored each text as it is."


def test_an_id_in_the_metadata_is_stored_once(official: httpx.Client) -> None:
    more = {"user_id": "once", "metadata": {"mem0tray_id": "id-1"}}
    assert added(official, "once", **more) == added(official, "once", **more)
    body = {"messages": [{"role": "user", "content": "another"}], **more}
    answer = official.post("/memories", json=body)
    assert answer.status_code == 422
    assert "mem0tray_id" in answer.json()["detail"]
    assert shown(official, user_id="once") == ["once"]


@pytest.mark.parametrize("project", ["alpha", "two words", "100%", "a%20b", "*", "é/ü", "x\ud800"])
def test_both_dialects_have_the_same_memories(
    client: httpx.Client, official: httpx.Client, project: str
) -> None:
    user, first, second = name_of(project), f"1 {project!a}", f"2 {project!a}"
    named = {} if user == project else {"mem0tray_project": project}
    save(client, project, "an oak", first)
    (entry,) = entries(official, user_id=user)
    assert (entry["memory"], entry["user_id"]) == ("an oak", user)
    assert entry["metadata"] == {"mem0tray_id": first, **named}
    again = {"user_id": user, "metadata": entry["metadata"]}
    assert added(official, "an oak", **again) == entry["id"]
    name = added(official, "an elm", user_id=user, metadata={"mem0tray_id": second, **named})
    assert save(client, project, "an elm", second).status_code == 200
    assert texts(client, project) == shown(official, user_id=user)[::-1] == ["an oak", "an elm"]
    assert searched(official, "oak", filters={"user_id": user}) == ["an oak"]
    assert official.delete(f"/memories/{name}").json()["message"] == "Memory deleted successfully"
    assert texts(client, project) == ["an oak"]
    assert official.delete(f"/memories/{name}").status_code == 404


def test_user_agent_and_run_keep_memories_apart(official: httpx.Client) -> None:
    added(official, "oak one", user_id="apart", agent_id="x", run_id="1")
    added(official, "oak two", user_id="apart", agent_id="x", run_id="2")
    added(official, "oak three", user_id="apart-2", agent_id="x")
    added(official, "oak four", agent_id="alone")
    assert shown(official, user_id="apart") == ["oak two", "oak one"]
    assert shown(official, agent_id="x") == ["oak three", "oak two", "oak one"]
    assert shown(official, user_id="apart", run_id="1") == ["oak one"]
    assert shown(official, agent_id="alone") == ["oak four"]
    assert searched(official, "oak", filters={"user_id": "apart", "run_id": "2"}) == ["oak two"]
    assert searched(official, "oak", filters={"agent_id": "x"}, top_k=2) == ["oak three", "oak two"]
    assert searched(official, "oak", agent_id="alone") == ["oak four"]


def test_filters_find_by_key_and_by_metadata(official: httpx.Client) -> None:
    named = {"color": "green", "rings": 7, "mem0tray_id": "filter-1"}
    added(official, "an oak", user_id="filters", metadata=named)
    added(official, "an oak too", user_id="filters", metadata={"color": "brown"})
    mine = {"user_id": "filters"}
    by_key = mine | {"mem0tray_id": "filter-1"}
    (entry,) = official.post("/search", json={"query": "unlike", "filters": by_key}).json()[
        "results"
    ]
    assert (entry["memory"], entry["score"], entry["metadata"]) == ("an oak", 1.0, named)
    assert searched(official, "oak", filters=by_key | {"mem0tray_id": "filter-2"}) == []
    assert searched(official, "oak", filters=by_key | {"user_id": "nobody"}) == []
    assert searched(official, "oak", filters=mine | {"color": "green", "rings": 7}) == ["an oak"]
    assert searched(official, "oak", filters=mine | {"color": "green", "rings": 8}) == []


def test_a_search_shows_what_is_good_enough(official: httpx.Client) -> None:
    for text in ("oak", "oak and elm"):
        added(official, text, user_id="good")
    filters = {"user_id": "good"}
    assert searched(official, "elm oak", filters=filters) == ["oak and elm", "oak"]
    assert searched(official, "elm oak", filters=filters, threshold=0.6) == ["oak and elm"]
    assert searched(official, "elm oak", filters=filters, top_k=1) == ["oak and elm"]
    assert searched(official, "elm oak", filters=filters, limit=1) == ["oak and elm"]


def test_a_memory_can_be_changed(official: httpx.Client) -> None:
    known = {"mem0tray_id": "change-1", "mood": "fine"}
    name = added(official, "an oak", user_id="changed", metadata=known)
    assert searched(official, "oak", filters={"user_id": "changed"}) == ["an oak"]
    answer = official.put(f"/memories/{name}", json={"text": "an elm", "metadata": {"mood": "sad"}})
    assert answer.json() == {"message": "Memory updated successfully!"}
    entry = official.get(f"/memories/{name}").json()
    assert entry["memory"] == "an elm"
    assert entry["metadata"] == {"mem0tray_id": "change-1", "mood": "sad"}
    assert entry["updated_at"] > entry["created_at"]
    assert searched(official, "oak", filters={"user_id": "changed"}) == []
    assert searched(official, "elm", filters={"user_id": "changed"}) == ["an elm"]
    assert official.put(f"/memories/{name}", json={}).status_code == 400
    assert official.put("/memories/0", json={"text": "x"}).status_code == 404


def test_all_of_a_user_can_be_deleted(client: httpx.Client, official: httpx.Client) -> None:
    for number in range(250):
        save(client, "gone", str(number))
    added(official, "stays", user_id="gone-2")
    answer = official.delete("/memories", params={"user_id": "gone"})
    assert answer.json() == {"message": "All relevant memories deleted"}
    assert listed(client, "gone") == []
    assert shown(official, user_id="gone-2") == ["stays"]
    assert official.delete("/memories").status_code == 400


def test_a_listing_is_as_long_as_asked(client: httpx.Client, official: httpx.Client) -> None:
    for number in range(25):
        save(client, "long", str(number))
    assert len(shown(official, user_id="long")) == 20
    assert shown(official, user_id="long", top_k=2) == ["24", "23"]
    assert shown(official, user_id="long", top_k=0) == []
    assert shown(official, top_k=1) == ["24"]
    for top_k in ("-1", "1001", "many"):
        assert official.get("/memories", params={"top_k": top_k}).status_code == 422


def test_names_are_counted(client: httpx.Client, official: httpx.Client) -> None:
    save(client, "counted me", "1")
    added(official, "3", user_id="counted%20me", agent_id="counting", run_id="count-1")
    found = [
        (each["id"], each["type"], each["total_memories"])
        for each in official.get("/entities").json()
        if each["id"].startswith("count")
    ]
    assert found == [("counting", "agent", 1), ("count-1", "run", 1), ("counted%20me", "user", 2)]


def test_an_entity_can_be_deleted(official: httpx.Client) -> None:
    for name in ("leaving", "staying"):
        added(official, name, user_id="entities", agent_id=name)
    assert official.delete("/entities/agent/leaving").json() == {"message": "Entity deleted"}
    assert shown(official, user_id="entities") == ["staying"]
    assert official.delete("/entities/user/entities").status_code == 200
    assert shown(official, user_id="entities") == []
    assert official.delete("/entities/app/x").status_code == 422


def test_it_describes_what_it_answers(official: httpx.Client) -> None:
    document = official.get("/openapi.json").json()
    paths, schemas = document["paths"], document["components"]["schemas"]
    body = paths["/memories"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schemas[body["$ref"].rpartition("/")[2]]["required"] == ["messages"]
    assert {"/memories", "/memories/{memory_id}", "/search", "/entities"} < paths.keys()
    for path, operations in paths.items():
        for method in operations:
            answer = official.request(method, path.replace("{entity_type}", "odd"), content=b"-")
            assert answer.status_code not in {401, 405}, (method, path)
            assert answer.json() != {"detail": "Not Found"}, (method, path)


def test_what_is_not_there_or_never_wanted(running: Endpoint, official: httpx.Client) -> None:
    answer = official.get("/memories/0")
    assert (answer.status_code, answer.json()) == (200, None)
    assert official.post("/reset").status_code == 404
    with client_of(running, {}) as stranger:
        answer = stranger.get("/auth/setup-status")
    assert (answer.status_code, answer.json()) == (200, {"needsSetup": False})


def test_a_large_memory_is_kept_whole(official: httpx.Client) -> None:
    text = 'a "large" oak\n' * 100_000
    body = {
        "messages": [{"role": "user", "content": text}],
        "user_id": "large",
        "metadata": {"mem0tray_id": "large-1"},
    }
    for _ in range(2):
        (result,) = official.post("/memories", json=body).json()["results"]
    assert result["memory"] == text[:1000]
    assert shown(official, user_id="large") == [text]
    filters = {"user_id": "large", "mem0tray_id": "large-1"}
    (found,) = official.post("/search", json={"query": "oak", "filters": filters}).json()["results"]
    assert (found["memory"], found["truncated"]) == (text[:1000], True)


SENSIBLE: dict[str, dict[str, Any]] = {
    "/memories": {"messages": [{"role": "user", "content": "text"}], "user_id": "refused"},
    "/search": {"query": "x", "filters": {"user_id": "x"}},
}


@pytest.mark.parametrize(
    ("path", "change", "status", "word"),
    [
        ("/memories", {"user_id": None}, 400, "identifier"),
        ("/memories", {"user_id": "two words"}, 400, "white space"),
        ("/memories", {"user_id": 5}, 422, "user_id"),
        ("/memories", {"messages": ["text"]}, 422, "message"),
        ("/memories", {"messages": [{"role": "user"}]}, 422, "content"),
        ("/memories", {"metadata": "x"}, 422, "metadata"),
        ("/memories", {"metadata": {"mem0tray_id": 5}}, 422, "mem0tray_id"),
        ("/memories", {"metadata": {"mem0tray_id": "\ud800"}}, 422, "mem0tray_id"),
        ("/memories", {"messages": "\ud800 x"}, 422, "half a character"),
        ("/memories", {"expiration_date": "2030-01-01"}, 400, "expiration_date"),
        ("/memories", {"app_id": "x"}, 400, "app_id"),
        ("/search", {"query": " "}, 400, "query"),
        ("/search", {"query": None}, 422, "query"),
        ("/search", {"filters": None}, 400, "identifier"),
        ("/search", {"threshold": 2}, 422, "threshold"),
        ("/search", {"top_k": "many"}, 422, "top_k"),
        *(
            ("/search", {"filters": {"user_id": "x", **odd}}, 400, "equality")
            for odd in (
                {"OR": [{"a": 1}]},
                {"AND": [{"a": 1}]},
                {"a": {"gt": 1}},
                {"a": "*"},
                {"\ud800": "a"},
                {"a": 2**64},
            )
        ),
    ],
)
def test_what_makes_no_sense_is_refused(
    official: httpx.Client, path: str, change: dict[str, Any], status: int, word: str
) -> None:
    answer = official.post(path, content=json.dumps(SENSIBLE[path] | change))
    assert answer.status_code == status
    assert word in answer.json()["detail"]
    assert shown(official, user_id="refused") == []
