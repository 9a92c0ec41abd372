"""Each dialect stands wherever it must (CONTRIBUTING, "Where would a further dialect go?")."""

import re
from pathlib import Path
from typing import Final

import pytest

import mem0tray
from mem0tray import server
from mem0tray.config.config_file import meanings
from mem0tray.config.setting_rules import CHOICES
from mem0tray.server import AUTO, DIALECTS, dialects_at
from mem0tray.server.model import Memory
from mem0tray.server.remedy import address_in
from tests.server.calls import LONG, client_of, spoken
from tests.server.wire import Wire, answering, render

PAGES: Final = Path(mem0tray.__file__).parent / "docs"
MEMORY: Final = Memory("alpha", "the third oak", "id-1", ticket="event-1")
each_dialect = pytest.mark.parametrize("name", DIALECTS)
NONE: Final = answering(render(404, {"detail": "Not Found"}))  # a server without any of the paths


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_a_user_may_choose_each_dialect_and_no_other() -> None:
    assert sorted(CHOICES["server.dialect"]) == sorted((AUTO, *DIALECTS))


@each_dialect
def test_a_probe_names_the_health_path_that_it_asked_for(name: str) -> None:
    said, (first, *_) = spoken(NONE, "probe", dialect=name)
    assert first.target == said.path != ""


@each_dialect
def test_auto_finds_each_dialect(name: str) -> None:
    hosts = ("mem0.example.com", *server._BY_HOST)
    assert [host for host in hosts if name in dialects_at(host)] != []


@each_dialect
def test_an_error_that_repeats_the_memory_is_told_without_it(name: str) -> None:
    echo = answering(render(422, {"detail": f"cannot store {MEMORY.content}"}))
    told = spoken(echo, "save", MEMORY, dialect=name)[0].message
    assert ("422" in told, MEMORY.content in told) == (True, False)


@each_dialect
def test_a_redirect_of_what_a_dialect_asks_for_shows_the_address_to_set(name: str) -> None:
    with Wire(NONE) as server, client_of(server, dialect=name) as client:
        client.probe(LONG)
        client.check_key(LONG)
        client.save(MEMORY, LONG)
        client.ask(MEMORY, LONG)
        client.read(MEMORY.project, 1, LONG)
        client.search(MEMORY.project, "oak", 1, LONG)
        asked = {request.target.partition("?")[0] for request in server.requests}
    address = "https://mem0.example.com/api"
    assert len(asked) > 2
    assert [path for path in sorted(asked) if address_in(f"{address}{path}") != address] == []


@each_dialect
def test_users_read_of_each_dialect(name: str) -> None:
    assert f"`{name}`" in meanings()["server.dialect"]
    servers = read(PAGES / "contract.md").split("\n## 4. Servers\n")[1].split("\n## ")[0]
    assert re.search(rf"^\| \|.* `{name}` \|", servers, re.MULTILINE)
    row = rf"^\| `{name}` \| .+ \| \[.+\]\((manual/servers/.+)\) \| `(\w+)` \|$"
    told = re.search(row, read(PAGES / "words.md"), re.MULTILINE)
    assert told is not None
    assert f"dialect `{name}`" in read(PAGES / told[1])
    with Wire(NONE) as server, client_of(server, dialect=name) as client:
        assert type(client).__name__ == told[2]
