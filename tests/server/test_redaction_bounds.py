"""What of an answer is looked at, and how much of a content may show."""

import pytest

from mem0tray.server.redaction import LIMIT, REPEATED, REPEATED_SECRET, code, repeats, said


def test_so_much_may_show() -> None:
    """Eleven characters of a content, seven of a secret; a message has two hundred."""
    assert (REPEATED, REPEATED_SECRET, LIMIT) == (12, 8, 200)


@pytest.mark.parametrize(
    ("text", "content", "length", "shows"),
    [
        ("abcdefghijkl", "abcdefghijklm", 12, True),
        ("abcdefghijk", "abcdefghijklm", 12, False),
        ("abcdefgh", "abcdefghijklm", 8, True),
        ("abcdefg", "abcdefghijklm", 8, False),
        ("a secret", "secret", 12, True),
        ("a secre", "secre", 12, False),
        ("a SECRET", "  secret  ", 12, True),
        ("x" * 788 + "abcdefghijkl", "abcdefghijkl", 12, True),
        ("x" * 789 + "abcdefghijkl", "abcdefghijkl", 12, False),
        ("a b c d e f", "abcdef", 12, True),
        ("a-b-c-d-e-f", "abcdef", 12, True),
        ("abcdef", "a-b-c-d-e-f", 12, False),
        ("a-b-c-d-e-f", "a.b.c.d.e.f", 12, False),
        ("a-b-c-d-e-f-g-h", "a.b.c.d.e.f.g.h", 12, False),
        ("in", "--------", 12, False),
    ],
)
def test_what_counts_as_shown(text: str, content: str, length: int, *, shows: bool) -> None:
    """So many characters in a row, a short content as a whole; chance does not count."""
    assert repeats(text, content, length) is shows


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": "a", "detail": "b"}, "a"),
        ({"detail": "b", "message": "c"}, "b"),
        ({"message": "c", "msg": "d"}, "c"),
        ({"msg": "d", "reason": "e"}, "d"),
        ({"reason": "e", "title": "f"}, "e"),
        ({"title": "f", "other": "g"}, "f"),
        ({"error": " ", "title": "f"}, "f"),
        ({"error": {"detail": {"message": "deep"}}}, "deep"),
        ({"error": {"detail": {"message": {"msg": "deeper"}}}}, ""),
        ({"detail": [{"msg": str(n)} for n in range(7)]}, "0; 1; 2; 3; 4"),
        ({"detail": [{"loc": "body", "msg": "odd"}]}, "body: odd"),
        ({"detail": [{"loc": list(range(12)), "msg": "odd"}]}, "0.1.2.3.4.5.6.7.8.9: odd"),
        ({"detail": [{"loc": ["a", None, 1.5, "b"]}]}, "a.b"),
        ({"detail": [{"msg": 7}]}, ""),
        ({"detail": [{"msg": "odd"}]}, "odd"),
        ([{"msg": "a"}, "b"], "a"),
        ("words", "words"),
        ("x" * 900, "x" * 800),
        (7, ""),
    ],
)
def test_what_an_error_says(body: object, words: str) -> None:
    """The first that says anything, three levels deep, and five entries of a list."""
    assert said(body) == words


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"code": "a", "error_code": "b"}, "a"),
        ({"error_code": "b", "type": "c"}, "b"),
        ({"type": "c", "error_type": "d"}, "c"),
        ({"error_type": "d"}, "d"),
        ({"code": "two words", "type": "c"}, "c"),
        ({"code": 7, "error": {"code": "x.y-z_1"}}, "x.y-z_1"),
        ({"error": {"code": "e"}, "detail": {"code": "d"}}, "e"),
        ({"detail": [{"type": "missing"}, {"type": "other"}]}, "missing"),
        ({"detail": []}, ""),
        ({"detail": ["missing"]}, ""),
        ({"code": "a" * 40}, "a" * 40),
        ({"code": "a" * 41}, ""),
        ({"code": "1a"}, ""),
        ([{"code": "a"}], ""),
        ("a", ""),
    ],
)
def test_the_code_of_an_error(body: object, found: str) -> None:
    """A short word at one of its places; the first that fits."""
    assert code(body) == found
