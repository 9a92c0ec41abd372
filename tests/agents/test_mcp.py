"""`mem0tray mcp`, driven by the official client over standard input and output."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Final

import pytest

from tests.agents.tool_client import LEGACY, ToolClient
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.processes import PATIENCE
from tests.support.shapes import dead
from tests.support.standin import Standin

Connect = Callable[..., ToolClient]  # over standard input and output, or in this process
ARGUMENTS = {
    "mem0_recall": ("project_id", "limit"),
    "mem0_save": ("project_id", "content"),
    "mem0_search": ("project_id", "query", "limit"),
    "mem0_list_projects": (),
    "mem0_health": (),
    "mem0_queue_status": (),
}
REQUIRED = {"mem0_save": ["content"], "mem0_search": ["query"]}


@pytest.mark.parametrize("mode", ["auto", LEGACY])
def test_six_tools_are_listed(connect: Connect, mode: str) -> None:
    tools = connect(mode=mode).tools()
    found = {name: set(each.input_schema["properties"]) for name, each in tools.items()}
    assert found == {name: set(arguments) for name, arguments in ARGUMENTS.items()}
    required = {name: each.input_schema["required"] for name, each in tools.items()}
    assert required == {name: REQUIRED.get(name, []) for name in ARGUMENTS}
    recall, search = tools["mem0_recall"], tools["mem0_search"]
    assert recall.input_schema["properties"]["limit"]["default"] == 20
    assert search.input_schema["properties"]["limit"]["default"] == 10


def test_with_a_server_that_answers(connect: Connect, home: Home, server: Standin) -> None:
    session = connect()
    saved = session.call("mem0_save", project_id="garden", content="roses want sun")
    (queued,) = home.queue_items()
    assert saved.text == (
        f"Saved in the project 'garden', id {queued['id']}."
        " It waits on this computer: worker not running."
    )
    assert queued["content"] == "roses want sun"
    recalled = session.call("mem0_recall", project_id="garden")
    assert recalled.lines[1:] == ["- [waiting here] roses want sun"]
    home.drained()
    assert server.stored == [("garden", "roses want sun")]
    server.begin_with([("garden", "older"), ("garden", "roses want sun\nand water")])
    recalled = session.call("mem0_recall", project_id="garden")
    assert recalled.lines == [
        "2 memories of the project 'garden', newest first:",
        "- roses want sun",
        "  and water",
        "- older",
    ]
    found = session.call("mem0_search", project_id="garden", query="older", limit=1)
    assert found.lines == ["1 memory of the project 'garden' for “older”, best first:", "- older"]
    assert session.call("mem0_recall", project_id="nobody").text == (
        "Nothing was found in the project 'nobody'."
    )


def test_beside_a_worker_a_memory_is_on_its_way(
    connect: Connect, home: Home, server: Standin
) -> None:
    home.worker()
    saved = connect().call("mem0_save", project_id="garden", content="beans")
    assert saved.text.endswith(f" It is on its way to {server.url.removeprefix('http://')}.")
    server.wait_for(lambda: server.count("beans") == 1)


def test_a_save_waits_for_no_server(connect: Connect, home: Home, server: Standin) -> None:
    home.configure('[server]\ndialect = "vps"\n')
    released = Event()
    server.begin_with([("garden", "older")])
    server.script_questions(
        Answer(body={"success": True, "memories": [{"memory": "late"}]}, after=released.is_set)
    )
    session = connect()
    asked = session.start("mem0_recall", project_id="garden")
    server.wait_for(server.questions)
    assert not session.call("mem0_save", project_id="garden", content="quick").failed
    assert not asked.done()
    released.set()
    assert asked.result(PATIENCE).lines[-1] == "- late"


def test_with_a_server_that_is_down(connect: Connect, home: Home) -> None:
    home.write_dlq([dead("roses died", "garden", last_error="500 Internal Server Error")])
    home.env["MEM0TRAY_SERVER_URL"] = "http://127.0.0.1:9"
    session = connect()
    assert not session.call("mem0_save", project_id="garden", content="roses want sun").failed
    for asked in (
        session.call("mem0_recall", project_id="garden"),
        session.call("mem0_search", project_id="garden", query="roses"),
    ):
        assert not asked.failed
        assert asked.text.startswith("127.0.0.1:9 did not answer: ")
        assert "only what waits on this computer" in asked.lines[0]
        assert sorted(asked.lines[1:]) == [
            "- [dead letter here] roses died",
            "- [waiting here] roses want sun",
        ]
    for asked in (session.call("mem0_health"), session.call("mem0_queue_status")):
        assert not asked.failed
        assert "1 memory waits in the queue, 1 dead letter, the oldest" in asked.text
        assert "Server: 127.0.0.1:9." in asked.lines
        assert "1 dead letter: server down: 127.0.0.1:9: " in asked.text
        assert "Start the server" in asked.text
        assert ".." not in asked.text
    asked = session.call("mem0_recall", project_id="orchard")
    assert asked.text.endswith("Nothing of the project 'orchard' waits on this computer.")


def test_projects_are_listed_with_what_waits(connect: Connect, home: Home, server: Standin) -> None:
    home.configure('[server]\ndialect = "vps"\n')
    session = connect()
    session.call("mem0_save", project_id="garden", content="roses")
    home.write_dlq([dead("beans", "orchard")])
    assert session.call("mem0_list_projects").lines == [
        "The server does not name all of its projects. 2 projects:",
        "- garden: 0 delivered, 1 waiting here",
        "- orchard: 0 delivered, 1 dead letter",
    ]
    listed = {"success": True, "projects": [{"user_id": "garden", "count": 2}]}
    server.script_questions(Answer(body=listed))
    assert session.call("mem0_list_projects").lines == [
        "2 projects:",
        "- garden: 2 memories on the server, 1 waiting here",
        "- orchard: 0 memories on the server, 1 dead letter",
    ]
    server.script_questions(Answer(reset=True))
    first = session.call("mem0_list_projects").lines[0]
    assert "did not answer" in first
    assert "What follows is only what is known on this computer. 2 projects:" in first
    home.queue.write_text("broken", encoding="utf-8")
    told = session.call("mem0_list_projects").text
    assert "mem0_queue.json is broken" in told


def test_the_project_is_that_of_the_client_s_folder(
    connect: Connect, home: Home, tmp_path: Path
) -> None:
    folder = tmp_path / "a garden"
    folder.mkdir()
    session = connect(roots=[folder.as_uri(), tmp_path.as_uri()])
    session.call("mem0_save", content="one")
    session.call("mem0_save", content="two", project_id="orchard")
    assert [each["project_id"] for each in home.queue_items()] == ["a garden", "orchard"]


@pytest.mark.parametrize("roots", [None, [], "no idea"])
def test_without_a_folder_of_the_client_it_is_the_working_directory_s(
    connect: Connect, home: Home, roots: list[str] | str | None
) -> None:
    folder = home.root / "orchard"
    folder.mkdir()
    session = connect(roots=roots, folder=folder)
    session.call("mem0_save", content="one")
    assert [each["project_id"] for each in home.queue_items()] == ["orchard"]


def test_with_a_broken_queue_file_it_is_saved_beside_it(
    connect: Connect, home: Home, server: Standin
) -> None:
    home.queue.write_text('{"queue": [', encoding="utf-8")
    session = connect()
    saved = session.call("mem0_save", project_id="garden", content="beans")
    assert not saved.failed
    assert "the emergency file" in saved.text
    assert home.queue.read_text(encoding="utf-8") == '{"queue": ['
    for tool in ("mem0_health", "mem0_queue_status"):
        # Somebody may still be writing it; a clock may be ahead by up to 1.5 s.
        os.utime(home.queue, (time.time() + 1.4,) * 2)
        told = session.call(tool)
        assert not told.failed
        assert "mem0_queue.json is broken" in told.text
    home.drain()
    assert server.count("beans") == 1


def test_where_nothing_can_be_written_that_is_said(connect: Connect, home: Home) -> None:
    (home.root / "file").touch()
    home.env["MEM0TRAY_PATHS_CLAUDE_DIR"] = str(home.root / "file")
    refused = connect().call("mem0_save", project_id="garden", content="beans")
    assert refused.failed
    assert refused.text.startswith("Nothing was queued: ")
    assert "Move " in refused.text


def test_wrong_settings_keep_no_memory_from_being_saved(connect: Connect, home: Home) -> None:
    home.env["MEM0TRAY_SERVER_URL"] = "nonsense"
    session = connect()
    saved = session.call("mem0_save", project_id="garden", content="beans")
    assert not saved.failed
    assert "The settings are wrong: " in saved.text
    assert [each["content"] for each in home.queue_items()] == ["beans"]
    asked = session.call("mem0_recall", project_id="garden")
    assert asked.failed
    assert "server.url" in asked.text


SAVE_TAKES = "mem0_save takes `content`, `project_id`."
RECALL_TAKES = "mem0_recall takes `project_id`, `limit`."
NO_QUERY = (
    "There is nothing to search for: the query is empty."
    " mem0_recall shows the newest memories without one."
)
ODD = "a\x1b[31m\nb"
NO_CONTENT = "Object missing required field `content`"
NO_MEMORIES: Final[Sequence[tuple[Mapping[str, object], str]]] = (
    ({"content": "x", "project_id": 5}, "Expected `str`, got `int` - at `$.project_id`"),
    ({}, NO_CONTENT),
    ({"content": None}, NO_CONTENT),
    ({"content": "x", "project": "garden"}, "Object contains unknown field `project`"),
)


def test_what_is_no_memory_is_refused_in_words(connect: Connect, home: Home) -> None:
    session, saved = connect(), list[str]()
    for arguments, said in NO_MEMORIES:
        whole = f"Nothing was saved: {said}. {SAVE_TAKES}"
        assert session.call("mem0_save", **arguments) == (whole, True)
        assert home.queue.exists() == bool(saved)
        saved.append(f"fine {len(saved)}")
        assert not session.call("mem0_save", content=saved[-1], project_id=None).failed
        assert [each["content"] for each in home.queue_items()] == saved


NO_QUESTIONS: Final[Sequence[tuple[Mapping[str, object], str]]] = (
    ({"limit": 0}, "Expected `int` >= 1 - at `$.limit`"),
    ({"limit": 1001}, "Expected `int` <= 1000 - at `$.limit`"),
    ({"limit": 10**300}, "Expected `int` <= 1000 - at `$.limit`"),
    ({"limit": 2.5}, "Expected `int`, got `float` - at `$.limit`"),
    ({"limit": "many"}, "Expected `int`, got `str` - at `$.limit`"),
    ({ODD * 99: 1}, ("Object contains unknown field `" + "a [31m b" * 99)[:199] + "…"),
)


def test_what_cannot_be_asked_is_refused_in_words(connect: Connect) -> None:
    session = connect()
    for arguments, said in NO_QUESTIONS:
        whole = f"Nothing was asked: {said}. {RECALL_TAKES}"
        assert session.call("mem0_recall", **arguments) == (whole, True)


def test_null_counts_as_left_out_and_a_tool_without_arguments_takes_any(
    connect: Connect, home: Home
) -> None:
    session = connect()
    for tool, arguments in (
        ("mem0_recall", {"limit": None, "project_id": None}),
        ("mem0_recall", {"limit": "5"}),
        ("mem0_health", {"random_string": "x", "\ud800": 1}),
    ):
        assert not session.call(tool, **arguments).failed
    assert not home.queue.exists()


def test_a_tool_that_is_not_there_is_named_beside_those_that_are(connect: Connect) -> None:
    told = connect().call("mem0_saves", content="roses")
    assert told.failed
    assert told.text == (
        "There is no tool `mem0_saves`. Did you mean `mem0_save`? The tools are mem0_save,"
        " mem0_recall, mem0_search, mem0_list_projects, mem0_health, mem0_queue_status."
    )


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        (
            "mem0_save",
            {"content": "  "},
            "Nothing was saved: the text is empty. Call mem0_save again with it as `content`.",
        ),
        ("mem0_search", {"query": "\n"}, NO_QUERY),
    ],
)
def test_an_empty_text_is_refused_in_words(
    connect: Connect, home: Home, tool: str, arguments: dict[str, object], said: str
) -> None:
    assert connect().call(tool, **arguments) == (said, True)
    assert not home.queue.exists()
