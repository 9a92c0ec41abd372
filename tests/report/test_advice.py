"""What to do about each cause."""

from typing import Any

import pytest

from mem0tray.actions.standing import Overview
from mem0tray.actions.worker_report import Running
from mem0tray.config import server_choice
from mem0tray.core import reasons
from mem0tray.core.language import Language
from mem0tray.core.reasons import Reason
from mem0tray.ledger.rows import Attempt, kept
from mem0tray.report.page import Gathered, Message, advice, headline
from tests.actions.scene import found
from tests.support.shapes import dead

_NOW = 1_764_500_000.0
_RUNNING = Running(1, _NOW - 60)


def _advice(
    *letters: dict[str, Any],
    attempts: dict[str, Attempt] | None = None,
    language: str = "en",
    **fields: Any,
) -> list[Message]:
    seen = [found(letter) for letter in letters]
    known = {each.identity: attempts[each.id] for each in seen if attempts and each.id in attempts}
    overview = Overview(**{"worker": _RUNNING, "state": "healthy", **fields})
    return list(advice(Gathered(_NOW, overview, seen, 0, known), Language(language)))


def test_where_all_is_well_there_is_no_advice() -> None:
    assert _advice() == []


def test_what_is_held_has_its_remedy() -> None:
    (made,) = _advice(held=1)
    assert "`mem0tray retry ID` sends" in made.text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": "down"}, "`mem0tray doctor`"),
        ({"state": "action needed", "reason": reasons.quoted("stop it")}, "`mem0tray doctor`"),
        ({"state": "action needed", "reason": server_choice.CHOOSE}, "server.url local"),
        ({"state": "not running"}, "`mem0tray run`"),
        ({"state": "not running", "pause": 2 * _NOW}, "`mem0tray resume`"),
        ({"state": "paused", "pause": 2 * _NOW}, "`mem0tray resume`"),
    ],
)
def test_what_stands_first_says_what_to_do(fields: dict[str, Any], words: str) -> None:
    made = headline(Overview(**fields), Language("en"))
    assert words in made.text + made.detail


def test_the_example_speaks_the_language_of_the_page() -> None:
    said = kept(Reason("no answer after {number} s", number="60"))
    attempt = Attempt(_NOW, "unknown", None, said, 60.0)
    (made,) = _advice(dead("a", id="one"), attempts={"one": attempt}, language="fr")
    assert made.detail == "aucune réponse au bout de 60 s"


def test_the_commonest_cause_comes_first() -> None:
    letters = [
        dead("a", last_error="422 no"),
        *(dead("b", id=f"b{n}", last_error="500 x") for n in range(3)),
    ]
    made = _advice(*letters)
    assert [each.title for each in made] == [
        "3 memories not delivered: rejected by the server",
        "1 memory not delivered: rejected by the server",
    ]
    assert (made[0].memory, made[0].detail) == ("b0", "500 x")


def test_no_answer_hides_behind_another() -> None:
    made = _advice(
        dead("a", last_error="422 Unprocessable Entity: odd 1"),
        dead("b", last_error="422 Unprocessable Entity: odd 2"),
        dead("c", last_error="200 OK without success: no space"),
    )
    assert [(each.title, each.detail) for each in made] == [
        ("2 memories not delivered: rejected by the server", "422 Unprocessable Entity: odd 1"),
        ("1 memory not delivered: rejected by the server", "200 OK without success: no space"),
    ]
