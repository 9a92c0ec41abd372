"""A text that the server cannot take is called that by every command, with what to do about it."""

from http import HTTPStatus

import pytest

from tests.support import needs
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.official import OfficialStandin
from tests.support.shapes import dead

NUL = "502 Bad Gateway, but the memory holds the character NUL, which the server cannot store"
# Python 3.13 has newer names for these two than 3.11.
HALF = f"422 {HTTPStatus(422).phrase}: body.messages.0.content: Input should be a valid string"
LARGE = f"413 {HTTPStatus(413).phrase}: Request Entity Too Large"
EDIT = "Change it with `mem0tray edit aaaa1111`, or delete it with `mem0tray delete aaaa1111`."

SHORTEN = (
    "It is too large for the server: shorten it with `mem0tray edit aaaa1111`,"
    " or have the server take more."
)


@pytest.mark.row(56)
@pytest.mark.parametrize(
    ("text", "reason", "advice"),
    [
        ("a\0b", NUL, EDIT),
        ("half \ud83d", HALF, f"Its content holds half a character (a lone surrogate). {EDIT}"),
        (
            "large",
            LARGE,
            SHORTEN,
        ),
    ],
    ids=["NUL", "half a character", "too large"],
)
def test_list_show_and_diagnose_say_what_is_to_be_changed(
    home: Home, server: OfficialStandin, text: str, reason: str, advice: str
) -> None:
    too_large = Answer(413, {"detail": "Request Entity Too Large"})
    server.script(too_large, content="large", forever=True)
    home.write_dlq([dead(text, id="aaaa1111-1", ago=7200)])
    home.drain()
    listed = home.ok("list").splitlines()
    assert listed[-2] == f"To change: aaaa1111. {advice}"
    shown = home.ok("show", "aaaa1111")
    assert f"\nreason      {reason}\n" in shown
    assert f"\nto do       {advice}\n" in shown
    assert home.json("show", "aaaa1111")["remedy"] == advice
    assert advice.rpartition(" Change")[2] in home.ok("diagnose", "aaaa1111")
    assert server.kept() == []


@needs.SHELL
def test_once_it_is_changed_nothing_is_to_do(home: Home, server: OfficialStandin) -> None:
    home.write_dlq([dead("a\0b", id="aaaa1111-1", ago=7200)])
    home.drain()
    home.ok("edit", "aaaa1111", env={"EDITOR": "sed -i 's/.*/plain/'"})
    home.ok("retry", "aaaa1111")
    home.drained()
    assert server.kept() == ["plain"]
    assert "\nto do" not in home.ok("show", "aaaa1111")
