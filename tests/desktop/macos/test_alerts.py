"""Alerts in the process: nothing waits for them but who asked, and no key deletes anything."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from mem0tray.core.text import lines
from mem0tray.desktop import dialogs
from mem0tray.desktop.dialogs import Dialogs
from mem0tray.desktop.tray import icon
from tests.desktop.macos.runtime import Machine
from tests.desktop.macos.user import User

QUESTION = ("Delete?", "Project: “a & b”\0\ud800", "Back up and delete", "Cancel")
ESCAPE = "\x1b"
Ask = Callable[[Callable[[], object]], "Future[object]"]


@pytest.fixture
def asked(mac: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    """Ask on another thread, and let the main one go on until the alert is there."""

    def ask(question: Callable[[], object]) -> "Future[object]":
        answer = pool.submit(question)
        mac.waiting.get(timeout=20.0)()
        return answer

    monkeypatch.setattr(dialogs, "PATIENCE", 20.0)  # a test that fails is not to hang
    with ThreadPoolExecutor(1) as pool:
        yield ask


@pytest.mark.parametrize(("title", "answer"), [("Back up and delete", True), ("Cancel", False)])
def test_a_question_floats_and_activates_nothing(
    mac: Machine, user: User, asked: Ask, title: str, *, answer: bool
) -> None:
    names = mac.names.values
    waits = asked(lambda: Dialogs().ask(*QUESTION, memory="“Likes tea”"))
    (alert,) = mac.alerts
    window = alert._parent
    assert window._level == names["NSFloatingWindowLevel"]
    assert window._styleMask & names["NSWindowStyleMaskNonactivatingPanel"]
    assert (alert._messageText, alert._informativeText) == (
        QUESTION[0],
        lines(f"“Likes tea”\n\n{QUESTION[1]}"),
    )
    buttons = [
        (each._title, each._hasDestructiveAction, each._keyEquivalent) for each in alert._buttons
    ]
    assert buttons == [("Back up and delete", True, ""), ("Cancel", False, ESCAPE)]
    assert alert._alertStyle == names["NSAlertStyleCritical"]
    assert alert._icon is not None, "Python's own"
    assert not waits.done()
    user.answer(title)
    assert waits.result(20.0) is answer
    assert (window._visible, mac.alerts) == (False, [])


def test_a_text_is_closed_by_any_key(user: User, asked: Ask) -> None:
    waits = asked(lambda: Dialogs().show("title", "text", "Close"))
    alert = user.answer("Close")
    waits.result(20.0)
    assert [(each._keyEquivalent, each._hasDestructiveAction) for each in alert._buttons] == [
        ("\r", False)
    ]


def test_a_question_that_nobody_answers_means_no(
    mac: Machine, asked: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialogs, "PATIENCE", 0.05)
    waits = asked(lambda: Dialogs().ask(*QUESTION))
    assert waits.result(20.0) is False
    mac.waiting.get(timeout=20.0)()
    assert mac.alerts == []


def test_what_cannot_be_shown_is_an_error(asked: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or it would hold up all later ones."""
    monkeypatch.setattr(icon, "icon_file", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        asked(lambda: Dialogs().ask(*QUESTION)).result(20.0)
