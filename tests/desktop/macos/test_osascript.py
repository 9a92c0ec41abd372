"""`osascript`: what notifications without a bundle are shown by, and that no text is a script."""

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mem0tray.desktop.notify import Notice
from mem0tray.desktop.notify.plyer_backend import PlyerBackend
from tests.desktop.programs import Osascript

HOSTILE = '"; do shell script "x" -- \\ " & (quit)\nend run'


some = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


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
def test_no_text_becomes_a_script(scripts: Osascript, title: str, text: str) -> None:
    backend = PlyerBackend(platform="darwin")
    backend.show(Notice("Title", "plain", "plain"))
    usual = scripts.source
    backend.show(Notice("Title", title, text))
    assert scripts.source == usual
    assert scripts.words[0] == "-"
    assert len(scripts.words) == len(["-", "title", "text", "mem0tray"])
