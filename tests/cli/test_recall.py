"""`mem0tray recall`, `search` and `projects`."""

from contextlib import closing

import pytest

from mem0tray.actions import chosen_client, recall
from mem0tray.agents import for_models
from mem0tray.config import settings
from mem0tray.localserver.child import LocalServer
from mem0tray.localserver.endpoint import DATABASE
from mem0tray.localserver.store import Store, StoredMemory
from tests.actions.scene import worker
from tests.cli.scratch import Scratch
from tests.server.paging import paging
from tests.server.wire import Wire, answering, render
from tests.support.http1 import Answer
from tests.support.shapes import dead, emergency_lines, entry, queue_document
from tests.support.standin import Standin

_BOTH = pytest.mark.parametrize("words", [("recall",), ("search", "oak")])


def keep_waiting(home: Scratch) -> None:
    home.write("mem0_queue.json", queue_document([entry("oak in the queue", "p", timestamp=30)]))
    hurried = emergency_lines([entry("oak in a hurry", "p", timestamp=20)])
    home.paths.emergency.write_text(hurried, "utf-8")
    letter = dead("oak that is dead", "p", timestamp=10)
    home.write("mem0_queue_dlq.json", {"items": [letter, dead("oak", "q")], "last_update": "x"})


def test_the_server_s_memories_are_shown_newest_first(home: Scratch, server: Standin) -> None:
    server.begin_with([("p", "old"), ("q", "not this"), ("p", "new\n\n  indented\n")])
    assert home.ok("recall", "-p", "p") == "· new\n\n    indented\n· old\n"
    assert home.ok("recall", "-p", "p", "-n", "1") == "· new\n\n    indented\n"
    assert home.ok("recall", "-p", "nobody") == "Nothing of the project 'nobody' was found.\n"


def test_a_search_is_the_server_s(home: Scratch, server: Standin) -> None:
    server.begin_with([("p", "two words"), ("p", "two")])
    assert home.ok("search", "-p", "p", "two", "words") == "· two words\n"
    assert server.requests[-1].json == {"user_id": "p", "query": "two words", "limit": 10}
    assert home.ok("search", "-p", "p", "oak") == "Nothing of the project 'p' matches that.\n"


def test_whoever_recalls_is_told_that_newer_ones_may_be_missing(home: Scratch) -> None:
    found = recall.WasRead("there", note="It may have newer ones.")
    home.patch.setattr(recall, "recall", lambda *_, **__: found)
    done = home.run("recall", "-p", "p", "--json")
    assert (done.code, done.json()["note"], found.note in done.err) == (0, found.note, True)
    assert found.note in for_models.recall("p", 1)


@_BOTH
def test_what_waits_stands_first_and_is_marked(
    home: Scratch, server: Standin, words: tuple[str, ...]
) -> None:
    server.begin_with([("p", "oak")])
    keep_waiting(home)
    with worker(home.paths) as context:
        context.foreign_claims.hold(min(context.inbox.fresh_entries()), 5.0)
    assert home.ok(*words, "-p", "p").splitlines() == [
        "! held: oak in the queue",
        "! waiting: oak in a hurry",
        "! dead letter: oak that is dead",
        "· oak",
    ]


def test_a_search_takes_only_what_fits_of_what_waits(home: Scratch, server: Standin) -> None:
    assert server.url
    keep_waiting(home)
    assert home.ok("search", "-p", "p", "HÚR", "oak").splitlines()[0] == "! waiting: oak in a hurry"
    assert home.ok("search", "-p", "p", "dea").splitlines() == ["! dead letter: oak that is dead"]


@_BOTH
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(404), "cannot show what it has: 404: "),
        (Answer(503), "did not show what it has: 503: "),
        (Answer(401), "did not show what it has: 401: "),
        (Answer(reset=True), "did not answer: the connection was lost"),
        (Answer(delay=60), "did not answer: no answer after"),
        (Answer(raw=b"HTTP/1.1 200 OK\r\n\r\n<html>"), "did not show what it has: 200 OK"),
    ],
)
def test_without_the_server_what_waits_is_shown(
    home: Scratch, server: Standin, words: tuple[str, ...], answer: Answer, said: str
) -> None:
    home.env(MEM0TRAY_SERVER_DIALECT="vps")
    home.patch.setattr(recall, "TIMEOUT", 2.0)
    server.script_questions(answer)
    keep_waiting(home)
    done = home.run(*words, "-p", "p")
    assert done.code == 1
    assert len(done.out.splitlines()) == 3
    assert done.line.startswith(f"mem0tray: {server.url.removeprefix('http://')} {said}")
    helps = {401: "config set server.api_key`. ", 404: ""}
    how = helps.get(answer.status, "`mem0tray doctor` looks for the cause. ")
    assert done.line.endswith(f"{how}Shown is only what waits here.")


def test_a_queue_that_cannot_be_read_is_said(home: Scratch, server: Standin) -> None:
    server.begin_with([("p", "there")])
    keep_waiting(home)
    home.never_rests()
    home.queue.write_text('{"queue": [', "utf-8")
    done = home.run("recall", "-p", "p")
    assert done.code == 1
    lines = done.out.splitlines()
    assert lines[1:] == ["! dead letter: oak that is dead", "· there"]
    assert lines[0].endswith("oak in a hurry")  # the emergency file has it: saved a moment ago
    assert "mem0_queue.json is broken" in done.line


def test_json_is_one_document(home: Scratch, server: Standin) -> None:
    there = {"id": "1", "memory": "a\x1b", "created_at": "2026-01-02"}
    server.script_questions(Answer(body={"success": True, "memories": [there]}))
    home.write("mem0_queue.json", queue_document([entry("w", "p", id="aaaa1111")]))
    waits = {"memory": "w", "id": "aaaa1111", "created_at": None, "score": None}
    assert home.run("recall", "-p", "p", "-j").json() == {
        "project_id": "p",
        "destination": server.url.removeprefix("http://"),
        "answered": True,
        "reason": None,
        "note": None,
        "memories": [waits | {"state": "waiting"}, there | {"score": None, "state": "delivered"}],
    }


@_BOTH
@pytest.mark.parametrize("option", [(), ("--json",)])
def test_nothing_that_a_terminal_obeys_is_printed(
    home: Scratch, server: Standin, words: tuple[str, ...], option: tuple[str, ...]
) -> None:
    hostile = "oak\x1b[2J\x07\u202e\r\x9b31m\ud800"
    home.terminal(60)
    server.script_questions(
        Answer(body={"success": True, "memories": [{"memory": hostile}], "results": []})
    )
    home.write("mem0_queue.json", queue_document([entry(hostile, "p")]))
    shown = home.run(*words, "-p", "p", *option).out
    assert "oak" in shown
    assert not set(shown) & set("\x07\u202e\r\x9b\ud800")
    assert "\x1b[2J" not in shown


def test_the_embedded_server_is_read(home: Scratch) -> None:
    home.configure('[server]\nurl = "local"\nlocal_port = 0\n')
    assert home.ok("recall", "-p", "p") == "Nothing of the project 'p' was found.\n"
    folder = home.paths.local_server
    assert not (folder / DATABASE).exists()
    folder.mkdir(parents=True, exist_ok=True)
    with closing(Store(folder / DATABASE)) as store:
        store.save(StoredMemory("p", "Ein schöner Garten"))
        store.save(StoredMemory("other", "not this"))
        store.save(StoredMemory("p", "Ein alter Baum"))
    assert home.ok("recall", "-p", "p", "-n", "1") == "· Ein alter Baum\n"
    at_rest = home.ok("recall", "-p", "p", "--json")
    assert not (folder / "server.log").exists()  # it was not started for that
    server = LocalServer(folder, 0)
    try:
        server.ensure()
        assert chosen_client.at_rest(settings.load().settings) is None
        assert home.ok("recall", "-p", "p", "--json") == at_rest
        assert home.ok("search", "-p", "p", "SCHONER") == "· Ein schöner Garten\n"
        assert (folder / "server.json").exists()
    finally:
        server.stop()


def test_the_embedded_server_s_file_tells_why_it_cannot_be_read(home: Scratch) -> None:
    home.configure('[server]\nurl = "local"\nlocal_port = 0\n')
    home.paths.local_server.mkdir(parents=True)
    (home.paths.local_server / DATABASE).write_bytes(b"no database" * 100)
    assert "memories.sqlite3 cannot be read: file is not a database" in home.fails(
        "recall", "-p", "p"
    )


def test_a_text_that_several_memories_have_is_shown_once(home: Scratch, server: Standin) -> None:
    server.begin_with([("p", "roses"), ("p", "beans"), ("p", "roses")])
    home.write("mem0_queue.json", queue_document([entry("beans", "p")]))
    assert home.ok("recall", "-p", "p") == "! waiting: 2 times: beans\n· 2 times: roses\n"
    assert home.ok("recall", "-p", "p", "--ids").count("roses") == 2
    assert len(home.run("recall", "-p", "p", "-j").json()["memories"]) == 4


def test_what_no_mem0_server_is_is_said_whole(home: Scratch, server: Standin) -> None:
    server.health = Answer(body="<html>")
    line = home.fails("recall", "-p", "p")
    assert "/auth/setup-status: 404 Not Found). Set the right address with `" in line
    assert line.endswith("Mem0's own service. Shown is only what waits here.")
    assert "…" not in line


def keep_of_two(home: Scratch) -> None:
    home.write("mem0_queue.json", queue_document([entry("a", "p"), entry("b", "Q")]))
    home.write("mem0_queue_dlq.json", {"items": [dead("c", "Q")], "last_update": "x"})


def counted(home: Scratch, *arguments: str) -> dict[str, tuple[int | None, ...]]:
    document = home.run("projects", "--json", *arguments).json()
    return {
        each["project_id"]: (each["on_server"], each["waiting"], each["dead"], each["delivered"])
        for each in document["projects"]
    }


def test_each_project_is_listed_with_its_counts(home: Scratch) -> None:
    keep_of_two(home)
    with Wire(paging({"q": ["one", "two"], "p": ["three"]})) as server:
        home.env(MEM0TRAY_SERVER_URL=server.url)
        assert home.ok("projects").splitlines() == [
            "PROJECT  ON THE SERVER  WAITING  DEAD LETTERS  DELIVERED",
            "p                    1        1             0          0",
            "Q                    0        1             1          0",
            "q                    2        0             0          0",
        ]
        document = home.run("projects", "--json").json()
    assert document.pop("projects")[0] == {
        "project_id": "p", "on_server": 1, "waiting": 1, "dead": 0, "delivered": 0
    }  # fmt: skip
    assert document == {
        "destination": server.url.removeprefix("http://"),
        "answered": True,
        "reason": None,
        "complete": True,
    }


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, 0, "The server does not name all of its projects."),
        (404, 0, "The server does not name all of its projects."),
        (401, 1, "Shown is only what is known here."),
        (503, 1, "Shown is only what is known here."),
    ],
)
def test_without_the_server_what_is_known_here_is_listed(
    home: Scratch, status: int, code: int, said: str
) -> None:
    keep_of_two(home)
    home.env(MEM0TRAY_SERVER_DIALECT="vps")
    with Wire(answering(render(status, {}))) as server:
        home.env(MEM0TRAY_SERVER_URL=server.url)
        done = home.run("projects")
        document = home.run("projects", "--json")
        assert counted(home) == {"p": (None, 1, 0, 0), "Q": (None, 1, 1, 0)}
    assert done.code == document.code == code
    assert done.out.splitlines()[1].split() == ["p", "–", "1", "0", "0"]
    assert done.line.endswith(said)
    assert (document.json()["answered"], document.json()["complete"]) == (code == 0, False)


def test_no_known_project_is_said(home: Scratch) -> None:
    home.configure('[server]\nurl = "local"\nlocal_port = 0\n')
    assert home.ok("projects") == "No project is known.\n"


def test_what_was_delivered_of_a_project_is_counted(home: Scratch, server: Standin) -> None:
    home.ok("add", "-p", "garden", "one")
    home.ok("add", "-p", "garden", "two")
    assert home.run("run", "--until-idle").code == 0
    home.ok("add", "-p", "garden", "three")
    assert server.total_stored() == 2
    assert counted(home) == {"garden": (None, 1, 0, 2)}
