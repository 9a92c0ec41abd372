"""A tool that is called with wrong arguments says so in plain words, to the official client."""

from collections.abc import Callable

import pytest

from tests.claude.tool_client import LEGACY, ToolClient
from tests.support.home import Home

Connect = Callable[..., ToolClient]
SAVE_TAKES = "`content` (a text), `project_id` (a text, which may be left out)"
RECALL_TAKES = (
    "`project_id` (a text, which may be left out),"
    " `limit` (a whole number from 1 to 1,000, which may be left out)"
)
NO_QUERY = (
    "There is nothing to search for: the query is empty."
    " mem0_recall shows the newest memories without one."
)
BOTH = "`content` is a list, and must be a text; `project_id` is an object, and must be a text"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"content": "x", "project_id": 5}, "`project_id` is 5, and must be a text"),
        ({}, "`content` is missing"),
        ({"content": ["secret text"], "project_id": {"name": "garden"}}, BOTH),
        ({"content": None}, "`content` is null, and must be a text"),
        (
            {"content": "x", "project": "garden"},
            "there is no argument `project` (did you mean `project_id`?)",
        ),
        ({"text": "x"}, "there is no argument `text`; `content` is missing"),
        ({"content": "x", "extra": None}, "there is no argument `extra`"),
    ],
)
@pytest.mark.parametrize("mode", ["auto", LEGACY])
def test_what_is_no_memory_is_refused_in_words(
    connect: Connect, home: Home, arguments: dict[str, object], said: str, mode: str
) -> None:
    """The model learns what is missing, nothing is queued, and the session goes on."""
    session = connect(mode=mode)
    whole = f"Nothing was saved: {said}. Call mem0_save again with {SAVE_TAKES}."
    assert session.call("mem0_save", **arguments) == (whole, True)
    assert not home.queue.exists()
    assert not session.call("mem0_save", content="fine", project_id=None).failed
    assert [each["content"] for each in home.queue_items()] == ["fine"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"limit": 0}, "`limit` is 0, and must be a whole number from 1 to 1,000."),
        ({"limit": 10**30}, f"`limit` is {10**30:,}, and must be a whole number from 1 to 1,000."),
        ({"limit": 10**300}, "`limit` is a number, and must be a whole number from 1 to 1,000."),
        ({"limit": 2.5}, "`limit` is 2.5, and must be a whole number from 1 to 1,000."),
        ({"limit": True}, "`limit` is true or false, and must be a whole number from 1 to 1,000."),
        ({"other": None}, "there is no argument `other`."),
        ({"limit": "many"}, "`limit` is a text, and must be a whole number from 1 to 1,000."),
        ({"Limit": 1}, "there is no argument `Limit` (did you mean `limit`?)."),
        (
            {"a\x1b[31m\nb" * 99: 1},
            f"there is no argument `{('a [31m b' * 99)[:79]}…`.",
        ),
        (
            dict.fromkeys(("v", "w", "x", "y", "z", "zz", "zzz"), 1),
            "; ".join(f"there is no argument `{each}`" for each in "vwxyz") + "; and 2 more.",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(
    connect: Connect, arguments: dict[str, object], said: str
) -> None:
    """The model learns what the tool takes; no value of its own but a number is repeated."""
    whole = f"Nothing was asked: {said} Call mem0_recall again with {RECALL_TAKES}."
    assert connect().call("mem0_recall", **arguments) == (whole, True)


def test_what_a_model_writes_for_nothing_is_taken_for_that(connect: Connect, home: Home) -> None:
    """Null for what may be left out is that, and a tool without arguments is not held up by one."""
    session = connect()
    for tool, arguments in (
        ("mem0_recall", {"limit": None, "project_id": None}),
        ("mem0_recall", {"limit": "5"}),
        ("mem0_health", {"random_string": "x"}),
    ):
        assert not session.call(tool, **arguments).failed
    assert not home.queue.exists()


def test_a_tool_that_is_not_there_is_named_beside_those_that_are(connect: Connect) -> None:
    """With the one that was perhaps meant."""
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
        (
            "mem0_search",
            {"query": "\n"},
            NO_QUERY,
        ),
    ],
)
def test_an_empty_text_is_refused_in_words(
    connect: Connect, home: Home, tool: str, arguments: dict[str, object], said: str
) -> None:
    """Nothing is queued or asked, and the model learns what to do."""
    assert connect().call(tool, **arguments) == (said, True)
    assert not home.queue.exists()
