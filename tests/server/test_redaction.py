"""Whether words show a content, for any words and any content."""

import html
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mem0tray.server.redaction import REPEATED, code, repeats, said, unescaped

PLAIN = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cf"]), max_size=40)
TEXTS = st.text(st.characters(codec="utf-8"), min_size=REPEATED, max_size=60)
DISGUISES: list[Callable[[str], str]] = [
    str,
    json.dumps,
    lambda text: json.dumps(text, ensure_ascii=False),
    html.escape,
    quote,
    repr,
    ascii,
]


@settings(deadline=None, max_examples=50)
@given(TEXTS, PLAIN, PLAIN, st.data())
def test_any_twelve_characters_of_any_content_are_found(
    content: str, before: str, behind: str, data: st.DataObject
) -> None:
    """Wherever twelve characters of the content stand in a text as they are, they are found."""
    start = data.draw(st.integers(0, len(content) - REPEATED))
    assert repeats(before + content[start : start + REPEATED] + behind, content)


@settings(deadline=None, max_examples=50)
@given(st.text("abcdefghijklmnopqrstuvwxyzäöüßéñ漢字 .,", min_size=60, max_size=90), st.data())
def test_disguised_contents_are_found(content: str, data: st.DataObject) -> None:
    """Neither escapes nor letter case nor folded blanks hide a content of some length."""
    content = "the treasure lies below " + content
    disguise = data.draw(st.sampled_from(DISGUISES))
    shown = disguise(content)
    for form in (shown, shown.upper(), " ".join(shown.split())):
        if disguise in (str, html.escape) or form is shown:
            assert repeats(form, content)


@settings(deadline=None, max_examples=50)
@given(st.text("0123456789", max_size=200), st.text("abcdef", max_size=200))
def test_what_has_nothing_in_common_is_not_taken_for_a_repetition(text: str, content: str) -> None:
    """A text without any letter of the content does not show it."""
    assert not repeats(text, content)


@settings(deadline=None, max_examples=50)
@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda x: (
            st.lists(x)
            | st.dictionaries(st.sampled_from(["error", "detail", "msg", "loc", "code", "x"]), x)
        ),
    )
)
def test_any_body_is_read_without_trouble(body: object) -> None:
    """Whatever JSON a server sends, something short and harmless is made of it."""
    assert len(said(body)) <= 800
    assert len(code(body)) <= 40


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (r"\u0041\x42\n\"\\", 'AB "\\'),
        (r"\\u0041", "A"),
        (r"\ud83d\ude42", "🙂"),
        (r"half \ud83d", "half \ufffd"),
        (r"\xc3\xbc", "ü"),
        (r"\xfc", "ü"),
        (r"\U0001F642", "🙂"),
        (r"\UFFFFFFFF \u12 \q \ ", "UFFFFFFFF u12 q  "),
        ("&amp;&#65;", "&A"),
        ("%C3%BC %zz", "ü %zz"),
    ],
)
def test_escapes_are_undone(text: str, plain: str) -> None:
    """The escapes of JSON, Python, HTML and addresses give the characters they stand for."""
    assert unescaped(text) == plain
