"""Foreign text made harmless, and counts in words."""

import pytest

from mem0tray.core import text

OBEYED = "\x00\x1b\x7f\x9f\u061c\u200e\u2028\u202e\u2066\u2069\ufeff\ud800\udfff"


@pytest.mark.parametrize(
    ("found", "limit", "shown"),
    [
        (f" a\n\t b{OBEYED}c \r\n", 200, "a b c"), ("« a »\u202f!\xa0", 200, "« a »\u202f!"),
        ("x" * 200, 200, "x" * 200), ("x" * 201, 200, "x" * 199 + "…"), ("abcdef", 5, "abcd…"),
        # It looks no further than it must.
        ("x" * 19 + " " * 20 + "y", 10, "x" * 9 + "…"), ("a" + " " * 38 + "b", 10, "a b"),
        ("a" + " " * 39 + "b", 10, "a"),
    ],
)  # fmt: skip
def test_one_line_is_one_line_of_a_limited_length(found: str, limit: int, shown: str) -> None:
    assert text.one_line(found, limit) == shown


def test_an_excerpt_quotes_the_beginning_and_a_short_id_has_eight_characters() -> None:
    assert text.excerpt("short") == "“short”"
    assert text.excerpt("x" * 61) == f"“{'x' * 59}…”"
    ids = {"0123456789": "01234567", "abc": "abc", "a\nb": "a b"}
    assert {each: text.short_id(each) for each in ids} == ids


def test_lines_and_json_stay_what_they_are_without_what_a_terminal_obeys() -> None:
    assert text.lines("X\r\n\tb\x1bc\rd\n") == "X\n\tb\ufffdc\ufffdd\n"
    assert text.harmless_json('{\n\t"a": "\x7f\u2028é"}') == '{\n\t"a": "\\u007f\\u2028é"}'


def test_columns_are_counted_as_a_terminal_does() -> None:
    assert text.cells("ab") == 2
    assert text.cells("漢字") == 4
    assert text.cells("ｗ") == 2
    assert text.cells("e\u0301") == 1
    assert text.cells("") == 0


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 days"), (1, "1 day"), (1.0, "1 day"), (2, "2 days"), (1.5, "1.5 days"),
        (0.5, "0.5 days"), (1234, "1,234 days"), (1234.5, "1,234.5 days"),
    ],
)  # fmt: skip
def test_a_count_goes_with_its_noun(count: float, words: str) -> None:
    assert text.plural(count, "day") == words
    assert text.plural(count, "day", "days") == words


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, ""), (1, "n"), (3, "n, n, n"), (2003, "n, n, n and 2,000 more")],
)
def test_of_many_names_the_first_are_given(count: int, said: str) -> None:
    assert text.some(["n"] * count, 3) == said


def test_a_mistyped_name_gets_a_guess() -> None:
    assert text.did_you_mean("lst", ["list", "last", "delete"]) == " Did you mean `list`?"
    assert text.did_you_mean("stauts", ["stats", "status"]) == " Did you mean `status`?"
    assert text.did_you_mean("xyz", ["list"]) == ""


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (None, "–"), (1e30, "–"), (0, "–"), (-5, "–"), (10_000.5, "just now"),
        (9_999, "1 s ago"), (9_970, "30 s ago"), (9_800, "3 min ago"), (10_000 - 7200, "2 h ago"),
        (10_020, "in 20 s"), (10_479.9, "in 8 min"), (10_059.7, "in 1 min"), (13_599.5, "in 1 h"),
        (10_000 + 1800, "in 30 min"), (10_000 + 86_399, "in 1 d"),
        (10_000 + 86_400 * 40, "in 40 d"), (10_001, "in 1 s"), (10_001.5, "in 2 s"),
        (0.5, "3 h ago"),
    ],
)  # fmt: skip
def test_an_age_is_given_in_its_largest_unit(at: float | None, shown: str) -> None:
    assert text.ago(at, 10_000) == shown


@pytest.mark.parametrize(
    ("at", "shown"),
    [(0, "due now"), (9_000, "due now"), (10_000.9, "due now"), (10_001, "in 1 s")],
)
def test_what_is_to_come_is_never_just_now(at: float, shown: str) -> None:
    assert text.due(at, 10_000) == shown


def test_a_moment_has_its_time_and_its_distance() -> None:
    assert text.moment(9_940, 10_000) == f"{text.clock(9_940)} (1 min ago)"


@pytest.mark.parametrize("at", [None, 0, -1, 1e300, float("inf"), float("nan")])
def test_impossible_times_are_a_dash(at: float | None) -> None:
    assert text.moment(at, 0) == text.NEVER
