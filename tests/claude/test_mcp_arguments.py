"""A tool that is called with wrong arguments says so in plain words, to the official client."""

from collections.abc import Callable

import pytest

from tests.claude.tool_client import ToolClient
from tests.support.home import Home

Connect = Callable[..., ToolClient]
SAVE_TAKES = "mem0_save takes `content`, `project_id` (may be left out)."
RECALL_TAKES = "mem0_recall takes `project_id` (may be left out), `limit` (may be left out)."
NO_QUERY = (
    "There is nothing to search for: the query is empty."
    " mem0_recall shows the newest memories without one."
)
TEXT, NUMBER = "must be a text.", "`limit` must be a whole number from 1 to 1,000."


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"content": "x", "project_id": 5}, f"`project_id` {TEXT}"),
        ({}, "`content` is missing."),
        ({"content": ["secret"], "project_id": {}}, f"`content` {TEXT} `project_id` {TEXT}"),
        ({"content": None}, f"`content` {TEXT}"),
        (
            {"content": "x", "project": "garden"},
            "There is no argument `project`. Did you mean `project_id`?",
        ),
        ({"text": "x"}, "There is no argument `text`. `content` is missing."),
        ({"content": "x", "extra": None}, "There is no argument `extra`."),
    ],
)
def test_what_is_no_memory_is_refused_in_words(
    connect: Connect, home: Home, arguments: dict[str, object], said: str
) -> None:
    session = connect()
    whole = f"Nothing was saved. {said} {SAVE_TAKES}"
    assert session.call("mem0_save", **arguments) == (whole, True)
    assert not home.queue.exists()
    assert not session.call("mem0_save", content="fine", project_id=None).failed
    assert [each["content"] for each in home.queue_items()] == ["fine"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        *(({"limit": each}, NUMBER) for each in (0, 1001, 10**300, 2.5, True, "many", [5])),
        ({"Limit": 1}, "There is no argument `Limit`. Did you mean `limit`?"),
        ({"a\x1b[31m\nb" * 99: 1}, f"There is no argument `{('a [31m b' * 99)[:79]}…`."),
        (
            dict.fromkeys(("v", "w", "x", "y", "z", "zz", "zzz"), 1),
            " ".join(f"There is no argument `{each}`." for each in "vwxyz") + "",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(
    connect: Connect, arguments: dict[str, object], said: str
) -> None:
    whole = f"Nothing was asked. {said} {RECALL_TAKES}"
    assert connect().call("mem0_recall", **arguments) == (whole, True)


def test_null_counts_as_left_out_and_a_tool_without_arguments_takes_any(
    connect: Connect, home: Home
) -> None:
    for tool, arguments in (
        ("mem0_recall", {"limit": None, "project_id": None}),
        ("mem0_recall", {"limit": "5"}),
        ("mem0_health", {"random_string": "x"}),
    ):
        assert not connect().call(tool, **arguments).failed
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
