"""What is recalled and found, of a real server and of files. The command's tests have the rest."""

import time
from typing import Any

from mem0tray.actions.recall import recall
from mem0tray.config.settings import LOCAL_URL, ServerSettings, Settings
from mem0tray.localserver.endpoint import DATABASE
from mem0tray.system.paths import Paths
from tests.server.wire import Connection, Wire, render
from tests.support.delivered import deliver
from tests.support.shapes import Item, entry


def chosen(url: str) -> Settings:
    return Settings(server=ServerSettings(url=url, dialect="vps"))


def test_who_has_no_time_starts_no_server(paths: Paths) -> None:
    paths.local_server.mkdir(parents=True)
    (paths.local_server / DATABASE).touch()
    found = recall(chosen(LOCAL_URL), "p", 20, until=time.monotonic() + 0.5)
    assert found.trouble.startswith("The embedded server does not run.")


def shown_of(*entries: Item, date: str) -> list[dict[str, Any]]:
    """Make what an official server shows of these, as it stored them on this date."""
    return [
        {
            "id": f"m-{each['id']}",
            "memory": each["content"],
            "created_at": date,
            "metadata": {"mem0tray_id": each["id"]},
        }
        for each in entries
    ]


def test_where_a_server_lists_the_oldest_thousand_the_newest_are_asked_for_by_their_keys(
    paths: Paths,
) -> None:
    old = shown_of(*(entry(f"old {n}", "p", id=f"old-{n}") for n in range(1000)), date="2025-01-01")
    new = [entry(f"new {n}", "p", id=f"new-{n}") for n in range(3)]

    def handle(connection: Connection) -> None:
        while (request := connection.request()) is not None:
            results: list[dict[str, Any]] = old
            if request.method == "POST":
                wanted = request.json["filters"]["mem0tray_id"]
                results = shown_of(
                    *(each for each in new if each["id"] == wanted), date="2026-01-01"
                )
            if not connection.send(render(200, {"results": results})):
                return

    with Wire(handle) as server:
        deliver(paths.ledger, server.url, new)
        settings = Settings(server=ServerSettings(url=server.url, dialect="oss"))
        found = recall(settings, "p", 5)
    assert {each.text for each in found.there[:3]} == {"new 0", "new 1", "new 2"}
    assert [each.text[:3] for each in found.there] == ["new"] * 3 + ["old"] * 2
    assert "does not list all memories of the project" in found.note
