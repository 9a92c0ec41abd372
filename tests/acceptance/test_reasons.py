"""What cannot be sent, and what is said about a failure: the content never is."""

import pytest

from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.shapes import dead, entry, texts
from tests.support.standin import Standin

# Not sendable -----------------------------------------------------------------------------


@pytest.mark.parametrize("project", [None, "", 5])
def test_text_without_a_project_is_counted_without_being_sent(
    home: Home, server: Standin, project: object
) -> None:
    home.write_queue([entry("homeless", project), entry("good")])
    home.drain()
    assert (server.sends("homeless"), server.count("good")) == (0, 1)
    letter = home.dead_letter("homeless")
    assert "project" in letter["last_error"]
    assert letter["project_id"] == project


def test_items_without_text_are_never_touched(home: Home, server: Standin) -> None:
    odd = [entry(content) for content in (None, 5, ["x"], {"a": 1}, True)]
    odd.append({key: value for key, value in entry("").items() if key != "content"})
    letters = [dead(None), dead(7, retry_count=2)]
    home.write_queue([*odd, entry("good")])
    home.write_dlq(letters)
    home.drain()
    assert server.order() == ["good"]
    assert home.queue_items() == odd
    assert home.dlq_items() == letters


@pytest.mark.row(13)
def test_a_lone_surrogate_goes_out_as_its_escape(home: Home, server: Standin) -> None:
    home.write_queue([entry("half \ud83d of a pair")])
    home.drained()
    assert b"half \\ud83d of a pair" in server.saves[0].body
    assert server.count("half \ud83d of a pair") == 1


# What is said about it ----------------------------------------------------------------------

TREASURE = "the treasure lies below the third oak"


@pytest.mark.row(42)
@pytest.mark.parametrize(
    "body",
    [
        {"detail": [{"loc": ["body", "content"], "msg": "too odd", "input": TREASURE}]},
        {"detail": f"cannot store: {TREASURE[4:30]}!"},
        {"error": {"message": TREASURE.upper(), "echo": TREASURE}},
        TREASURE.encode(),
    ],
    ids=["list", "text", "object", "no JSON"],
)
def test_last_error_and_log_never_repeat_the_content(
    home: Home, server: Standin, body: object
) -> None:
    home.write_queue([entry(TREASURE)])
    server.script(Answer(400, body), content=TREASURE, forever=True)
    home.drain()
    said = home.dead_letter(TREASURE)["last_error"] + home.log_text()
    assert "400" in said
    assert not [n for n in range(len(TREASURE) - 11) if TREASURE[n : n + 12] in said]


def test_loc_and_msg_of_a_detail_list_are_kept(home: Home, server: Standin) -> None:
    detail = {"detail": [{"loc": ["body", "content"], "msg": "too odd", "type": "x"}]}
    home.write_queue([entry("short")])
    server.script(Answer(422, detail), content="short", forever=True)
    home.drain()
    said = home.dead_letter("short")["last_error"]
    assert "too odd" in said
    assert "content" in said


def test_a_dead_letter_that_fails_keeps_its_reason(home: Home, server: Standin) -> None:
    home.write_dlq([dead("bad", retry_count=1, last_error="old news")])
    server.script(Answer(413, {"detail": "too large"}), content="bad", forever=True)
    home.drain()
    assert "too large" in home.dead_letter("bad")["last_error"]
    assert texts(home.dlq_items()) == ["bad"]
