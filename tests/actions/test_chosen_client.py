"""Questions that are put again, to a real server that fails now and then."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import count
from unittest import mock

import pytest

from mem0tray.actions import chosen_client
from mem0tray.actions.chosen_client import NotAnsweredError, PatientQuestions
from mem0tray.config.server_address import ServerAddress
from mem0tray.server import connect
from mem0tray.server.model import Page, ServerMemory
from tests.support.http1 import Answer
from tests.support.standin import Standin


@pytest.fixture
def questions(server: Standin, monkeypatch: pytest.MonkeyPatch) -> Iterator[PatientQuestions]:
    """Ask the server, which has a memory of one project, without a pause."""
    monkeypatch.setattr(chosen_client, "WAITS", (0.0, 0.0))
    server.begin_with([("alpha", "oak")])
    with closing(connect(ServerAddress.of(server.url))) as client:
        yield PatientQuestions(client, 10.0)


def texts(pages: Iterator[Page]) -> list[str]:
    """Collect the texts of pages, and in the place of an error what it says."""
    try:
        return [each.text for page in pages for each in page.memories]
    except NotAnsweredError as error:
        return [str(error)]


@pytest.mark.parametrize(
    ("answers", "found", "asked"),
    [
        ((Answer(reset=True), Answer(503)), ["oak"], 4),
        ((Answer(401),), ["401: scripted 401"], 2),
        ((Answer(503),) * 9, ["503: scripted 503"], 4),
    ],
    ids=["passes", "a refusal", "too often"],
)
def test_a_server_that_has_answered_is_asked_again_in_patience(
    server: Standin,
    questions: PatientQuestions,
    answers: Sequence[Answer],
    found: list[str],
    asked: int,
) -> None:
    assert texts(questions.pages("alpha")) == ["oak"]
    server.script_questions(*answers)
    assert texts(questions.pages("alpha")) == found
    assert server.questions() == asked


def test_a_server_that_never_answered_is_not_waited_for(
    server: Standin, questions: PatientQuestions
) -> None:
    server.script_questions(Answer(503))
    assert texts(questions.pages("alpha")) == ["503: scripted 503"]
    assert server.questions() == 1


def test_a_listing_that_shows_ever_new_memories_comes_to_an_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chosen_client, "_MOST", 5)
    client, number = mock.Mock(), count()
    client.page.side_effect = lambda *_: Page([ServerMemory("alpha", str(next(number)))], "more")
    found = list(PatientQuestions(client, 10.0).pages("alpha"))
    assert texts(iter(found)) == ["0", "1", "2", "3", "4"]
    assert found[-1] == Page([], whole=False)
