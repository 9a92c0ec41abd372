"""What to do about each cause."""

from typing import Any

import pytest

from mem0tray.actions import find
from mem0tray.actions.find import listing
from mem0tray.actions.standing import Overview
from mem0tray.actions.worker_report import Running
from mem0tray.config import server_choice
from mem0tray.config.settings import ServerSettings
from mem0tray.core import reasons
from mem0tray.core.language import Language
from mem0tray.ledger.known import Attempt
from mem0tray.report.advice import advice
from mem0tray.report.gathering import Gathered
from mem0tray.report.model import Advice
from mem0tray.report.redaction import Cleaner
from tests.actions.scene import found
from tests.support.shapes import dead

_NOW = 1_764_500_000.0
_RUNNING = Running(1, _NOW - 60)


def _advice(
    *letters: dict[str, Any],
    attempts: dict[str, Attempt] | None = None,
    unreadable: bool = False,
    language: str = "en",
    **fields: Any,
) -> list[Advice]:
    seen = [found(letter) for letter in letters]
    known = {each.identity: attempts[each.id] for each in seen if attempts and each.id in attempts}
    overview = Overview(**{"worker": _RUNNING, "state": "healthy", **fields})
    gathered = Gathered(
        _NOW,
        overview,
        seen,
        0,
        [],
        {},
        known,
        unreadable=unreadable,
        past=None,
    )
    return advice(gathered, "dlq.json", Language(language), Cleaner(ServerSettings()))


def _titles(made: list[Advice]) -> list[str]:
    return [each.title for each in made]


def test_nothing_to_do() -> None:
    """Where all is well there is no advice."""
    assert _advice() == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": "down"}, "Start the server"),
        ({"state": "action needed", "reason": reasons.quoted("stop it")}, "`mem0tray doctor`"),
        ({"state": "action needed", "reason": server_choice.CHOOSE}, "server.url local"),
        ({"state": "not running", "worker": None}, "`mem0tray run`"),
        ({"state": "paused", "pause": 2 * _NOW}, "`mem0tray resume`"),
        ({"held": 1}, "`mem0tray retry ID` sends"),
        ({"held": 1, "beside": True}, "Stop that worker first"),
        ({"quarantine": 2}, "`mem0tray doctor` says where"),
        ({"unreadable": True}, "restores it"),
        ({"only_elsewhere": {"http://old.example": 3}}, "Delivered to http://old.example"),
        ({"only_elsewhere": {"http://old.example": 3}}, "config set server.url http://old.example"),
        ({"only_elsewhere": {"local": 1}}, "embedded server"),
        ({"only_elsewhere": {"local": 1}}, "`mem0tray config set server.url local`"),
    ],
)
def test_each_trouble_has_its_remedy(fields: dict[str, Any], words: str) -> None:
    """One piece of advice, which says what to type or where to look."""
    (made,) = _advice(**fields)
    assert words in made.text


def test_the_embedded_server_has_a_french_sentence_of_its_own() -> None:
    """The article and what stands before it become one word there."""
    (made,) = _advice(only_elsewhere={"local": 1}, language="fr")
    assert "au serveur intégré" in made.text


def test_a_pause_is_named_without_a_worker() -> None:
    """Starting alone would not help then."""
    made = _advice(state="not running", worker=None, pause=2 * _NOW)
    assert _titles(made) == ["Start mem0tray", "End the pause"]


@pytest.mark.parametrize(
    ("reason", "title", "words"),
    [
        ("500 Internal Server Error: x", "has a fault", "Its log says more"),
        ("403 Forbidden", "does not allow", "server.api_key"),
        ("404 Not Found", "does not know the address", "server.url"),
        ("429 Too Many Requests", "asks for a break", "automatically"),
        ("422 Unprocessable Entity", "rejects it", "`mem0tray edit ID`"),
        ("a text of another program", "rejects it", "`mem0tray delete ID`"),
    ],
)
def test_the_servers_answers_from_the_file_alone(reason: str, title: str, words: str) -> None:
    """Without a ledger the reason in the file says what kind of answer it was."""
    (made,) = _advice(dead("a", last_error=reason))
    assert made.title.startswith("1 dead letter: ")
    assert title in made.title
    assert words in made.text
    assert reason in made.example


def test_the_ledger_knows_better_than_the_file() -> None:
    """The last attempt counts where there is one."""
    attempt = Attempt(_NOW, "unknown", None, "no answer after 60 s", 60.0)
    (made,) = _advice(dead("a", id="one", last_error="500 old"), attempts={"one": attempt})
    assert made.title == "1 dead letter: no usable answer came"
    assert made.example == "one · no answer after 60 s"
    attempt = Attempt(_NOW, "item failure", 422, "422 Unprocessable Entity", 0.1)
    (made,) = _advice(dead("a", id="one", last_error="500 old"), attempts={"one": attempt})
    assert made.title == "1 dead letter: the server rejects it"


def test_the_example_speaks_the_language_of_the_page() -> None:
    """What is ours in a reason is told as in the table of dead letters."""
    said = "no answer after 60 s"
    attempt = Attempt(_NOW, "unknown", None, said, 60.0)
    letter = dead("a", id="one", last_error=said)
    for attempts in (None, {"one": attempt}):
        (made,) = _advice(letter, attempts=attempts, language="fr")
        assert made.example == "one · aucune réponse au bout de 60 s"


def test_invalid_items() -> None:
    """No project, NUL, half a character, no text: each is told apart."""
    made = _advice(
        dead("a", ""),
        dead("n\0", last_error="x"),
        dead("b \ud800", last_error="x"),
        dead("c", "p \udfff", last_error="x"),
    )
    assert sorted(_titles(made)) == [
        "1 dead letter: no project is named",
        "1 dead letter: the text holds the character NUL",
        "2 dead letters: the text holds half a character",
    ]
    assert [each.example for each in made] == ["", "", ""]
    raw = b'{"id": "n", "content": 5}'
    gathered = Gathered(
        _NOW,
        Overview(worker=_RUNNING, state="healthy"),
        listing([raw], find.DLQ_LIST),
        1,
        [],
        {},
        {},
        unreadable=False,
        past=None,
    )
    (made_of_number,) = advice(gathered, "f", Language("en"), Cleaner(ServerSettings()))
    assert made_of_number.title == "1 dead letter: the content is not text"


def test_the_commonest_cause_comes_first() -> None:
    """Dead letters are counted by cause, with the first of each as an example."""
    letters = [
        dead("a", last_error="422 no"),
        *(dead("b", id=f"b{n}", last_error="500 x") for n in range(3)),
    ]
    made = _advice(*letters)
    assert _titles(made) == [
        "3 dead letters: the server has a fault",
        "1 dead letter: the server rejects it",
    ]
    assert made[0].example == "b0 · 500 x"


def test_no_answer_hides_behind_another() -> None:
    """Answers that want the same to be done each have a line with an example of their own."""
    made = _advice(
        dead("a", id="a", last_error="422 Unprocessable Entity: odd 1"),
        dead("b", id="b", last_error="422 Unprocessable Entity: odd 2"),
        dead("c", id="c", last_error="200 OK without success: no space"),
    )
    assert [(each.title, each.example) for each in made] == [
        ("2 dead letters: the server rejects it", "a · 422 Unprocessable Entity: odd 1"),
        ("1 dead letter: the server rejects it", "c · 200 OK without success: no space"),
    ]


def test_waiting_for_its_time_needs_nothing() -> None:
    """A dead letter without a reason is tried again automatically."""
    (made,) = _advice(dead("a"))
    assert "nothing to do" in made.title
