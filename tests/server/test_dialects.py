"""Each dialect stands wherever it must (CONTRIBUTING, "Where would a further dialect go?")."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import pytest

import mem0tray
from mem0tray.config import settings
from mem0tray.config.config_file import HINTS
from mem0tray.config.setting_rules import CHOICES
from mem0tray.core.errors import SettingsError
from mem0tray.server import AUTO, DIALECTS, Client, Memory, ServerAddress, connect, recogniser
from mem0tray.server.recogniser import dialects_at
from mem0tray.server.remedy import address_in
from tests.server.calls import LONG
from tests.server.wire import Wire, answering, render

PAGES: Final = Path(mem0tray.__file__).parent / "docs"
MEMORY: Final = Memory("alpha", "the third oak", "id-1", ticket="event-1")
KEY: Final = "server.dialect"
each_dialect = pytest.mark.parametrize("name", DIALECTS)


@contextmanager
def talking(name: str) -> Iterator[tuple[Wire, Client]]:
    """Make a server that has none of the paths, and a client that speaks this dialect to it."""
    with (
        Wire(answering(render(404, {"detail": "Not Found"}))) as server,
        closing(connect(ServerAddress.of(server.url), name)) as client,
    ):
        yield server, client


def read(path: Path) -> str:
    """Read a page."""
    return path.read_text(encoding="utf-8")


def test_a_user_may_choose_each_dialect_and_no_other() -> None:
    """The setting takes `auto` and the dialects that have a client."""
    assert sorted(CHOICES[KEY]) == sorted((AUTO, *DIALECTS))


@each_dialect
def test_whoever_sets_a_wrong_dialect_is_told_of_each(name: str) -> None:
    """The rule of the setting names it, and the hint in the settings file."""
    assert settings.check(KEY, name) == name
    with pytest.raises(SettingsError) as wrong:
        settings.check(KEY, "none of these")
    assert f'"{name}"' in str(wrong.value)
    assert f'"{name}"' in HINTS[KEY]


@each_dialect
def test_a_probe_names_the_health_path_that_it_asked_for(name: str) -> None:
    """The server test shows it, whether or not `auto` tries the dialect."""
    with talking(name) as (server, client):
        path = client.probe(LONG).path
        assert server.requests[0].target == path != ""


@each_dialect
def test_auto_finds_each_dialect(name: str) -> None:
    """It tries the dialect on any server, or knows it by the server's host."""
    hosts = ("mem0.example.com", *recogniser._BY_HOST)
    assert [host for host in hosts if name in dialects_at(host)] != []


@each_dialect
def test_a_redirect_of_what_a_dialect_asks_for_shows_the_address_to_set(name: str) -> None:
    """The address is what stands before each path: of a probe, a save, a question, a reading."""
    with talking(name) as (server, client):
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
    """The contract, the words and a page of its own name it."""
    servers = read(PAGES / "contract.md").split("\n## 4. Servers\n")[1].split("\n## ")[0]
    assert re.search(rf"^\| \|.* `{name}` \|", servers, re.MULTILINE)
    row = rf"^\| `{name}` \| .+ \| \[.+\]\((manual/servers/.+)\) \| `(\w+)` \|$"
    told = re.search(row, read(PAGES / "words.md"), re.MULTILINE)
    assert told is not None
    assert f"dialect `{name}`" in read(PAGES / told[1])
    with talking(name) as (_, client):
        assert type(client).__name__ == told[2]
