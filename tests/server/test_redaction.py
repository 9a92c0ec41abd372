"""Whether words show a content, for any words and any content; and what an error says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mem0tray.server.redaction import REPEATED, code, repeats, said

PLAIN = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cf"]), max_size=40)
TEXTS = st.text(st.characters(codec="utf-8"), min_size=REPEATED, max_size=60)


@settings(max_examples=50)
@given(TEXTS, PLAIN, PLAIN, st.data())
def test_any_twelve_characters_of_any_content_are_found(
    content: str, before: str, behind: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(content) - REPEATED))
    assert repeats(before + content[start : start + REPEATED] + behind, content)


@pytest.mark.parametrize(
    ("text", "content", "length", "shows"),
    [
        ("abcdefghijkl", "abcdefghijklm", 12, True),
        ("abcdefghijk", "abcdefghijklm", 12, False),
        ("a secret", "secret", 12, True),
        ("a SECRET", "  secret  ", 12, True),
        ("x" * 788 + "abcdefghijkl", "abcdefghijkl", 12, True),
        ("x" * 789 + "abcdefghijkl", "abcdefghijkl", 12, False),
        ("a b c d e f", "abcdef", 12, True),
        ("a-b-c-d-e-f", "abcdef", 12, True),
        ("a-b-c-d-e-f", "a.b.c.d.e.f", 12, False),
        ("in", "--------", 12, False),
    ],
)
def test_what_counts_as_shown(text: str, content: str, length: int, *, shows: bool) -> None:
    assert repeats(text, content, length) is shows


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": "a", "detail": "b"}, "a"),
        ({"error": " ", "title": "f"}, "f"),
        ({"error": {"detail": {"message": "deep"}}}, "deep"),
        ({"error": {"detail": {"message": {"msg": "deeper"}}}}, ""),
        ({"detail": [{"msg": str(n)} for n in range(7)]}, "0; 1; 2; 3; 4"),
        ({"detail": [{"loc": "body", "msg": "odd", "input": "abc"}, "abc"]}, "body: odd"),
        ({"detail": [{"loc": list(range(12)), "msg": "odd"}]}, "0.1.2.3.4.5.6.7.8.9: odd"),
        ({"detail": [{"loc": ["a", None, 1.5, "b"]}]}, "a.b"),
        ("words", "words"),
        ("x" * 900, "x" * 800),
    ],
)
def test_an_error_says_the_first_of_its_words(body: object, words: str) -> None:
    assert said(body) == words


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"code": "a", "error_code": "b"}, "a"),
        ({"code": "two words", "type": "c"}, "c"),
        ({"code": 7, "error": {"code": "x.y-z_1"}}, "x.y-z_1"),
        ({"error": {"code": "e"}, "detail": {"code": "d"}}, "e"),
        ({"detail": [{"type": "missing"}, {"type": "other"}]}, "missing"),
        ({"code": "a" * 41}, ""),
        ([{"code": "a"}], ""),
    ],
)
def test_the_code_of_an_error_is_the_first_short_word(body: object, found: str) -> None:
    assert code(body) == found
