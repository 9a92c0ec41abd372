"""Another local user, another web page: refused."""

import httpx
import pytest

from mem0tray.localserver.endpoint import Endpoint
from tests.localserver.support import client_of, listed, save

pytestmark = pytest.mark.row(43)

FOREIGN_HOSTS = [
    "evil.example",
    "evil.example:6360",
    "127.0.0.1.evil.example",
    "localhost.evil.example:6360",
    "127.0.0.2",
    "0.0.0.0",  # noqa: S104 - a name that is refused
    "",
]


@pytest.mark.parametrize("path", ["/health", "/memory/guarded"])
@pytest.mark.parametrize(
    "headers",
    [
        *({"Host": host} for host in FOREIGN_HOSTS),
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:6360"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
    ],
    ids=str,
)
def test_web_pages_are_refused(client: httpx.Client, headers: dict[str, str], path: str) -> None:
    method = "OPTIONS" if len(headers) > 1 else "GET"  # a page asks beforehand
    answer = client.request(method, path, headers=headers)
    assert answer.status_code == 403
    assert set(answer.json()) == {"detail"}
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1", "LOCALHOST", "[::1]:{port}"])
def test_our_own_names_are_served(client: httpx.Client, running: Endpoint, host: str) -> None:
    assert client.get("/health", headers={"Host": host.format(port=running.port)}).is_success


@pytest.mark.parametrize(
    "given", [None, "Bearer wrong", "{token}", "Basic {token}", "Bearer {cut}"]
)
def test_without_the_token_nothing_is_served(
    client: httpx.Client, running: Endpoint, given: str | None
) -> None:
    save(client, "guarded", "secret")
    headers = {}
    if given is not None:
        headers["Authorization"] = given.format(token=running.token, cut=running.token[:-1])
    with client_of(running, headers) as stranger:
        for method, path in (
            ("GET", "/memory/guarded"),
            ("POST", "/memory"),
            ("POST", "/memory/search"),
            ("DELETE", "/memory/guarded/1"),
            ("GET", "/memories?user_id=guarded"),
            ("POST", "/memories"),
            ("POST", "/search"),
            ("DELETE", "/memories?user_id=guarded"),
            ("GET", "/docs"),
            ("GET", "/health/"),
        ):
            answer = stranger.request(method, path)
            assert answer.status_code == 401, (method, path)
            assert answer.json()["detail"].endswith(".")
            assert "secret" not in answer.text
        assert stranger.get("/health").json()["status"] == "ok"
        assert save(stranger, "guarded", "intruder").status_code == 401
    assert "intruder" not in str(listed(client, "guarded"))


@pytest.mark.parametrize("path", ["/memory/opened", "/memories?user_id=opened"])
def test_each_dialects_key_is_the_token(client: httpx.Client, running: Endpoint, path: str) -> None:
    save(client, "opened", "text")
    assert "text" in client.get(path).text
    with client_of(running, {"X-API-Key": running.token}) as official:
        assert "text" in official.get(path).text
    for header in ({"X-API-Key": running.token[:-1]}, {"Authorization": "Bearer wrong"}):
        with client_of(running, header) as stranger:
            assert stranger.get(path).status_code == 401
