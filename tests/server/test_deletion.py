"""One memory of a server's own: shown, and deleted there."""

from http import HTTPStatus
from itertools import product

import pytest

from mem0tray.core.item import Kind
from mem0tray.server.model import Outcome, ServerMemory, Terms
from tests.server.calls import cut_after_body, spoken
from tests.server.wire import Handler, render

NAME = "3b1c1d5e-0000-4000-8000-00000000abcd"
PATHS = {"oss": f"/memories/{NAME}", "platform": f"/v1/memories/{NAME}/"}
ENTRY = {"id": NAME, "memory": "oak", "user_id": "my%20project", "metadata": {"mem0tray_id": "k"}}
MEMORY = ServerMemory("my project", "oak", NAME, "", None, "k")
each_dialect = pytest.mark.parametrize("dialect", PATHS)


@each_dialect
def test_one_memory_is_read_by_its_id(dialect: str) -> None:
    said, (asked,) = spoken(render(200, ENTRY), "one", NAME, dialect=dialect)
    assert (asked.method, asked.target) == ("GET", PATHS[dialect])
    assert said == MEMORY


def test_with_one_user_for_all_the_agent_is_the_project() -> None:
    entry = {"id": NAME, "memory": "oak", "user_id": "me", "agent_id": "garden"}
    said, _ = spoken(render(200, entry), "one", NAME, dialect="oss", terms=Terms("me"))
    assert said.project == "garden"


@pytest.mark.parametrize(
    "answer",
    [render(200, b"null"), render(404, {"error": "Memory not found!"}), render(400, {})],
    ids=["null", "404", "400"],
)
def test_what_is_not_there_is_none(answer: bytes) -> None:
    assert spoken(answer, "one", NAME, dialect="oss")[0] is None


@pytest.mark.parametrize(
    "answer",
    [render(200, b"<html>"), render(200, {}), render(500, {}), render(401, {}), render(200, b"")],
    ids=["a page", "no memory", "500", "401", "empty"],
)
def test_any_other_answer_is_none(answer: bytes) -> None:
    said, _ = spoken(answer, "one", NAME, dialect="oss")
    assert isinstance(said, Outcome)
    assert not said.is_success


@pytest.mark.parametrize(
    ("dialect", "name"),
    [
        *product(PATHS, ["", "17", "../entities", "3b1c1d5e", f"{NAME}/history"]),
        ("vps", "17"),  # as a server of the user's own it shows no single memory
    ],
)
def test_no_other_id_is_asked_for(dialect: str, name: str) -> None:
    assert spoken(render(200, ENTRY), "one", name, dialect=dialect) == (None, [])


@each_dialect
@pytest.mark.parametrize(
    ("answer", "kind", "doubtful"),
    [
        (render(200, {"message": "Memory deleted successfully"}), Kind.DELIVERED, False),
        (render(204), Kind.DELIVERED, False),
        (render(404, {"detail": "not found"}), Kind.DELIVERED, False),
        (render(403, {"detail": "no"}), Kind.FORBIDDEN, False),
        (render(429, {}), Kind.SLOW_DOWN, False),
        (render(502, {"code": "unknown"}), Kind.OUTAGE, True),
        (render(200, b"<html>"), Kind.OUTAGE, True),
        (cut_after_body, Kind.NO_ANSWER, True),
    ],
    ids=["200", "204", "404", "403", "429", "502", "a page", "none"],
)
def test_the_answer_says_whether_it_is_deleted(
    dialect: str, answer: bytes | Handler, kind: Kind, *, doubtful: bool
) -> None:
    said, (asked,) = spoken(answer, "delete", MEMORY, dialect=dialect)
    assert (asked.method, asked.target) == ("DELETE", PATHS[dialect])
    assert (said.kind, said.may_have_it) == (kind, doubtful)


def test_no_message_repeats_the_memory() -> None:
    memory = ServerMemory("p", "a long secret of mine", NAME)
    answer = render(HTTPStatus.FORBIDDEN, {"detail": "not a long secret of mine"})
    assert "secret" not in spoken(answer, "delete", memory, dialect="oss")[0].message
