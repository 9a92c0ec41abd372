"""Claude Code's notes reach the server, each text once, where the user wants it."""

import json
import os
import time
from functools import partial
from pathlib import Path

import pytest

from tests.support.home import Home
from tests.support.standin import Standin

WANTED = {"MEM0TRAY_CLAUDE_AUTO_MEMORY": "true"}
GARDEN = "-home-ann-garden"


def write(home: Home, name: str, text: str, project: str = GARDEN, age: float = 3600) -> Path:
    """Let Claude Code write a note, `age` seconds ago."""
    path = home.claude / "projects" / project / "memory" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_notes_are_delivered_as_they_come(home: Home, server: Standin) -> None:
    write(home, "soil.md", "---\nname: soil\n---\nIt is clay.\n")
    write(home, "MEMORY.md", "- [Soil](soil.md)")
    transcript = home.claude / "projects" / GARDEN / "session.jsonl"
    transcript.write_text(json.dumps({"cwd": "/home/ann/garden"}), encoding="utf-8")
    home.worker(env=WANTED)
    server.wait_for(lambda: server.missing(["It is clay."]) == [], 20)
    write(home, "soil.md", "It is sand.")
    server.wait_for(lambda: server.missing(["It is sand."]) == [], 20)
    write(home, "plants/roses.md", "They want sun.")
    server.wait_for(lambda: server.missing(["They want sun."]) == [], 20)
    write(home, "path.md", "It is gravel.", project="-field")
    server.wait_for(lambda: server.missing(["It is gravel."]) == [], 20)
    home.wait(lambda: home.stats()["total_synced"] == 4, 20, "published")
    assert home.stats()["total_queued"] == 4
    assert server.total_stored() == 4
    projects = [json.loads(save.body)["user_id"] for save in server.saves]
    assert projects == ["garden", "garden", "garden", "-field"]


def test_no_note_leaves_the_machine_unless_the_user_wants_it(home: Home, server: Standin) -> None:
    write(home, "soil.md", "It is clay.")
    assert home.run("run", "--until-idle").returncode == 0
    assert server.total_stored() == 0


def test_a_run_to_the_end_delivers_the_notes_that_are_there(home: Home, server: Standin) -> None:
    for n in range(450):
        write(home, f"{n}.md", f"text {n}")
    for _ in range(2):
        assert home.run("run", "--until-idle", env=WANTED).returncode == 0
        assert server.total_stored() == 450
    assert server.surplus() == {}


@pytest.mark.row(1)
def test_a_killed_worker_sends_each_note_once(home: Home, server: Standin) -> None:
    wanted = [f"text {n}" for n in range(600)]
    for n, text in enumerate(wanted):
        write(home, f"{n}.md", text)
    for stored in (1, 150, 300, 450):
        worker = home.start("run", env=WANTED)
        server.wait_for(partial(_has, server, stored), 30)
        worker.kill()
    assert home.run("run", "--until-idle", env=WANTED, timeout=60).returncode == 0
    assert server.missing(wanted) == []
    assert server.surplus() == {}


def _has(server: Standin, least: int) -> bool:
    """Whether the server has so many memories."""
    return server.total_stored() >= least
