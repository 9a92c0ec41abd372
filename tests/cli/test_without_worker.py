"""What commands do where no worker runs holds, whatever becomes of the files before one does."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mem0tray.ledger.reader import Reader
from mem0tray.system import programs
from tests.actions.scene import run_worker, worker
from tests.cli.scratch import Scratch
from tests.support.shapes import entry, queue_document, waiting

URL = "https://server.test"
ID = "aa-111111"
Loss = Callable[[Path, bytes], object]


def _gone(path: Path, before: bytes) -> None:
    del before
    path.unlink()


def _stays(path: Path, before: bytes) -> None:
    del path, before


LOSSES = pytest.mark.parametrize("lose", [_stays, _gone])
KINDS = pytest.mark.parametrize("dead", [True, False], ids=["dead letter", "entry"])


@pytest.fixture(autouse=True)
def _scene(home: Scratch) -> None:
    """Name a server, which nobody asks, and an editor that saves another text."""
    program = home.root / "editor.py"
    program.write_text("import pathlib, sys\npathlib.Path(sys.argv[-1]).write_text('new')\n")
    editor = f"{programs.quote(sys.executable)} {programs.quote(str(program))}"
    home.env(MEM0TRAY_SERVER_URL=URL, VISUAL=editor)


def _published(home: Scratch, *, dead: bool) -> Path:
    make = waiting if dead else entry
    both = [make("old", id=ID), make("other", id="bb-222222")]
    home.write("mem0_queue.json", queue_document([] if dead else both))
    home.write("mem0_queue_dlq.json", {"items": both if dead else [], "last_update": "x"})
    _start(home)
    return home.paths.dlq if dead else home.paths.queue


def _start(home: Scratch) -> None:
    run_worker(home.paths)


def _around_a_start(home: Scratch) -> Iterator[None]:
    yield
    _start(home)
    yield


def _listed(home: Scratch, *, dead: bool) -> list[Any]:
    found = home.run("list", "--json", *([] if dead else ["--queue"])).json()
    return [each["content"] for each in found]


def _seen(home: Scratch) -> dict[str, Any]:
    shown = json.loads(home.ok("show", ID, "--json"))
    told = json.loads(home.ok("diagnose", ID, "--json"))
    return {"place": shown["place"], "text": shown["content"], "diagnosed": told[0]["place"]}


@KINDS
@LOSSES
def test_what_was_deleted_stays_deleted(home: Scratch, lose: Loss, *, dead: bool) -> None:
    path = _published(home, dead=dead)
    before = path.read_bytes()
    home.ok("delete", ID, "--yes")
    lose(path, before)
    for _ in _around_a_start(home):
        assert _listed(home, dead=dead) == ["other"]
        assert _seen(home) == {"place": "deleted", "text": "old", "diagnosed": "deleted"}
        status, stats = (json.loads(home.ok(each, "--json")) for each in ("status", "stats"))
        assert status["dlq" if dead else "queue"] == 1
        assert stats["dead" if dead else "waiting"] == 1
        for again in (["delete", ID, "--yes"], ["retry", ID]):
            assert "no longer waits: deleted" in home.run(*again).err
        assert "its text is deleted" in home.run("edit", ID).err
    home.ok("restore")
    _start(home)
    assert sorted(_listed(home, dead=dead)) == ["old", "other"]


@KINDS
@LOSSES
def test_what_was_edited_keeps_the_new_text(home: Scratch, lose: Loss, *, dead: bool) -> None:
    path = _published(home, dead=dead)
    before = path.read_bytes()
    home.ok("edit", ID)
    lose(path, before)
    place = "dlq" if dead else "queue"
    for _ in _around_a_start(home):
        assert sorted(_listed(home, dead=dead)) == ["new", "other"]
        assert _seen(home) == {"place": place, "text": "new", "diagnosed": place}


@pytest.mark.parametrize("beside", [False, True])
def test_an_old_file_in_its_place_is_judged_as_beside_a_worker(
    home: Scratch, *, beside: bool
) -> None:
    path = _published(home, dead=True)
    home.ok("retry", "bb")
    before = path.read_bytes()
    for command in (["edit", ID], ["delete", "bb", "--yes"]):
        home.ok(*command)
        if beside:
            _start(home)
    path.write_bytes(before)
    _start(home)
    assert sorted(_listed(home, dead=True)) == ["old", "other"]


@pytest.mark.parametrize("metrics", [{"vps_status": "healthy"}, {"vps_status": "up", "pid": 1}])
def test_beside_another_worker_a_deletion_holds_too(
    home: Scratch, metrics: dict[str, object]
) -> None:
    _published(home, dead=True)
    home.write("mem0_metrics.json", metrics)
    home.ok("delete", ID, "--yes")
    with Reader(home.paths.ledger) as reader:
        assert [known.id for known, _ in reader.listed("dead")] == ["bb-222222"]


def test_what_was_delivered_is_no_dead_letter_to_any_command(home: Scratch) -> None:
    home.env(MEM0TRAY_SERVER_URL="https://server.test")
    letters = [waiting(name, id=f"{name}-1111-{name}") for name in ("sent", "left")]
    home.write("mem0_queue_dlq.json", {"items": letters, "last_update": "x"})
    with worker(home.paths) as context:
        (row,) = context.inbox.by_ids(["sent-1111-sent"])["sent-1111-sent"]
        context.outbox.record_delivery(row.key, "https://server.test", time.time())
    assert "sent" in home.paths.dlq.read_text()
    assert home.run("status", "--json").json()["dlq"] == 1
    assert [each["content"] for each in home.run("list", "--json").json()] == ["left"]
    assert home.run("stats", "--json").json()["dead"] == 1
    assert sum(each["count"] for each in home.run("diagnose", "--json").json()) == 1
    assert "left-111" in home.ok("diagnose", "left")
    assert "delivered on" in home.ok("diagnose", "sent")
