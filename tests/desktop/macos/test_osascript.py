"""`osascript`: what notifications without a bundle are shown by, and that no text is a script."""

import pytest

from mem0tray.desktop.notify import Notice, plyer_backend
from mem0tray.desktop.notify.plyer_backend import PlyerBackend
from tests.desktop.programs import Osascript

HOSTILE = '"; do shell script "x" -- \\ " & (quit)\nend run'


@pytest.mark.parametrize(
    ("title", "text", "shown"),
    [
        ("Server down", "5 memories wait.", ["Server down", "5 memories wait."]),
        ("-e", "--", ["-e", "--"]),
        ("\\", HOSTILE, ["\\", HOSTILE]),
        ("\r\n\u2028\t", "a\0b\ud800", ["", "a b"]),
    ],
    ids=["usual", "options", "quotes", "signs of control"],
)
def test_a_text_is_shown_and_no_script(
    scripts: Osascript, title: str, text: str, shown: list[str]
) -> None:
    PlyerBackend(platform="darwin").show(Notice("Title", title, text))
    assert scripts.words == ["-", *shown, "mem0tray"]
    assert scripts.source == plyer_backend._SHOW.decode()
