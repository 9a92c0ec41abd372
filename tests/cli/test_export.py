"""`mem0tray export`."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mem0tray.actions import chosen_client
from mem0tray.localserver.endpoint import DATABASE
from mem0tray.localserver.store import Store, StoredMemory
from tests.cli.scratch import Scratch
from tests.server.paging import paging
from tests.server.wire import Handler, Request, Wire, render
from tests.support.delivered import deliver
from tests.support.needs import has_mode
from tests.support.shapes import dead, entry, queue_document
from tests.support.standin import Standin

HOSTILE = [
    "half \ud83d",
    "nul \0",
    "line\u2028para\u2029next\u0085",
    "\x1b[2J\u202e",
    "\ufeff",
    "x" * 900_000,  # nearly as long as `add` takes
]


def serving(home: Scratch, handler: Handler, dialect: str = "vps") -> Wire:
    wire = Wire(handler)
    home.env(MEM0TRAY_SERVER_URL=wire.url, MEM0TRAY_SERVER_DIALECT=dialect)
    return wire


def read(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.split("\n")[:-1]]


def texts(text: str) -> list[tuple[str, str]]:
    return [(each["project_id"], each["content"]) for each in read(text)]


def test_all_projects_are_exported_oldest_first(home: Scratch) -> None:
    many = [f"oak {number}" for number in range(2500)]
    with serving(home, paging({"b": many, "A": ["one", "two"]})):
        done = home.run("export")
        assert texts(home.ok("export", "-p", "A")) == [("A", "one"), ("A", "two")]
        none = home.run("export", "-p", "r")
    assert (done.code, done.err) == (0, "")
    assert texts(done.out) == [("A", "one"), ("A", "two"), *(("b", each) for each in many)]
    assert (none.code, none.out) == (0, "")
    assert none.line == "mem0tray: The server has no memories to export."


@pytest.mark.parametrize("shows", ["one page", "many pages"])
def test_hostile_text_goes_out_and_in_again_unchanged(home: Scratch, shows: str) -> None:
    out = home.root / "memories.jsonl"
    room = 10**9 if shows == "one page" else 10
    with serving(home, paging({"odd \ud800 \u2028": HOSTILE}, room)):
        said = home.ok("export", "--out", str(out))
    assert said == f"{len(HOSTILE)} memories of 1 project written to {out}.\n"
    assert has_mode(out, 0o600)
    text = out.read_text("utf-8")
    assert not set(text) & set("\x1b\u202e\u2028\u2029\u0085\ufeff\0")
    home.ok("add", "--jsonl", str(out))
    assert [each["content"] for each in home.queued()] == HOSTILE
    assert {each["project_id"] for each in home.queued()} == {"odd \ud800 \u2028"}


def test_an_id_is_ours_or_the_same_each_time(home: Scratch) -> None:
    home.configure('[server]\nurl = "local"\nlocal_port = 0\n')
    folder = home.paths.local_server
    folder.mkdir(parents=True)
    with closing(Store(folder / DATABASE)) as store:
        store.save(StoredMemory("p", "keyed", "id-1", b"digest"))
        store.save(StoredMemory("p", "without"))
        store.save(StoredMemory("p", "without"))
    first = read(home.ok("export"))
    assert first == read(home.ok("export"))
    assert first[0]["id"] == "id-1"
    assert len({each["id"] for each in first}) == 3
    assert all(isinstance(each["timestamp"], int) for each in first)


def failing(times: int, answer: bytes = render(503, {}), after: int = 1) -> Any:
    asked = iter(range(10**6))

    def instead(request: Request) -> bytes | None:
        if not request.target.startswith("/memory/"):
            return None
        return answer if after <= next(asked) < after + times else None

    return instead


@pytest.mark.parametrize("out", [True, False])
def test_a_server_that_fails_midway_leaves_nothing_half(home: Scratch, *, out: bool) -> None:
    home.patch.setattr(chosen_client, "WAITS", (0.0, 0.0))
    file = home.root / "memories.jsonl"
    file.write_text("precious\n")
    projects = {"a": ["one"], "b": [str(number) for number in range(3000)]}
    arguments = ("--out", str(file)) if out else ()
    with serving(home, paging(projects, instead=failing(10**6, after=3))):
        done = home.run("export", *arguments)
    assert done.code == 1
    assert "did not show what it has: 503" in done.line
    assert file.read_text() == "precious\n"
    assert [each.name for each in home.root.iterdir() if each.is_file()] == ["memories.jsonl"]
    if out:
        assert f"{file} is as it was." in done.line
        assert done.out == ""
    else:
        assert "1 memory of 1 project written before." in done.line
        assert texts(done.out) == [("a", "one")]


@pytest.mark.parametrize(("asked", "waits"), [("7", 7.0), ("900", 30.0)])
def test_a_server_that_wants_a_break_gets_one(home: Scratch, asked: str, waits: float) -> None:
    slept: list[float] = []
    home.patch.setattr("mem0tray.actions.chosen_client.time.sleep", slept.append)
    answer = render(429, {}, Retry_After=asked)
    many = [str(number) for number in range(1500)]
    with serving(home, paging({"p": many}, instead=failing(1, answer))):
        assert len(texts(home.ok("export"))) == 1500
    assert slept == [waits]


def test_what_waits_here_is_not_in_it_and_is_counted(home: Scratch) -> None:
    home.write("mem0_queue.json", queue_document([entry("w", "p"), entry("w", "other")]))
    home.write("mem0_queue_dlq.json", {"items": [dead("d", "p")], "last_update": "x"})
    with serving(home, paging({"p": ["one"]})):
        done = home.run("export", "-p", "p")
        assert (done.code, texts(done.out)) == (0, [("p", "one")])
        assert done.line == "mem0tray: 2 memories wait here and are not in it."
        assert home.run("export").line == "mem0tray: 3 memories wait here and are not in it."


def test_a_file_that_holds_something_is_not_made_empty(home: Scratch) -> None:
    out = home.root / "memories.jsonl"
    with serving(home, paging({})):
        for _ in range(2):
            assert home.ok("export", "--out", str(out)).startswith("0 memories of 0 projects ")
        out.write_text("precious\n")
        done = home.run("export", "--out", str(out))
    assert done.code == 1
    assert f"holds something. {out} is as it was." in done.line
    assert out.read_text() == "precious\n"


def test_an_export_of_what_was_delivered_there_is_not_queued_again(
    home: Scratch, server: Standin, tmp_path: Path
) -> None:
    queue = [entry("one", "p"), entry("twice", "p"), entry("twice", "p")]
    server.begin_with([("p", each["content"]) for each in queue] + [("p", "of others")])
    deliver(home.paths.ledger, server.url, queue)
    out = tmp_path / "memories.jsonl"
    home.ok("export", "-p", "p", "--out", str(out))
    ids = {each["id"] for each in read(out.read_text())}
    assert ids >= {each["id"] for each in queue}
    done = home.ok("add", "--jsonl", str(out), "--json")
    assert [json.loads(done)[name] for name in ("queued", "delivered")] == [1, 3]
