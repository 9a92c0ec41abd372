"""`osascript`: what alerts and notifications are asked with, and that no text becomes a script."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mem0tray.core.text import lines
from mem0tray.desktop.dialogs import Dialogs
from mem0tray.desktop.notify import Notice
from mem0tray.desktop.notify.plyer_backend import PlyerBackend
from mem0tray.system import programs
from tests.desktop.programs import Osascript

QUESTION = ("Delete?", "Project: “a & b”\nID: 1", "Back up and delete", "Cancel")
HOSTILE = '"; do shell script "x" -- \\ " & (quit)\nend run'


some = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_an_alert_asks_and_cancelling_is_no(scripts: Osascript) -> None:
    assert Dialogs().ask(*QUESTION)
    assert scripts.words == ["-", QUESTION[0], QUESTION[1], "Back up and delete", "Cancel"]
    assert "default button myCancel cancel button myCancel" in scripts.source
    scripts.cancel()
    assert not Dialogs().ask(*QUESTION)
    Dialogs().show("title", "text", "Close")
    assert scripts.words == ["-", "title", "text", "Close"]
    assert "buttons {myClose}" in scripts.source


def test_a_notification_needs_nothing_but_the_system(scripts: Osascript) -> None:
    PlyerBackend(platform="darwin").show(Notice("Title", "Server down", "5 memories wait."))
    assert scripts.words == ["-", "Server down", "5 memories wait.", "mem0tray"]
    assert "display notification myText with title myTitle subtitle myName" in scripts.source


@some
@given(title=st.text(), text=st.text())
@example(title=HOSTILE, text=HOSTILE)
@example(title="-e", text="--")
@example(title="\\", text='"')
@example(title="\r\n\u2028\t", text="a\0b\ud800")
@pytest.mark.parametrize(
    "show",
    [
        lambda title, text: Dialogs().show(title, text, "Close"),
        lambda title, text: Dialogs().ask(title, text, "Yes", "No"),
        lambda title, text: programs.run_applescript(
            "on run {myTitle, myText}\nend run\n", (title, text)
        ),
    ],
    ids=["tell", "ask", "run"],
)
def test_no_text_becomes_a_script(
    scripts: Osascript, show: Callable[[str, str], object], title: str, text: str
) -> None:
    show("plain", "plain")
    usual = scripts.source
    show(title, text)
    assert scripts.words[:3] == ["-", lines(title), lines(text)]
    assert scripts.source == usual
