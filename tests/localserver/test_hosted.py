"""What Mem0's own client class asks of the hosted service, asked of the embedded server."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from mem0tray.localserver.endpoint import Endpoint
from tests.localserver.support import client_of, save, texts


@pytest.fixture
def hosted(running: Endpoint) -> Iterator[httpx.Client]:
    """Open a client that sends the token as the hosted service wants it."""
    with client_of(running, {"Authorization": f"Token {running.token}"}) as client:
        yield client


def added(hosted: httpx.Client, text: str, **more: Any) -> str:
    """Save one memory; its id."""
    body = {"messages": [{"role": "user", "content": text}], **more}
    (result,) = hosted.post("/v3/memories/add/", json=body).json()["results"]
    name: str = result["id"]
    return name


def test_the_key_is_looked_at(hosted: httpx.Client) -> None:
    """The right one is answered, as its client wants to see before all else."""
    assert hosted.get("/v1/ping/").json()["status"] == "ok"
    assert hosted.get("/v1/ping/", headers={"Authorization": "Token wrong"}).status_code == 401


def test_a_memory_goes_there_and_back(client: httpx.Client, hosted: httpx.Client) -> None:
    """It is saved, read, found, changed and deleted, and is that of the other dialects."""
    name = added(hosted, "an oak", user_id="hosted", metadata={"mood": "fine"})
    assert texts(client, "hosted") == ["an oak"]
    one = hosted.get(f"/v1/memories/{name}/").json()
    assert (one["memory"], one["user_id"], one["metadata"]) == (
        "an oak",
        "hosted",
        {"mood": "fine"},
    )
    body = {"query": "oak", "filters": {"AND": [{"user_id": "hosted"}, {"mood": "fine"}]}}
    (found,) = hosted.post("/v3/memories/search/", json=body).json()["results"]
    assert found["id"] == name
    assert hosted.put(f"/v1/memories/{name}/", json={"text": "an elm"}).status_code == 200
    assert texts(client, "hosted") == ["an elm"]
    assert hosted.delete(f"/v1/memories/{name}/").status_code == 200
    assert hosted.get(f"/v1/memories/{name}/").status_code == 404


def test_a_listing_has_pages(client: httpx.Client, hosted: httpx.Client) -> None:
    """Each names how many memories there are, and where the next and the one before are."""
    for number in range(250):
        save(client, "hosted pages", str(number))
    body = {"filters": {"user_id": "hosted%20pages"}}
    first = hosted.post("/v3/memories/?page_size=100", json=body).json()
    assert (first["count"], first["previous"], len(first["results"])) == (250, None, 100)
    second = hosted.post(first["next"], json=body).json()
    third = hosted.post(second["next"], json=body).json()
    assert (third["next"], len(third["results"])) == (None, 50)
    pages = (first, second, third)
    shown = [each["memory"] for page in pages for each in page["results"]]
    assert shown == [str(number) for number in reversed(range(250))]
    assert hosted.post(third["previous"], json=body).json() == second
    assert hosted.post("/v3/memories/?page=4&page_size=100", json=body).json()["results"] == []
    assert hosted.post("/v3/memories/?page=0", json=body).status_code == 400


def test_a_page_that_was_cut_says_so(client: httpx.Client, hosted: httpx.Client) -> None:
    """It names no next one, behind which some would be missing."""
    for _ in range(3):
        save(client, "hosted large", "x" * (7 * 2**20))
    document = hosted.post("/v3/memories/", json={"filters": {"user_id": "hosted%20large"}}).json()
    assert len(document["results"]) == 2
    assert (document["truncated"], document["next"], document["count"]) == (True, None, 3)


def test_names_are_listed_and_deleted(hosted: httpx.Client) -> None:
    """Each user, agent and run, by type and name; what is kept under one goes."""
    added(hosted, "text", user_id="hosted-user", agent_id="hosted-agent")
    named = hosted.get("/v1/entities/").json()["results"]
    mine = [(each["type"], each["name"]) for each in named if "hosted-" in each["name"]]
    assert mine == [("agent", "hosted-agent"), ("user", "hosted-user")]
    assert hosted.delete("/v2/entities/user/hosted-user/").status_code == 200
    assert hosted.get("/v1/memories/", params={"user_id": "hosted-user"}).status_code == 405
    body = {"filters": {"user_id": "hosted-user"}}
    assert hosted.post("/v3/memories/", json=body).json()["count"] == 0


@pytest.mark.parametrize("field", [{"app_id": "x"}, {"immutable": True}, {"timestamp": 1}])
def test_what_is_not_kept_is_refused(hosted: httpx.Client, field: dict[str, Any]) -> None:
    """Nothing that was asked for is left out without a word."""
    body = {"messages": [{"role": "user", "content": "x"}], "user_id": "hosted-odd", **field}
    answer = hosted.post("/v3/memories/add/", json=body)
    assert answer.status_code == 400
    assert next(iter(field)) in answer.json()["detail"]


def test_filters_that_contradict_each_other_are_refused(hosted: httpx.Client) -> None:
    """One of them is not taken for both."""
    both = {"AND": [{"user_id": "one"}, {"user_id": "two"}]}
    answer = hosted.post("/v3/memories/search/", json={"query": "x", "filters": both})
    assert answer.status_code == 400
