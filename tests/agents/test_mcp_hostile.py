"""What no proper client sends `mem0tray mcp`: words or silence, no traceback, no lost memory."""

import functools
import io
import json
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import pytest

from mem0tray.agents import mcp_server
from mem0tray.agents.mcp_server import ToolServer
from tests.agents.tool_client import LEGACY, ToolClient, Wire, call, request
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.standin import Standin

if TYPE_CHECKING:
    from mcp_types import JSONRPCMessage
    from pydantic import TypeAdapter

Connect = Callable[..., ToolClient]
NO_JSON, NO_REQUEST, NO_METHOD = -32700, -32600, -32601
DEEP: Final = 100_000
HUGE: Final = 10_000_000
MALFORMED = {
    "nothing": (b"", NO_JSON),
    "Latin-1": (b'{"id": 7, "method": "p\xffng"}', NO_JSON),
    "two": (b'{"id": 7, "method": "ping"} {}', NO_JSON),
    "deep object": (b'{"a":' * DEEP + b"1" + b"}" * DEEP, NO_JSON),
    "deep params": (b'{"id": 7, "method": "ping", "params": ' + b"[" * DEEP, NO_JSON),
    "huge": (b"x" * HUGE, NO_JSON),
    "huge id": (b'{"id": ' + b"9" * 5000 + b', "method": "ping"}', NO_JSON),
    "batch": (b'[{"id": 7, "method": "ping"}]', NO_REQUEST),
    "null": (b"null", NO_REQUEST),
    **{
        f"id {each}": (b'{"id": %b, "method": "ping"}' % each.encode(), NO_REQUEST)
        for each in ("null", "true", "1e999", "[7]")
    },
    **{
        f"method {each}": (b'{"id": 7, "method": %b}' % each.encode(), NO_METHOD)
        for each in ('["odd"]', "null", '"\\ud800"', '"server/discover"')
    },
    "huge method": (b'{"id": 7, "method": "%b"}' % (b"m" * HUGE), NO_METHOD),
}


@functools.cache
def reader() -> "TypeAdapter[JSONRPCMessage]":
    """Give what reads a line as the official client does; it takes long to import."""
    from mcp_types import JSONRPCMessage
    from pydantic import TypeAdapter

    return TypeAdapter[JSONRPCMessage](JSONRPCMessage)


def served(*lines: bytes) -> "list[JSONRPCMessage]":
    """What a server writes that is sent these lines."""
    out = io.BytesIO()
    ToolServer(out).serve(lines)
    return [reader().validate_json(line) for line in out.getvalue().splitlines()]


@pytest.mark.parametrize(("line", "code"), MALFORMED.values(), ids=MALFORMED)
def test_a_message_that_makes_no_sense_is_refused_and_the_next_one_answered(
    line: bytes, code: int
) -> None:
    from mcp_types import JSONRPCError

    refused, answered = served(line, request(8, "ping"))
    assert isinstance(refused, JSONRPCError)
    assert (refused.id, refused.error.code) == (7 if code == NO_METHOD else None, code)
    assert answered == reader().validate_python({"jsonrpc": "2.0", "id": 8, "result": {}})


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b'{"id": "of nobody", "result": {}}',
        b'{"method": "notifications/cancelled", "params": [1]}',
        b'{"method": "notifications/unheard-of", "params": {"requestId": {}}}',
        b'{"method": ["odd"]}',
    ],
)
def test_what_asks_for_nothing_is_not_answered(line: bytes) -> None:
    assert served(line) == []


@pytest.mark.parametrize(
    ("wanted", "agreed"),
    [
        *((each, each) for each in ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")),
        ("2099-01-01", "2025-11-25"),
        (None, "2025-11-25"),
        (["2025-06-18"], "2025-11-25"),
    ],
)
@pytest.mark.parametrize("able", [{}, 5, None, ["roots"]])
def test_the_revision_is_the_wanted_one_or_our_newest(
    wanted: object, agreed: str, able: object
) -> None:
    out = io.BytesIO()
    ToolServer(out).serve([request(1, "initialize", protocolVersion=wanted, capabilities=able)])
    result = json.loads(out.getvalue())["result"]
    assert (result["protocolVersion"], result["serverInfo"]["name"]) == (agreed, "mem0tray")


def test_where_no_thread_is_to_be_had_a_call_is_answered_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    said, pinged = served(call(1, "mem0_saves"), request(2, "ping"))
    assert "There is no tool `mem0_saves`." in str(said)
    assert pinged == reader().validate_python({"jsonrpc": "2.0", "id": 2, "result": {}})


def test_an_answer_to_a_client_that_has_gone_is_dropped() -> None:
    out = io.BytesIO()
    out.close()
    ToolServer(out).serve([b'{"id": 8, "method": "ping"}'])


def odd_calls() -> dict[str, tuple[bytes, str]]:
    """Give each call, and what its answer begins with."""
    return {
        "a lone surrogate": (call(1, "mem0_save", project_id="g", content="a\ud800"), "Saved in"),
        "a project with one": (call(1, "mem0_save", project_id="g\udfff", content="b"), "Saved in"),
        "a project with NUL": (call(1, "mem0_save", project_id="g\0h", content="d"), "Saved in"),
        "huge": (call(1, "mem0_save", content="x" * HUGE), "Nothing was queued: the text is too"),
        "a huge project": (
            call(1, "mem0_save", project_id="p" * HUGE, content="x"),
            "Nothing was queued: the project's name has more",
        ),
        "a huge tool": (call(1, "x" * HUGE), "There is no tool"),
        "parameters in a list": (
            b'{"id": 1, "method": "tools/call", "params": [1]}',
            "There is no t",
        ),
        "arguments in a list": (
            request(1, "tools/call", name="mem0_save", arguments=[1]),
            "Nothing was saved: Expected `object`, got ",
        ),
        "900 levels": (
            b'{"id": 1, "method": "tools/call", "params": {"name": "mem0_save", "arguments": '
            b'{"content": %b%b}}}' % (b"[" * 900, b"]" * 900),
            "Nothing was saved: ",
        ),
        "what was saved": (call(1, "mem0_recall", project_id="g"), ""),
    }


KEPT: Final = {("g", "a\ud800"), ("g\udfff", "b"), ("g\0h", "d")}


def test_odd_calls_are_answered_in_words_and_odd_texts_kept(home: Home) -> None:
    home.env["MEM0TRAY_SERVER_URL"] = "http://127.0.0.1:9"
    with Wire(home) as wire:
        wire.initialize()
        for name, (line, begin) in odd_calls().items():
            wire.say(line)
            said = wire.hear()
            reader().validate_json(json.dumps(said))
            assert said["result"]["content"][0]["text"].startswith(begin), name
        assert wire.end() == ([], b"")
    found = {(each["project_id"], each["content"]) for each in home.queue_items()}
    assert found == KEPT


@pytest.mark.parametrize(
    "roots",
    [5, [5], [{"uri": None}], [{"uri": "http://["}]],
)
def test_an_odd_folder_of_the_client_loses_no_memory(home: Home, roots: object) -> None:
    with Wire(home) as wire:
        wire.initialize(roots={})
        wire.say(call(1, "mem0_save", content="roses"))
        asked = wire.hear()
        answer = {"jsonrpc": "2.0", "id": asked["id"], "result": {"roots": roots}}
        wire.say(json.dumps(answer).encode())
        assert wire.hear()["result"]["content"][0]["text"].startswith("Saved in the project 'home'")


SAVE: Final = call(1, "mem0_save", project_id="g", content="roses want sun")


def test_a_client_that_dies_within_a_line_is_left_in_peace(home: Home) -> None:
    with Wire(home) as wire:
        wire.initialize()
        lines, errors = wire.end(SAVE[:-9])
    assert (errors, [json.loads(line)["error"]["code"] for line in lines]) == (b"", [NO_JSON])
    assert not home.queue.exists()


def test_a_call_that_hangs_holds_up_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(mcp_server, "_LAST", 0.0)
    monkeypatch.setattr(ToolServer, "_call", lambda *_: released.wait())
    server = ToolServer(io.BytesIO())
    server.serve([call(1, "mem0_health")])
    server.finish()
    released.set()


@pytest.mark.parametrize("ended", [b"", b"\n"], ids=["no end of the line", "whole"])
def test_a_save_that_was_sent_by_a_client_that_died_is_delivered_once(
    home: Home, server: Standin, ended: bytes
) -> None:
    with Wire(home) as wire:
        wire.initialize()
        assert wire.die(SAVE + ended) == b""
    home.drained()
    assert server.stored == [("g", "roses want sun")]


def test_a_save_is_answered_though_no_further_message_can_come(home: Home) -> None:
    """Nor does it wait for the folder, of which only the client could tell."""
    with Wire(home) as wire:
        wire.initialize(roots={})
        home.lock_holder()  # the save waits for the lock until after the end
        wire.say(call(1, "mem0_save", content="roses want sun"))
        assert wire.hear()["method"] == "roots/list"
        lines, errors = wire.end()
    assert errors == b""
    assert [json.loads(line)["result"]["isError"] for line in lines] == [False]


# The client's, of a method that newer revisions have no more.
@pytest.mark.filterwarnings("ignore:ping is removed")
def test_a_cancelled_call_ends_no_session_and_loses_no_memory(
    connect: Connect, home: Home, server: Standin
) -> None:
    home.configure('[server]\ndialect = "vps"\n')
    released = threading.Event()
    late = {"success": True, "memories": [{"memory": "late"}]}
    server.script_questions(Answer(body=late, after=released.is_set))
    session = connect(mode=LEGACY)
    session.ping()
    asked = session.start("mem0_recall", project_id="g")
    server.wait_for(server.questions)
    assert asked.cancel()
    saving = session.start("mem0_save", project_id="g", content="beans")
    saving.cancel()
    assert not session.call("mem0_save", project_id="g", content="roses").failed
    released.set()
    session.ping()
    assert {"beans", "roses"} >= {each["content"] for each in home.queue_items()} >= {"roses"}
    assert session.call("mem0_health").failed is False
