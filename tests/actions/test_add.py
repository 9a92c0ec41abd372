"""Queueing memories: how long they may be, several at once, and many writers."""

import json
import time

import pytest

from mem0tray.actions import add
from mem0tray.config.settings import Loaded, ServerSettings, Settings
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.item import LONGEST_TEXT
from mem0tray.server.http_client import LONGEST_PATH
from mem0tray.server.vps import listing_path
from mem0tray.system.paths import Paths
from tests.actions.scene import read

SETTINGS = Loaded(Settings(server=ServerSettings(url="https://server.test")))


@pytest.mark.parametrize("before", [None, "{"], ids=["queue", "emergency"])
def test_several_memories_are_queued_in_their_order_by_one_write(
    paths: Paths, before: str | None
) -> None:
    if before is not None:
        paths.queue.write_text(before)
    entries = [{"id": f"{n}", "content": "x", "project_id": "p"} for n in range(150)]
    began = time.time()
    if add.add(paths, *entries) == "emergency":
        lines = [json.loads(line) for line in paths.emergency.read_text().splitlines()]
        assert all(began <= line.pop("queued_at") <= time.time() for line in lines)
        assert lines == [each | {"emergency": True} for each in entries]
        return
    assert before is None
    found = read(paths.queue)
    assert found["queue"] == entries
    assert found["last_100"] == entries[-100:]
    assert found["stats"]["total_queued"] == 150


@pytest.mark.parametrize("sign", ["x", "é", "\ud800"])
def test_a_text_of_more_than_a_megabyte_is_refused(paths: Paths, sign: str) -> None:
    longest = sign * (LONGEST_TEXT // len(sign.encode("utf-8", "surrogatepass")))
    with pytest.raises(Mem0TrayError, match="1,000,000 bytes at most") as raised:
        add.queue_memory(SETTINGS, "garden", longest + "xx")
    assert raised.value.remedy == "Add it in parts."
    assert not paths.queue.exists()
    assert add.queue_memory(SETTINGS, "garden", longest).where == "queue"


def test_a_project_that_no_server_could_list_is_refused(paths: Paths) -> None:
    with pytest.raises(Mem0TrayError, match="name has more than 300 characters"):
        add.queue_memory(SETTINGS, "p" * 301, "oak")
    assert not paths.queue.exists()
    assert add.queue_memory(SETTINGS, "\U0001f333" * 300, "oak").where == "queue"
    assert len(listing_path("\U0001f333" * 300)) < LONGEST_PATH
