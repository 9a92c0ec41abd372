"""Memories that the server has, corrected and deleted: nothing is lost, nothing comes back."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from mem0tray.core import item as items
from tests.acceptance.conftest import DIALECTS
from tests.acceptance.kinds import LIBRARY, SIMPLE, VPS, served
from tests.support.forked import ForkedHome
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.official import OfficialStandin
from tests.support.shapes import entry
from tests.support.standin import Standin

LOCAL: Final = "local"
ANEW: Final = "local, which each command starts"
AT_ONCE: Final = "hosted at once"
P: Final = "alpha"


@pytest.fixture(params=[LOCAL, SIMPLE, AT_ONCE, *LIBRARY])
def kind(request: pytest.FixtureRequest) -> str:
    """Name the server: the embedded one, a stand-in, or Mem0's own library."""
    return str(request.param)


@pytest.fixture
def server(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Standin | None]:
    if kind in (LOCAL, ANEW):
        yield None
        return
    with served(kind, request, tmp_path) as standin:
        yield standin


@pytest.fixture
def home(tmp_path: Path, kind: str, server: Standin | None) -> Iterator[Home]:
    with ForkedHome(tmp_path / "home", None if server is None else server.url) as scratch:
        scratch.env |= {"MEM0TRAY_SERVER_URL": LOCAL} if server is None else {}
        if server is not None and type(server) in DIALECTS:
            scratch.env["MEM0TRAY_SERVER_DIALECT"] = DIALECTS[type(server)]
        editor = scratch.root / "editor"
        editor.write_text('#!/bin/sh\nprintf %s "$NEW_TEXT" > "$1"\n', encoding="utf-8")
        editor.chmod(0o700)
        scratch.env |= {"EDITOR": str(editor), "VISUAL": str(editor)}
        if kind == LOCAL:
            serving = scratch.start("serve", "--port", "0")
            scratch.wait(lambda: "is ready" in serving.out, what="the embedded server")
        yield scratch


def shown(home: Home) -> dict[str, str]:
    """Return the ids of what the server has, by text; AssertionError if it has one twice."""
    found = home.json("recall", "-p", P)["memories"]
    ids = {each["memory"]: str(each["id"]) for each in found}
    assert len(ids) == len(found), found
    return ids


def test_what_is_deleted_stays_away_and_is_restored_once(home: Home) -> None:
    session = {"session_id": "s", "cwd": str(home.root), "last_assistant_message": "mem0: wrong"}
    home.env["MEM0_PROJECT_ID"] = P
    queue = [entry("right", P), entry("wrong", P, id=items.id_of("s", P, "wrong"))]
    home.write_queue(queue)
    home.drained()
    lines = home.ok("export")
    name = shown(home)["wrong"]
    assert f"{name}: wrong" in home.ok("recall", "-p", P, "--ids")
    done = home.json("delete", "--yes", "--json", name)
    assert done["deleted"] == [{"id": name, "project_id": P, "place": "server"}]
    # All that could bring it back:
    home.write_queue(queue)
    home.write_emergency(queue)
    home.write_dlq(queue)
    home.drained()
    home.run("hook", "Stop", stdin=json.dumps(session))
    home.run("verify", "--requeue")
    home.drained()
    assert [*shown(home)] == ["right"]
    assert home.run("delete", "--yes", "").returncode == 1  # which is no beginning of its id
    assert "removed from the server" in home.ok("show", str(queue[1]["id"]))
    assert "wrong" in Path(done["backup"]).read_text()
    home.ok("restore")
    home.drained()
    assert sorted(shown(home)) == ["right", "wrong"]
    assert "is delivered already" in home.ok("restore")
    assert home.json("verify")["missing"] == []
    again = home.json("delete", "--yes", "--json", shown(home)["wrong"])
    for backup in (done["backup"], again["backup"]):
        home.ok("restore", backup)
    home.drained()
    assert sorted(shown(home)) == ["right", "wrong"]
    # Who adds it again means it.
    home.ok("delete", "--yes", shown(home)["wrong"])
    for _ in range(2):
        home.run("add", "--jsonl", stdin=lines)
        home.drained()
        assert sorted(shown(home)) == ["right", "wrong"]


@pytest.mark.parametrize("kind", [LOCAL, ANEW])
def test_an_id_means_one_memory_here_and_on_the_embedded_server(home: Home) -> None:
    home.write_queue([entry("wrong", P, id="5-wrong"), entry("other", P, id="17")])
    home.drained()
    home.ok("pause")
    assert shown(home)["wrong"] == "5-wrong"
    assert not shown(home)["other"].isdecimal()
    home.write_queue([entry("waits", P, id="5-wrong-not"), entry("waits too", P, id="2-waits")])
    several = home.run("delete", "--yes", "5")
    assert (several.returncode, "2 ids begin with '5'" in several.stderr) == (1, True)
    for verb in ("show", "diagnose", "retry", "edit"):
        assert "2 ids begin with '5'" in home.run(verb, "5").stderr
    assert home.json("delete", "--yes", "--json", "2")["deleted"][0]["id"] == "2-waits"
    assert home.json("delete", "--yes", "--json", "5-wrong")["deleted"][0]["place"] == "server"
    assert [*shown(home)] == ["waits", "other"]
    home.ok("delete", "--yes", shown(home)["other"])
    assert [*shown(home)] == ["waits"]


@pytest.mark.parametrize("kind", [LOCAL])
def test_what_is_forgotten_here_is_named_where_it_still_is(home: Home) -> None:
    home.write_queue([entry("wrong", P, id="wrong-1")])
    home.drained()
    said = home.ok("delete", "--yes", "--forget", "wrong-1")
    assert "`mem0tray recall --ids` shows its id there, for `mem0tray delete`" in said
    home.ok("delete", "--yes", "wrong-1")
    assert shown(home) == {}


@pytest.mark.parametrize("kind", [SIMPLE])
def test_what_waits_here_too_is_to_be_deleted_first(
    home: Home, server: Standin, tmp_path: Path
) -> None:
    memory = entry("wrong", P)
    with ForkedHome(tmp_path / "other", server.url) as other:
        other.env["MEM0TRAY_SERVER_DIALECT"] = "oss"
        other.write_queue([memory])
        other.drained()
    home.ok("pause")
    home.write_queue([memory])
    (name,) = {each["id"] for each in home.json("recall", "-p", P)["memories"]} - {memory["id"]}
    done = home.run("delete", "--yes", name)
    assert (done.returncode, "waits here as well" in done.stderr) == (1, True)
    assert f"`mem0tray delete {memory['id']}`" in done.stderr
    assert server.total_stored() == 1
    home.ok("delete", "--yes", str(memory["id"]))
    home.ok("delete", "--yes", name)
    home.ok("resume")
    home.drained()
    assert [*shown(home)] == []


def correct(home: Home, old: str, new: str) -> str:
    home.env["NEW_TEXT"] = new
    said = home.ok("edit", shown(home)[old])
    home.drained()
    return said


def test_a_correction_takes_the_place_of_the_text_and_is_undone(home: Home) -> None:
    home.write_queue([entry(text, P) for text in ("right", "wrong")])
    home.drained()
    assert "is unchanged" in correct(home, "wrong", "wrong")
    said = correct(home, "wrong", "better")
    assert sorted(shown(home)) == ["better", "right"]
    (kept,) = home.data_files("edited-*")
    assert f"`mem0tray restore {kept.name}` puts the old text back." in said
    home.run("verify", "--requeue")
    home.drained()
    assert sorted(shown(home)) == ["better", "right"]
    home.ok("restore", kept.name)
    home.drained()
    assert sorted(shown(home)) == ["right", "wrong"]
    correct(home, "wrong", "better")
    assert sorted(shown(home)) == ["better", "right"]


def test_what_others_saved_is_deleted_and_restored(home: Home, tmp_path: Path) -> None:
    """The ledger of whoever deletes it knows nothing of it."""
    home.write_queue([entry(text, P) for text in ("right", "wrong")])
    home.drained()
    with ForkedHome(tmp_path / "other") as elsewhere:
        elsewhere.env |= {k: v for k, v in home.env.items() if k.startswith("MEM0TRAY_")}
        other: Home = elsewhere
        if home.env["MEM0TRAY_SERVER_URL"] == LOCAL:
            other = home
            for path in home.ledgers():
                path.unlink()
        other.ok("delete", "--yes", shown(other)["wrong"])
        other.drained()
        assert [*shown(other)] == ["right"]
        other.ok("restore")
        other.drained()
        assert sorted(shown(other)) == ["right", "wrong"]


STORES: Final = Answer(reset=True, stores=True)
REFUSES: Final = Answer(403)
MUTE: Final = Answer(reset=True, stores=False)


@pytest.mark.parametrize("kind", [SIMPLE])
@pytest.mark.parametrize(
    ("answer", "code", "left"),
    [
        (Answer(404, stores=True), 0, []),
        (STORES, 0, []),
        (REFUSES, 1, ["wrong"]),
        (Answer(500), 1, ["wrong"]),
        (MUTE, 1, ["wrong"]),
    ],
    ids=["404", "answer lost", "403", "500", "no answer"],
)
def test_what_the_server_does_not_say_is_found_out(
    home: Home, server: Standin, answer: Answer, code: int, left: list[str]
) -> None:
    home.write_queue([entry("wrong", P)])
    home.drained()
    server.deletion = answer
    done = home.run("delete", "--yes", shown(home)["wrong"])
    assert (done.returncode, [*shown(home)]) == (code, left), done
    may_be_gone = code == 0 or answer in (MUTE, Answer(500))
    assert len([*home.claude.glob("mem0_queue_dlq.backup-*")]) == may_be_gone
    assert ("did not say if" in done.stderr) == (may_be_gone and code == 1)
    assert ("did not delete the memory" in done.stderr) == (not may_be_gone)
    # The ledger knows what the server has, and a restoration doubles nothing.
    counts = [each["delivered"] for each in home.json("projects")["projects"]]
    assert sum(counts) == (not may_be_gone)
    if may_be_gone:
        home.ok("restore")
    home.drained()
    assert [*shown(home)] == ["wrong"]
    assert home.json("verify")["missing"] == []


@pytest.mark.parametrize("kind", [SIMPLE, AT_ONCE])
@pytest.mark.parametrize("answer", [REFUSES, MUTE], ids=["403", "no answer"])
def test_a_correction_that_the_server_refuses_changes_nothing(
    home: Home, server: Standin, answer: Answer
) -> None:
    home.write_queue([entry("wrong", P)])
    home.drained()
    server.deletion, home.env["NEW_TEXT"] = answer, "better"
    done = home.run("edit", shown(home)["wrong"])
    assert done.returncode == 1
    home.drained()
    # Where the answer was lost the old text may go later: the new one is sent in any case.
    assert sorted(shown(home)) == (["wrong"] if answer is REFUSES else ["better", "wrong"])
    kept = home.data_files("edited-*")
    assert len(kept) == (answer is MUTE)
    if kept:
        server.deletion = None
        home.ok("restore", kept[0].name)
        home.drained()
        assert [*shown(home)] == ["wrong"]


@pytest.mark.parametrize("kind", [VPS])
def test_a_server_that_cannot_delete_is_named_and_sent_nothing(home: Home, server: Standin) -> None:
    home.write_queue([entry("wrong", P)])
    home.drained()
    (name,) = shown(home).values()
    for words in (("delete", "--yes", name), ("edit", name)):
        done = home.run(*words)
        assert done.returncode == 1
        assert "cannot correct or delete single memories" in done.stderr
    assert {request.method for request in server.requests} == {"GET", "POST"}
    assert [*shown(home)] == ["wrong"]


@pytest.mark.parametrize("kind", [SIMPLE])
@pytest.mark.parametrize("is_theirs", [False, True], ids=["ours", "saved by others"])
@pytest.mark.parametrize(
    "answers", [[MUTE], [MUTE, REFUSES], [MUTE, MUTE]], ids=["once", "refused", "twice"]
)
def test_after_a_deletion_of_unknown_outcome_it_is_restored_once(
    home: Home, server: OfficialStandin, answers: list[Answer], *, is_theirs: bool
) -> None:
    home.write_queue([entry("wrong", P)])
    home.drained()
    if is_theirs:
        (server.store.get(shown(home)["wrong"]) or {})["metadata"] = {}
        for ledger in home.ledgers():
            ledger.unlink()
    for answer in answers:
        server.deletion = answer
        assert home.run("delete", "--yes", shown(home)["wrong"]).returncode == 1
        home.ok("restore")
        home.drained()
        assert [*shown(home)] == ["wrong"]


@pytest.mark.parametrize("kind", [SIMPLE])
def test_what_others_change_meanwhile_is_not_deleted(home: Home, server: OfficialStandin) -> None:
    home.write_queue([entry("wrong", P)])
    home.drained()
    name = shown(home)["wrong"]
    started, go_on = home.root / "started", home.root / "go-on"
    wait = f'touch "{started}"; while [ ! -e "{go_on}" ]; do sleep 0.02; done'
    (home.root / "editor").write_text(f'#!/bin/sh\n{wait}\nprintf better > "$1"\n', "utf-8")
    editing = home.start("edit", name)
    home.wait(started.exists)
    (server.store.get(name) or {})["memory"] = "theirs"
    server.stored[:] = [(P, "theirs")]
    go_on.touch()
    assert editing.wait() == 1
    home.drained()
    assert [*shown(home)] == ["theirs"]


@pytest.mark.parametrize("kind", [SIMPLE])
def test_nothing_is_deleted_before_the_worker_knows_of_it(home: Home, server: Standin) -> None:
    """Else what an older worker keeps as delivered could not be restored."""
    home.write_queue([entry("wrong", P)])
    home.drained()
    name = shown(home)["wrong"]
    worker = home.worker()
    home.wait(lambda: home.state()[0] == "healthy")
    worker.signal(signal.SIGSTOP)
    done = home.run("delete", "--yes", name)
    worker.signal(signal.SIGCONT)
    assert (done.returncode, "nothing was changed" in done.stderr) == (1, True), done
    assert worker.stop() == 0
    assert "DELETE" not in {request.method for request in server.requests}
    assert not [*home.claude.glob("mem0_queue_dlq.backup-*")]
    home.ok("delete", "--yes", name)


@pytest.mark.parametrize("kind", [ANEW])
def test_a_number_of_a_server_that_does_not_say_is_no_id_of_what_waits(home: Home) -> None:
    home.write_queue([entry("wrong", P)])
    home.drained()
    (name,) = shown(home).values()
    next(home.root.rglob("memories.sqlite3")).write_bytes(b"broken")
    home.write_queue([entry("waits", P, id=f"{name}2345678-0")])
    assert home.run("delete", "--yes", name).returncode == 1
    assert [each["content"] for each in home.queue_items()] == ["waits"]
    home.ok("delete", "--yes", f"{name}2345678")
    assert home.queue_items() == []
